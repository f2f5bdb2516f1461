import Bytes
import HTTPWire
import NetIO
import RegistryAPI

extension FuzzTarget {
    /// A PROXY header ends where it ends, however much of the stream has come.
    static let proxyHeader = FuzzTarget("proxy-header") { bytes throws(Finding) in
        guard case .complete(let header, let byteCount) = ProxyHeader.read(bytes.span) else {
            return
        }
        try expect((1...min(bytes.count, ProxyHeader.longest)).contains(byteCount), "\(byteCount)")
        for count in 0..<byteCount {
            let begun = ProxyHeader.read(Array(bytes[..<count]).span)
            try expect(begun == .incomplete, "\(begun) after \(count) of \(byteCount) bytes")
        }
        let alone = ProxyHeader.read(Array(bytes[..<byteCount]).span)
        try expect(alone == .complete(header, byteCount: byteCount), "alone it is \(alone)")
        guard bytes[0] == UInt8(ascii: "P"), case .client(let address, let port) = header else {
            return
        }
        // Version 1 can be read by anybody.
        let words = String(decoding: bytes[..<byteCount], as: UTF8.self).split(separator: " ")
        try expect(words.count == 6, "\(words)")
        try expect(IPAddress(parsing: Array(words[2].utf8).span) == address, "\(address)")
        try expect(words[4] == "\(port)", "\(port)")
    }

    /// Where a redirect leads can be written into a request as it is, and is read the same again.
    static let redirect = FuzzTarget("redirect") { bytes throws(Finding) in
        guard let first = RedirectTarget(parsing: bytes.span) else {
            try expect(
                RedirectTarget(parsing: bytes.span, from: nil) == nil, "without a base it differs")
            return
        }
        try check(first)
        let value = Grammar.lowercased(bytes)
        let scheme = first.isSecure ? "https://" : "http://"
        try expect(value.starts(with: scheme.utf8), "\(shown(bytes)) is \(scheme)")
        let asked = bytes.dropFirst(scheme.utf8.count).prefix { !"/?#".utf8.contains($0) }
        try expect(asked.starts(with: first.host.bytes), "\(shown(bytes)) leads to \(first.host)")
        try expect(!asked.contains(UInt8(ascii: "@")), "a user in \(shown(asked))")
        let anew = Array(scheme.utf8) + first.authority.bytes + first.pathAndQuery.bytes
        try expect(RedirectTarget(parsing: anew.span) == first, "\(shown(anew)) is another one")
        // A relative one never leaves the host that it came from.
        let path = first.pathAndQuery.bytes
        guard let next = RedirectTarget(parsing: path.span, from: first) else { return }
        try check(next)
        try expect(next.authority == first.authority, "\(shown(path)) leads to \(next.authority)")
    }

    private static func check(_ target: RedirectTarget) throws(Finding) {
        let path = target.pathAndQuery.bytes
        try expect(path.first == UInt8(ascii: "/"), "no path: \(shown(path))")
        try expect(Grammar.isVisible(path) && !path.contains(UInt8(ascii: "#")), shown(path))
        try expect(Grammar.isVisible(target.authority.bytes), "\(target.authority)")
        try expect(!target.host.isEmpty, "no host")
    }

    /// What `docker search` asks for comes back as JSON, and is found where it stands.
    static let search = FuzzTarget("search") { bytes throws(Finding) in
        guard let operation = searched(bytes) else { return }
        guard case .search(let term) = operation else { throw Finding("\(operation)") }
        try expect(term.text.count <= SearchTerm.longestText, "\(term.text.count) bytes")
        try expect((1...SearchTerm.largestCount).contains(term.count), "\(term.count) results")
        let names: [ByteString] = ["library/hello", "a", term.text]
        let json = term.json(names)
        try expect(!json.bytes.contains { $0 < 0x20 || $0 == 0x7F }, shown(json.bytes))
        try expect(isJSON(json.bytes), "no JSON: \(shown(json.bytes))")
        for name in names.prefix(2) {
            let folded = Grammar.lowercased(term.text.bytes)
            let stands = (0...name.count).contains { name.bytes[$0...].starts(with: folded) }
            try expect(term.matches(name.span) == stands, "\(name) and \(shown(folded))")
        }
    }

    private static func searched(_ query: [UInt8]) -> RegistryOperation? {
        let bytes = Array("/v1/search?".utf8) + query
        let whole = Place(0, bytes.count)
        guard
            let target = try? RequestTarget(parsing: bytes.span, of: whole, method: .get, host: nil)
        else { return nil }
        return try? RegistryOperation.route(
            method: .get,
            head: bytes.span,
            path: target.path,
            query: target.query
        )
    }

    /// A realm stays one quoted string (RFC 9110 section 5.6.4), whatever is in it.
    static let challenge = FuzzTarget("challenge") { bytes throws(Finding) in
        guard let challenge = Challenge(basicRealm: ByteString(bytes)) else {
            let isText = !bytes.isEmpty && bytes.allSatisfy { (0x20...0x7E).contains($0) }
            return try expect(!isText, "\(shown(bytes)) is refused")
        }
        let value = challenge.bytes.bytes
        try expect(value.allSatisfy { (0x20...0x7E).contains($0) }, shown(value))
        try expect(value.starts(with: "Basic realm=\"".utf8), shown(value))
        var rest = value.dropFirst(13)
        var realm: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            if byte != UInt8(ascii: "\\") {
                realm.append(byte)
            } else if let next = rest.popFirst() {
                realm.append(next)
            }
        }
        try expect(realm == bytes, "the realm is \(shown(realm))")
        try expect(Array(rest) == Array(", charset=\"UTF-8\"".utf8), "behind it: \(shown(rest))")
    }
}
