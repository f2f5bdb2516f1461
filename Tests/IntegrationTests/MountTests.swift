// registry:2 reads `mount` and `from` from the query, from a form body and from a multipart body. A
// proxy that looks at one of them alone gives every blob away.

import TestSupport
import Testing

@Suite(.ownThreads) struct MountTests {
    static let digest = "sha256:" + String(repeating: "c", count: 64)
    static let uploads = "/v2/team-a/y/blobs/uploads/"

    private func withProxy(_ body: (RecordingUpstream, ProxyProcess) throws -> Void) throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        try body(upstream, proxy)
    }

    @Test("a mount from a repository that alice may read goes upstream, its query written anew")
    func allowedMount() throws {
        try withProxy { upstream, proxy in
            let target = "\(Self.uploads)?origin=1&from=team-a%2Fx&mount=\(Self.digest)&ns=z"
            let answer = try proxy.request("POST", target, as: .alice)
            #expect(answer.status == 202)
            let request = try #require(upstream.requests.first)
            let query = request.target.split(separator: "?").last ?? ""
            let keys = query.split(separator: "&").map { $0.split(separator: "=").first ?? "" }
            #expect(keys.sorted() == ["from", "mount"], "\(request.target)")
            #expect(request.target.hasPrefix(Self.uploads))
            #expect(query.replacing("%2F", with: "/").contains("from=team-a/x"))
            #expect(query.replacing("%3A", with: ":").contains("mount=\(Self.digest)"))
        }
    }

    @Test(
        "a mount from a repository that alice may not read becomes an ordinary upload",
        arguments: ["team-b/x", "team-b%2Fx", "team%2Db/x"]
    )
    func forbiddenMount(from: String) throws {
        try withProxy { upstream, proxy in
            let target = "\(Self.uploads)?mount=\(Self.digest)&from=\(from)"
            let answer = try proxy.request("POST", target, as: .alice)
            #expect(answer.status == 202 || answer.status == 400)
            for request in upstream.requests { #expect(request.target == Self.uploads) }
            #expect(!upstream.saw("team-b"))
            #expect(!upstream.saw(Self.digest))
        }
    }

    @Test(
        "a query in which mount or from is written twice or otherwise is refused",
        arguments: [
            "mount=D&from=team-a/x&from=team-b/x",
            "from=team-b/x&mount=D&from=team-a/x",
            "mount=D&mount=D&from=team-a/x",
            "mount=D&%66rom=team-b/x",
            "%6dount=D&from=team-b/x",
            "mount=D&From=team-b/x",
            "MOUNT=D&FROM=team-b/x",
            "mount=D&from=team-a/x&FROM=team-b/x",
            "mount=D&from=team-a/x;from=team-b/x",
            "mount=D&from=..%2Fteam-b/x",
            "mount=D&from=%zz",
            "mount=nonsense&from=team-a/x",
        ]
    )
    func ambiguousQuery(query: String) throws {
        try withProxy { upstream, proxy in
            let query = query.replacing("=D", with: "=\(Self.digest)")
            let answer = try proxy.request("POST", "\(Self.uploads)?\(query)", as: .alice)
            #expect(answer.status == 400, "\(query): \(answer.status)")
            #expect(answer.errorCode != nil)
            #expect(upstream.requests.isEmpty)
        }
    }

    @Test(
        "a form body reaches the upstream as bytes that are no form",
        arguments: [
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=utf-8",
            "APPLICATION/X-WWW-FORM-URLENCODED",
            "multipart/form-data; boundary=b",
        ]
    )
    func formBody(type: String) throws {
        try withProxy { upstream, proxy in
            let text =
                type.hasPrefix("multipart") ? Self.multipart : "mount=\(Self.digest)&from=team-b/x"
            let fields = ["Content-Type: \(type)"]
            let answer = try proxy.request(
                "POST",
                Self.uploads,
                as: .alice,
                fields,
                body: Array(text.utf8)
            )
            for request in upstream.requests {
                #expect(request.target == Self.uploads)
                let types = request.head.values("Content-Type")
                #expect(types.isEmpty || types == ["application/octet-stream"], "\(types)")
            }
            if upstream.requests.isEmpty { #expect((400..<500).contains(answer.status)) }
        }
    }

    static let multipart = """
        --b\r
        Content-Disposition: form-data; name="mount"\r
        \r
        \(digest)\r
        --b\r
        Content-Disposition: form-data; name="from"\r
        \r
        team-b/x\r
        --b--\r

        """

    /// The proof on the real thing: the secret layer never becomes readable in alice's repository.
    @Test("on a real registry no body or query gives alice a layer of team-b")
    func realRegistry() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        let secret = Array("a layer that only bob may read".utf8)
        let digest = try RawClient(port: registry.port).pushBlob(secret, to: "team-b/x")
        let form = "mount=\(digest)&from=team-b/x"
        let parts = Self.multipart.replacing(Self.digest, with: digest)
        let attempts: [(String, [String], String?)] = [
            ("\(Self.uploads)?\(form)", [], nil),
            (Self.uploads, ["Content-Type: application/x-www-form-urlencoded"], form),
            (Self.uploads, ["Content-Type: multipart/form-data; boundary=b"], parts),
            ("\(Self.uploads)?mount=\(digest)", [Self.formType], "from=team-b/x"),
            ("\(Self.uploads)?mount=\(digest)&from=team-a/z", [Self.formType], "from=team-b/x"),
        ]
        for (target, fields, body) in attempts {
            let bytes = body.map { Array($0.utf8) }
            let answer = try proxy.request("POST", target, as: .alice, fields, body: bytes)
            #expect(answer.status != 201, "\(target) \(fields)")
            let read = try proxy.request("GET", "/v2/team-a/y/blobs/\(digest)", as: .alice)
            #expect(read.status == 404, "\(target) \(fields)")
        }
        let bob = try proxy.request("GET", "/v2/team-b/x/blobs/\(digest)", as: .bob)
        #expect(bob.body == secret)
    }

    static let formType = "Content-Type: application/x-www-form-urlencoded"

    @Test("an allowed mount on a real registry mounts")
    func realMount() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        let layer = Array("alice's own layer".utf8)
        let digest = try proxy.connect().pushBlob(layer, to: "team-a/x", as: .alice)
        let target = "\(Self.uploads)?mount=\(digest)&from=team-a/x"
        let answer = try proxy.request("POST", target, as: .alice)
        #expect(answer.status == 201)
        #expect(answer["Location"]?.hasPrefix("/v2/team-a/y/blobs/") == true)
        let line = try #require(proxy.accessLines(about: answer).first)
        #expect(line["operation"] == "upload.mount")
        let read = try proxy.request("GET", "/v2/team-a/y/blobs/\(digest)", as: .alice)
        #expect(read.body == layer)
    }
}
