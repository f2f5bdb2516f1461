import Bytes
import HTTPWire
import RegistryAPI

private let methods: [HTTPWire.Method] = [
    .get, .head, .post, .put, .patch, .delete, .options, .other,
]

/// A target as the proxy takes it: checked and routed. `nil` if it is refused.
private func route(_ bytes: [UInt8], _ method: HTTPWire.Method) -> RegistryOperation? {
    let whole = Place(0, bytes.count)
    guard
        let target = try? RequestTarget(parsing: bytes.span, of: whole, method: method, host: nil)
    else { return nil }
    return try? RegistryOperation.route(
        method: method,
        head: bytes.span,
        path: target.path,
        query: target.query
    )
}

private func upstreamTarget(_ operation: RegistryOperation) -> [UInt8] {
    let buffer = Buffer(capacity: RegistryOperation.longestUpstreamTarget)
    operation.appendUpstreamTarget(to: buffer)
    return ByteString(copying: buffer.bytes).bytes
}

extension FuzzTarget {
    /// What is written for the registry is clean, and means what was asked: read again, it routes
    /// to the same operation with the same rights.
    static let target = FuzzTarget("target") { bytes throws(Finding) in
        for method in methods { try checkRouting(bytes, method) }
    }

    /// The same, at the routes that have a query.
    static let query = FuzzTarget("query") { bytes throws(Finding) in
        let digest = "sha256:" + String(repeating: "ab", count: 32)
        for (method, path) in [
            (.post, "/v2/a/b/blobs/uploads/"), (.put, "/v2/a/b/blobs/uploads/id"),
            (.patch, "/v2/a/b/blobs/uploads/id"), (.put, "/v2/a/b/manifests/\(digest)"),
            (.get, "/v2/a/b/tags/list"), (.get, "/v2/_catalog"),
            (.get, "/v2/a/b/referrers/\(digest)"),
        ] as [(HTTPWire.Method, String)] {
            try checkRouting(Array("\(path)?".utf8) + bytes, method)
        }
    }

    private static func checkRouting(
        _ bytes: [UInt8],
        _ method: HTTPWire.Method
    ) throws(Finding) {
        guard let operation = route(bytes, method) else { return }
        let written = upstreamTarget(operation)
        guard let upstreamMethod = operation.upstreamMethod else { return }
        try expect(Grammar.isVisible(written), "written: \(shown(written))")
        try expect(Grammar.isCleanTarget(written), "written: \(shown(written))")
        if let repository = operation.repository {
            try expect(Grammar.isRepository(repository.bytes.bytes), "\(repository)")
            let prefix = Array("/v2/".utf8) + repository.bytes.bytes + Array("/".utf8)
            try expect(written.starts(with: prefix), "\(shown(written)) is of \(repository)")
        }
        guard let again = route(written, upstreamMethod) else {
            throw Finding("what was written is refused: \(shown(written))")
        }
        try expect(again.requiredAccess == operation.requiredAccess, "other rights")
        try expect(upstreamTarget(again) == written, "written: \(shown(written))")
        try checkQuery(written, operation)
    }

    /// registry:2 takes mount, from and digest wherever it finds them: it must find what was
    /// decided on, and nothing else.
    private static func checkQuery(
        _ written: [UInt8],
        _ operation: RegistryOperation
    ) throws(Finding) {
        let parts = written.split(separator: UInt8(ascii: "?"), maxSplits: 1)
        let pairs = Grammar.goQuery(parts.count > 1 ? Array(parts[1]) : [])
        func values(_ key: String) -> [[UInt8]] {
            pairs.filter { Grammar.lowercased($0.key) == Array(key.utf8) }.map(\.value)
        }
        switch operation {
        case .uploadStart(_, let digest, _):
            try expect(values("mount").isEmpty && values("from").isEmpty, "a hidden mount")
            try expect(values("digest") == (digest.map { [$0.bytes.bytes] } ?? []), "digest")
        case .uploadMount(_, let digest, let from):
            try expect(values("mount") == [digest.bytes.bytes], "mount")
            try expect(values("from") == [from.bytes.bytes], "from")
        case .upload(.put, _, _, let query):
            try expect(values("digest") == [query.digest?.bytes.bytes], "digest")
        case .upload:
            try expect(values("digest").count <= 1, "digest is repeated")
        case .manifest(_, _, _, let tags):
            try expect(values("tag") == tags.map(\.bytes.bytes), "tags")
        case .tags(_, let page), .catalog(let page, _), .referrers(_, _, _, let page):
            try expect(values("last") == (page.last.map { [$0.bytes] } ?? []), "last")
            try expect((page.count ?? 0) <= Page.largest, "n")
        case .blob: try expect(pairs.isEmpty, "a query")
        default: break
        }
    }

    /// A host and port have one reading, and nothing that could end them early.
    static let authority = FuzzTarget("authority") { bytes throws(Finding) in
        guard let authority = Authority(parsing: bytes.span, at: Place(0, bytes.count)) else {
            return
        }
        let host = Array(bytes[authority.host.range])
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._".utf8)
        if host.first == UInt8(ascii: "[") {
            let inside = Set("0123456789abcdefABCDEF:.".utf8)
            try expect(host.dropFirst().dropLast().allSatisfy(inside.contains), "\(shown(host))")
        } else {
            try expect(host.allSatisfy(allowed.contains), "\(shown(host))")
        }
        try expect((1...255).contains(host.count), "length \(host.count)")
        let port = authority.port.map { ":\($0)" } ?? ""
        let anew = host + Array(port.utf8)
        guard let again = Authority(parsing: anew.span, at: Place(0, anew.count)) else {
            throw Finding("\(shown(anew)) is refused")
        }
        try expect(
            again.port == authority.port && Array(anew[again.host.range]) == host,
            "\(shown(anew)) is read otherwise"
        )
    }
}
