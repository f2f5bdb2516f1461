// Ways to misbehave that once did harm. Each test is named after what must happen instead.

import TestSupport
import Testing

@Suite(.ownThreads) struct MisbehaviourTests {
    static let session = "/v2/team-a/x/blobs/uploads/6f1e?_state=s"
    static let manifest = "/v2/team-a/x/manifests/v1"

    private func withProxy(
        _ script: @escaping RecordingUpstream.Script = { try $0.answerLikeARegistry() },
        _ body: (RecordingUpstream, ProxyProcess) throws -> Void
    ) throws {
        let upstream = try RecordingUpstream(script: script)
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        try body(upstream, proxy)
    }

    /// Six bytes of a handshake record that says it has 512. The loop must not spin on them.
    @Test("a part of a TLS record leaves the others served")
    func partOfARecord() throws {
        try withProxy { _, proxy in
            let clients = try (0..<4).map { _ in try RawClient(port: proxy.securePort) }
            for client in clients { try client.send([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]) }
            for _ in 0..<4 {
                #expect(try proxy.connect().request("GET", "/v2/", as: .alice).status == 200)
            }
        }
    }

    /// What was kept of the head for the log must not be taken for a head.
    @Test("a head that is cut off is no request")
    func cutHead() throws {
        try withProxy { upstream, proxy in
            let client = try proxy.connect()
            let login = TestUser.alice.authorization
            try client.send(
                "GET \(Self.manifest) HTTP/1.1\r\nHost: h\r\nAuthorization: \(login)\r\n")
            client.socket.finishSending()
            #expect(try client.reader.readToEnd().bytes.isEmpty)
            #expect(upstream.requests.isEmpty)
            let lines = try proxy.accessLines(having: "/manifests/v1")
            #expect(lines.map { $0["outcome"] } == ["client_aborted"])
        }
    }

    @Test(
        "an interim answer does not end an upload",
        arguments: ["100 Continue", "102 Processing", "103 Early Hints"])
    func interimAnswer(status: String) throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.send("HTTP/1.1 \(status)\r\n\r\n")
            try exchange.answerLikeARegistry()
        }
        try withProxy(script) { upstream, proxy in
            let client = try proxy.connect()
            try client.sendHead("PATCH", Self.session, as: .alice, ["Content-Length: 10"])
            try upstream.waitForRequests(1)
            try client.send("hello")
            try client.send("world")
            let answer = try client.readResponse(answering: "PATCH")
            #expect(answer.status == 202)
            #expect(answer.interim.isEmpty)
            #expect(upstream.requests.first?.body == Array("helloworld".utf8))
        }
    }

    @Test("an early answer to a manifest reaches the client")
    func earlyAnswerToAManifest() throws {
        let script: RecordingUpstream.Script = { exchange in
            guard exchange.method == "PUT" else { return try exchange.answerLikeARegistry() }
            try exchange.answer("413 Content Too Large", ["Connection: close"], body: "big")
            try exchange.waitForEnd()
        }
        try withProxy(script) { _, proxy in
            let body = [UInt8](repeating: 0x20, count: 4 * 1024 * 1024)
            let answer = try proxy.connect().request("PUT", Self.manifest, as: .alice, body: body)
            #expect(answer.status == 413)
            #expect(answer.text == "big")
        }
    }

    /// The registry answers before it has the whole request and keeps the connection: what it still
    /// waits for must not come out of somebody else's request.
    @Test("a connection with a request half sent is not used again")
    func halfSentRequest() throws {
        let script: RecordingUpstream.Script = { exchange in
            guard exchange.method == "PATCH" else { return try exchange.answerLikeARegistry() }
            try exchange.answer("202 Accepted")
            try exchange.waitForEnd()
        }
        try withProxy(script) { upstream, proxy in
            let client = try proxy.connect()
            try client.sendHead("PATCH", Self.session, as: .alice, ["Content-Length: 1000000"])
            try client.send("only the beginning")
            #expect(try client.readResponse(answering: "PATCH").status == 202)
            #expect(try proxy.connect().request("GET", Self.manifest, as: .alice).status == 200)
            #expect(upstream.connectionCount == 2)
        }
    }

    @Test("a catalog with a name that cannot be one is a 502")
    func impossibleName() throws {
        let name = String(repeating: "a", count: 2000)
        let script: RecordingUpstream.Script = { exchange in
            let link = "Link: </v2/_catalog?last=\(name)&n=1000>; rel=\"next\""
            try exchange.answer("200 OK", [link], body: "{\"repositories\":[\"\(name)\"]}")
        }
        try withProxy(script) { _, proxy in
            let client = try proxy.connect()
            #expect(try client.request("GET", "/v2/_catalog", as: .alice).status == 502)
            #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
        }
    }

    @Test("a client that sends requests without end leaves the others their turn")
    func endlessRequests() throws {
        try withProxy { _, proxy in
            let flood = String(
                repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: 2000)
            let clients = try (0..<4).map { _ in try proxy.connect() }
            for client in clients { try client.send(flood) }
            for _ in 0..<10 {
                #expect(try proxy.connect().request("GET", "/v2/", as: .alice).status == 200)
            }
        }
    }
}
