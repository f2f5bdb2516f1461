// What crosses the proxy, and what does not.

import TestSupport
import Testing

@Suite(.ownThreads) struct ForwardingTests {
    static let target = "/v2/team-a/x/manifests/v1"

    private func withProxy(
        _ script: @escaping RecordingUpstream.Script = { try $0.answerLikeARegistry() },
        _ body: (RecordingUpstream, ProxyProcess) throws -> Void
    ) throws {
        let upstream = try RecordingUpstream(script: script)
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        try body(upstream, proxy)
        #expect(upstream.violations.isEmpty, "\(upstream.violations)")
    }

    @Test("only listed fields go upstream, credentials never")
    func requestFields() throws {
        try withProxy { upstream, proxy in
            let fields = [
                "Accept: application/vnd.oci.image.index.v1+json", "Accept: */*",
                "Accept-Encoding: gzip", "User-Agent: test/1", "If-None-Match: \"x\"",
                "Cookie: a=b", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: evil",
                "X-Forwarded-Proto: gopher", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1",
                "X-Request-Id: mine", "TE: trailers", "Connection: X-Secret", "X-Secret: 1",
                "Upgrade: h2c", "Proxy-Authorization: Basic eA==", "X-Registry-Auth: eA==",
            ]
            let answer = try proxy.request("GET", Self.target, as: .alice, fields)
            #expect(answer.status == 200)
            let head = try #require(upstream.requests.first).head
            let accept = head.values("Accept").joined(separator: ", ")
            #expect(accept == "application/vnd.oci.image.index.v1+json, */*")
            #expect(head["Accept-Encoding"] == "gzip")
            #expect(head["User-Agent"] == "test/1")
            #expect(head["If-None-Match"] == "\"x\"")
            #expect(head.values("Host") == ["127.0.0.1:\(upstream.port)"])
            #expect(head.values("X-Forwarded-For") == ["127.0.0.1"])
            #expect(head.values("X-Forwarded-Host") == ["127.0.0.1:\(proxy.plainPort)"])
            #expect(head.values("X-Forwarded-Proto") == ["http"])
            #expect(head.values("X-Request-Id") == [answer["X-Request-Id"]])
            let allowed: Set = [
                "host", "accept", "accept-encoding", "user-agent", "if-none-match",
                "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id",
                "connection",
            ]
            let names = Set(head.fields.map { $0.name.lowercased() })
            #expect(names.isSubset(of: allowed), "\(names.subtracting(allowed))")
            #expect(!upstream.saw(TestUser.alice.authorization))
        }
    }

    @Test("only listed fields of an answer reach the client")
    func responseFields() throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.answer(
                "200 OK",
                [
                    "Content-Type: application/vnd.oci.image.manifest.v1+json", "ETag: \"e\"",
                    "Docker-Content-Digest: sha256:00", "OCI-Subject: sha256:11",
                    "Cache-Control: max-age=1", "Set-Cookie: a=b", "Server: upstream/1",
                    "X-Powered-By: x", "WWW-Authenticate: Basic realm=upstream",
                    "Connection: X-Secret", "X-Secret: 1", "Date: Sat, 01 Jan 2022 00:00:00 GMT",
                ],
                body: "{}"
            )
        }
        try withProxy(script) { _, proxy in
            let answer = try proxy.request("GET", Self.target, as: .alice)
            #expect(answer["Content-Type"] == "application/vnd.oci.image.manifest.v1+json")
            #expect(answer["ETag"] == "\"e\"")
            #expect(answer["Docker-Content-Digest"] == "sha256:00")
            #expect(answer["OCI-Subject"] == "sha256:11")
            #expect(answer["Cache-Control"] == "max-age=1")
            #expect(answer["Docker-Distribution-Api-Version"] == "registry/2.0")
            for name in ["Set-Cookie", "Server", "X-Powered-By", "WWW-Authenticate", "X-Secret"] {
                #expect(answer[name] == nil, "\(name)")
            }
        }
    }

    @Test(
        "an upstream that asks for a login itself is 502, and its challenge stays behind",
        arguments: ["401 Unauthorized", "407 Proxy Authentication Required"]
    )
    func upstreamChallenge(status: String) throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.answer(status, ["WWW-Authenticate: Basic realm=\"upstream\""], body: "no")
        }
        try withProxy(script) { _, proxy in
            let answer = try proxy.request("GET", Self.target, as: .alice)
            #expect(answer.status == 502)
            #expect(answer.errorCode == "UNAVAILABLE")
            #expect(answer["WWW-Authenticate"] == nil)
        }
    }

    /// The upstream builds URLs from its own idea of its name; the client must stay with ours.
    @Test(
        "Location becomes a path, unless it leads elsewhere",
        arguments: ["UPSTREAM", "http://CLIENT", "https://CLIENT", ""]
    )
    func location(origin: String) throws {
        let session = "/v2/team-a/x/blobs/uploads/6f1e?_state=a%2Bb-_%3D&x"
        let script: RecordingUpstream.Script = { exchange in
            let host = exchange.head["X-Forwarded-Host"] ?? ""
            let own = "http://" + (exchange.head["Host"] ?? "")
            let place = origin.replacing("UPSTREAM", with: own).replacing("CLIENT", with: host)
            try exchange.answer("202 Accepted", ["Location: \(place)\(session)"])
        }
        try withProxy(script) { upstream, proxy in
            let client = try proxy.connect()
            let uploads = "/v2/team-a/x/blobs/uploads/"
            let answer = try client.request("POST", uploads, as: .alice)
            #expect(answer["Location"] == session)
            _ = try client.request("PATCH", session, as: .alice, body: [1])
            #expect(upstream.requests.last?.target == session, "byte for byte")
        }
    }

    @Test("a redirect to storage is passed on as it is")
    func storageRedirect() throws {
        let storage = "https://storage.example/blob?X-Signature=a%2Fb"
        let script: RecordingUpstream.Script = { exchange in
            try exchange.answer("307 Temporary Redirect", ["Location: \(storage)"])
        }
        try withProxy(script) { _, proxy in
            let target = "/v2/team-a/x/blobs/\(RefusalTests.digest)"
            let answer = try proxy.request("GET", target, as: .alice)
            #expect(answer.status == 307)
            #expect(answer["Location"] == storage)
        }
    }

    @Test("HEAD keeps the length of the body that GET would have")
    func head() throws {
        let script: RecordingUpstream.Script = { exchange in
            let fields = ["Content-Length: 123456789", "Docker-Content-Digest: sha256:00"]
            try exchange.answer("200 OK", fields + ["Content-Type: application/octet-stream"])
        }
        try withProxy(script) { _, proxy in
            let client = try proxy.connect()
            let target = "/v2/team-a/x/blobs/\(RefusalTests.digest)"
            for _ in 0..<3 {
                let answer = try client.request("HEAD", target, as: .alice)
                #expect(answer.head.values("Content-Length") == ["123456789"])
                #expect(answer["Docker-Content-Digest"] == "sha256:00")
                #expect(answer["Content-Type"] == "application/octet-stream")
            }
            #expect(client.reader.unclaimed.isEmpty)
        }
    }

    @Test(
        "204 and 304 have no body, and the connection lives on",
        arguments: ["204 No Content", "304 Not Modified"])
    func bodiless(status: String) throws {
        let script: RecordingUpstream.Script = { try $0.answer(status, ["ETag: \"e\""]) }
        try withProxy(script) { _, proxy in
            let client = try proxy.connect()
            for _ in 0..<3 {
                let answer = try client.request("GET", Self.target, as: .alice)
                #expect("\(answer.status)" == status.prefix(3))
                #expect(answer["Transfer-Encoding"] == nil)
            }
        }
    }

    @Test("a range of a blob is the registry's own answer")
    func range() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        let client = try proxy.connect()
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
        let digest = try client.pushBlob(bytes, to: "team-a/x", as: .alice)
        let target = "/v2/team-a/x/blobs/\(digest)"
        let part = try client.request("GET", target, as: .alice, ["Range: bytes=1000-1999"])
        #expect(part.status == 206)
        #expect(part["Content-Range"] == "bytes 1000-1999/100000")
        #expect(part.body == Array(bytes[1000..<2000]))
        let whole = try client.request("GET", target, as: .alice)
        #expect(whole.body == bytes)
        #expect(whole["Docker-Content-Digest"] == digest)
    }

    @Test("tags, a delete by digest and an unknown manifest work on a real registry")
    func realRegistry() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        let client = try proxy.connect()
        let manifest = try client.pushImage("layer", to: "team-a/x", tag: "v1", as: .alice)
        let tags = try client.request("GET", "/v2/team-a/x/tags/list", as: .alice)
        #expect(tags.list("tags") == ["v1"])
        let path = "/v2/team-a/x/manifests/\(manifest.digest)"
        let accept = ["Accept: \(Manifest.mediaType)"]
        #expect(try client.request("GET", path, as: .alice, accept).body == manifest.bytes)
        #expect(try client.request("DELETE", path, as: .alice).status == 202)
        let gone = try client.request("GET", path, as: .alice, accept)
        #expect(gone.status == 404)
        #expect(gone.errorCode == "MANIFEST_UNKNOWN")
    }
}
