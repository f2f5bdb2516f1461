// The same conversation with a registry and, through the proxy, with another one like it: what a
// client is told must be the same. The conversation has the cases of the OCI distribution
// specification's conformance tests (pull, push, content discovery, content management) and more.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct FidelityTests {
    @Test("whatever docker-registry answers, the client gets the same through the proxy")
    func conversation() throws {
        let direct = try DockerRegistry()
        defer { direct.stop() }
        let behind = try DockerRegistry()
        defer { behind.stop() }
        let proxy = try ProxyProcess(upstream: behind.url)
        defer { proxy.stop() }
        let wanted = try Conversation(as: nil) { try RawClient(port: direct.port) }
        let got = try Conversation(as: .alice) { try proxy.connect() }
        for conversation in [wanted, got] {
            try conversation.pushBlobs()
            try conversation.pushInPieces()
            try conversation.mount()
            try conversation.pushManifests()
            try conversation.pullBlobs()
            try conversation.pullManifests()
            try conversation.delete()
        }
        #expect(wanted.entries.count == got.entries.count)
        for (wanted, got) in zip(wanted.entries, got.entries) {
            #expect(wanted.status == got.status, "\(wanted.name)")
            #expect(wanted.fields == got.fields, "\(wanted.name)")
            #expect(wanted.body == got.body, "\(wanted.name)")
        }
    }
}

/// A conversation about one repository, and what was answered.
private final class Conversation {
    struct Entry {
        let name: String
        let status: Int
        /// Those that matter to clients.
        let fields: [String: String]
        let body: [UInt8]
    }

    private let connect: () throws -> RawClient
    private var client: RawClient
    private let user: TestUser?
    private(set) var entries: [Entry] = []

    static let repository = "/v2/team-a/app"
    private let missing = "sha256:" + String(repeating: "0", count: 64)
    private let config = Array(#"{"architecture":"amd64","os":"linux"}"#.utf8)
    private let layer = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

    init(as user: TestUser?, connect: @escaping () throws -> RawClient) throws {
        self.user = user
        self.connect = connect
        client = try connect()
    }

    /// - Parameter name: tells the case in a failure.
    @discardableResult
    private func ask(
        _ name: String,
        _ method: String,
        _ target: String,
        _ fields: [String] = [],
        body: [UInt8]? = nil
    ) throws -> Response {
        let what = "\(name): \(method) \(target.prefix(60))"
        var all = fields
        if let body { all.append("Content-Length: \(body.count)") }
        if body == nil, ["POST", "PUT", "PATCH"].contains(method) {
            all.append("Content-Length: 0")
        }
        try client.sendHead(method, target, as: user, all)
        if let body { try client.send(body) }
        do {
            let answer = try client.readResponse(answering: method)
            note(what, answer)
            return answer
        } catch let error as MessageError {
            Issue.record("\(what): \(error)")
            throw error
        }
    }

    /// The registry announces the whole blob where it then sends a line of text, and breaks off:
    /// what it announced must arrive, and look as broken.
    private func askForBroken(_ name: String, _ blob: String, _ field: String) throws {
        try client.sendHead("GET", blob, as: user, [field])
        let head = try client.reader.readHead()
        #expect(throws: MessageError.self, "\(name) \(field)") {
            try client.reader.readBody(of: head)
        }
        note("broken \(field)", Response(head: head, body: [], interim: []))
        client.close()
        client = try connect()
    }

    private func note(_ name: String, _ answer: Response) {
        let shown = [
            "Content-Type", "Content-Length", "Docker-Content-Digest", "ETag", "Location", "Range",
            "Content-Range", "Accept-Ranges", "Cache-Control", "Link", "Allow", "OCI-Subject",
            "Docker-Distribution-Api-Version", "Last-Modified", "Retry-After", "Docker-Upload-UUID",
        ]
        var fields: [String: String] = [:]
        for field in shown {
            let values = answer.head.values(field)
            if !values.isEmpty { fields[field] = Self.masked(values.joined(separator: " + ")) }
        }
        var body = answer.body
        if answer["Content-Type"]?.contains("octet-stream") != true {
            body = Array(Self.masked(answer.text).utf8)
        }
        entries.append(
            Entry(name: Self.masked(name), status: answer.status, fields: fields, body: body))
    }

    /// Without what is another one each time: authorities, names and states of uploads, boundaries.
    private static func masked(_ text: String) -> String {
        var text = text.replacing(#/https?:\/\/[^\/]+\//#, with: "/")
        text = text.replacing(
            #/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/#, with: "ID")
        text = text.replacing(#/_state=[A-Za-z0-9_=%-]+/#, with: "_state=S")
        return text.replacing(#/\b[0-9a-f]{60}\b/#, with: "BOUNDARY")
    }

    private func start(_ name: String) throws -> String {
        let answer = try ask(name, "POST", Self.repository + "/blobs/uploads/")
        return try next(answer)
    }

    /// Where the session goes on.
    private func next(_ answer: Response) throws -> String {
        let location = try #require(answer["Location"])
        let path = try #require(location.firstRange(of: "/v2/"))
        return String(location[path.lowerBound...])
    }

    private func digested(_ session: String, _ digest: String) -> String {
        session + (session.contains("?") ? "&" : "?") + "digest=" + digest
    }

    private static let octets = "Content-Type: application/octet-stream"
}

/// Push: blobs.
extension Conversation {
    func pushBlobs() throws {
        let whole = try digest(of: layer)
        var session = try start("POST then PUT")
        try ask("POST then PUT", "PUT", digested(session, whole), [Self.octets], body: layer)
        session = try start("config")
        let escaped = try digest(of: config).replacing(":", with: "%3A")
        try ask("escaped digest", "PUT", digested(session, escaped), [Self.octets], body: config)
        let single = Array("single".utf8)
        let uploads = Self.repository + "/blobs/uploads/"
        let answer = try ask(
            "single POST", "POST", uploads + "?digest=" + digest(of: single), [Self.octets],
            body: single)
        if answer.status == 202 {
            session = try next(answer)
            try ask("single POST", "PUT", digested(session, digest(of: single)), body: single)
        }
        session = try start("wrong digest")
        try ask("wrong digest", "PUT", digested(session, missing), [Self.octets], body: single)
        session = try start("unknown algorithm")
        let other = "md9:" + String(repeating: "0", count: 64)
        try ask("unknown algorithm", "PUT", digested(session, other), [Self.octets], body: single)
        session = try start("empty blob")
        try ask("empty blob", "PUT", digested(session, digest(of: [])), [Self.octets], body: [])
        session = try start("the same again")
        try ask("the same again", "PUT", digested(session, whole), [Self.octets], body: layer)
        try ask("lost session", "PUT", digested(uploads + "no-such-session", whole), body: single)
    }

    func pushInPieces() throws {
        let (first, second) = (Array(layer[..<20_000]), Array(layer[20_000...].map { ~$0 }))
        var session = try start("pieces")
        var answer = try ask(
            "first piece", "PATCH", session, [Self.octets, "Content-Range: 0-19999"], body: first)
        session = try next(answer)
        answer = try ask("status", "GET", session)
        answer = try ask("status by HEAD", "HEAD", session)
        try ask(
            "a piece again", "PATCH", session, [Self.octets, "Content-Range: 0-9"], body: first)
        answer = try ask("status after that", "GET", session)
        guard answer.status == 204 else { return }
        session = try next(answer)
        answer = try ask("the rest", "PATCH", session, [Self.octets], body: second)
        session = try next(answer)
        try ask("completed", "PUT", digested(session, digest(of: first + second)))
        session = try start("stream")
        try client.sendHead(
            "PATCH", session, as: user, [Self.octets, "Transfer-Encoding: chunked"])
        for piece in [first, second] {
            try client.send("\(String(piece.count, radix: 16))\r\n")
            try client.send(piece)
            try client.send("\r\n")
        }
        try client.send("0\r\n\r\n")
        answer = try client.readResponse(answering: "PATCH")
        note("stream", answer)
        session = try next(answer)
        try ask(
            "stream, last piece", "PUT", digested(session, digest(of: first + second + config)),
            [Self.octets, "Content-Range: 50000-50036"], body: config)
        session = try start("cancelled")
        try ask("cancelled", "DELETE", session)
        try ask("cancelled", "GET", session)
        try ask("cancelled", "PATCH", session, [Self.octets], body: first)
        try ask("cancelled", "DELETE", session)
    }

    func mount() throws {
        let uploads = "/v2/team-a/other/blobs/uploads/"
        let blob = try digest(of: layer)
        try ask("mount", "POST", uploads + "?mount=\(blob)&from=team-a/app")
        try ask("mounted", "HEAD", "/v2/team-a/other/blobs/\(blob)")
        try ask("of nothing", "POST", uploads + "?mount=\(missing)&from=team-a/app")
        try ask("from nowhere", "POST", uploads + "?mount=\(blob)&from=team-a/none")
        try ask("without from", "POST", uploads + "?mount=\(blob)")
    }
}

/// Push: manifests.
extension Conversation {
    func pushManifests() throws {
        let manifests = Self.repository + "/manifests/"
        let image = try Manifest(config: config, layers: [layer])
        let type = ["Content-Type: \(Manifest.mediaType)"]
        try ask("new tag", "PUT", manifests + "v1", type, body: image.bytes)
        try ask("again", "PUT", manifests + "v1", type, body: image.bytes)
        try ask("by digest", "PUT", manifests + image.digest, type, body: image.bytes)
        try ask("second tag", "PUT", manifests + "v2", type, body: image.bytes)
        try ask("other digest", "PUT", manifests + missing, type, body: image.bytes)
        try ask("no JSON", "PUT", manifests + "bad", type, body: Array("{".utf8))
        try ask(
            "other type", "PUT", manifests + "bad", ["Content-Type: text/plain"],
            body: image.bytes)
        let lost = try Manifest(config: config, layers: [Array("nowhere".utf8)])
        try ask("lost layer", "PUT", manifests + "bad", type, body: lost.bytes)
        try ask(
            "index", "PUT", manifests + "multi", ["Content-Type: \(Self.indexType)"],
            body: index(of: image))
        try ask("artifact", "PUT", manifests + "artifact", type, body: artifact(about: image))
    }

    private static let indexType = "application/vnd.oci.image.index.v1+json"

    private func index(of image: Manifest) -> [UInt8] {
        Array(
            """
            {"schemaVersion":2,"mediaType":"\(Self.indexType)","manifests":[{"mediaType":\
            "\(Manifest.mediaType)","size":\(image.bytes.count),"digest":"\(image.digest)",\
            "platform":{"architecture":"amd64","os":"linux"}}]}
            """.utf8
        )
    }

    private func artifact(about image: Manifest) throws -> [UInt8] {
        Array(
            """
            {"schemaVersion":2,"mediaType":"\(Manifest.mediaType)","artifactType":"text/x.sig",\
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":\(config.count),\
            "digest":"\(try digest(of: config))"},"layers":[],"subject":{"mediaType":\
            "\(Manifest.mediaType)","size":\(image.bytes.count),"digest":"\(image.digest)"}}
            """.utf8
        )
    }
}

/// Pull, and content discovery.
extension Conversation {
    func pullBlobs() throws {
        let blob = try Self.repository + "/blobs/" + digest(of: layer)
        let etag = try ask("blob", "HEAD", blob)["ETag"] ?? ""
        try ask("blob", "GET", blob)
        try ask("no such blob", "HEAD", Self.repository + "/blobs/" + missing)
        try ask("no such blob", "GET", Self.repository + "/blobs/" + missing)
        try ask("no such repository", "GET", "/v2/team-a/none/blobs/" + missing)
        let ranges = [
            "bytes=0-0", "bytes=0-99", "bytes=49000-", "bytes=-7", "bytes=0-999999",
            "bytes=0-1,40-41", "bytes=",
        ]
        for range in ranges { try ask("Range \(range)", "GET", blob, ["Range: \(range)"]) }
        for range in ["bytes=50000-", "bytes=9-3", "bytes=x", "lines=0-9"] {
            try askForBroken("part", blob, "Range: \(range)")
        }
        try ask("Range", "HEAD", blob, ["Range: bytes=0-99"])
        for condition in [
            "If-None-Match: \(etag)", "If-None-Match: *", "If-None-Match: \"other\"",
            "If-None-Match: \"x\", \(etag)", "If-Match: \(etag)",
            "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT",
        ] {
            try ask(condition, "GET", blob, [condition])
            try ask(condition, "HEAD", blob, [condition])
        }
        try askForBroken("condition", blob, "If-Match: \"other\"")
        try ask("If-Range", "GET", blob, ["Range: bytes=0-9", "If-Range: \(etag)"])
        try ask("If-Range", "GET", blob, ["Range: bytes=0-9", "If-Range: \"other\""])
        try ask("encodings", "GET", blob, ["Accept-Encoding: gzip, zstd"])
    }

    func pullManifests() throws {
        let manifests = Self.repository + "/manifests/"
        let image = try Manifest(config: config, layers: [layer])
        let types = [
            [], ["Accept: \(Manifest.mediaType)"], ["Accept: */*"], ["Accept: text/html"],
            ["Accept: \(Self.indexType)"],
            [
                "Accept: application/vnd.docker.distribution.manifest.v2+json",
                "Accept: \(Manifest.mediaType)", "Accept: \(Self.indexType)",
            ],
            ["Accept: text/html;q=0.5, \(Manifest.mediaType);q=0.1", "Accept: \(Self.indexType)"],
        ]
        for reference in ["v1", image.digest, "multi", "artifact", "nope", missing] {
            for accept in types {
                try ask("\(reference) \(accept)", "HEAD", manifests + reference, accept)
                try ask("\(reference) \(accept)", "GET", manifests + reference, accept)
            }
        }
        let etag = "\"\(image.digest)\""
        for condition in ["If-None-Match: \(etag)", "If-None-Match: \"other\""] {
            let fields = ["Accept: \(Manifest.mediaType)", condition]
            try ask(condition, "GET", manifests + "v1", fields)
            try ask(condition, "HEAD", manifests + "v1", fields)
        }
        try ask("no such repository", "GET", "/v2/team-a/none/manifests/v1")
        try ask("no such repository", "GET", "/v2/team-a/none/tags/list")
    }
}

/// Content management.
extension Conversation {
    func delete() throws {
        let manifests = Self.repository + "/manifests/"
        let image = try Manifest(config: config, layers: [layer])
        let accept = ["Accept: \(Manifest.mediaType)"]
        try ask("by tag", "DELETE", manifests + "v1")
        try ask("no such manifest", "DELETE", manifests + missing)
        try ask("by digest", "DELETE", manifests + image.digest)
        try ask("deleted", "GET", manifests + "v1", accept)
        try ask("deleted", "GET", manifests + image.digest, accept)
        try ask("again", "DELETE", manifests + image.digest)
        let blob = try Self.repository + "/blobs/" + digest(of: layer)
        try ask("blob", "DELETE", blob)
        try ask("deleted blob", "GET", blob)
        try ask("blob again", "DELETE", blob)
        try ask("still in the other", "HEAD", "/v2/team-a/other/blobs/\(digest(of: layer))")
    }
}
