// `Expect: 100-continue`: first the decision, then the body.

import TestSupport
import Testing

@Suite(.ownThreads) struct ExpectationTests {
    static let session = "/v2/team-a/x/blobs/uploads/6f1e?_state=s"
    static let fields = ["Expect: 100-continue", "Content-Length: 5"]

    private func withProxy(_ body: (RecordingUpstream, ProxyProcess) throws -> Void) throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        try body(upstream, proxy)
    }

    @Test("one who may push gets 100, then sends, then gets the answer")
    func granted() throws {
        try withProxy { upstream, proxy in
            let client = try proxy.connect()
            try client.sendHead("PATCH", Self.session, as: .alice, Self.fields)
            let interim = try client.reader.readHead()
            #expect(interim.startLine.hasPrefix("HTTP/1.1 100"))
            try client.send("hello")
            #expect(try client.readResponse(answering: "PATCH").status == 202)
            let request = try #require(upstream.requests.first)
            #expect(request.body == Array("hello".utf8))
            #expect(request.head["Expect"] == nil)
        }
    }

    @Test(
        "one who may not push gets the refusal, and no 100 before it",
        arguments: [(TestUser.bob, 403), (TestUser("alice", "wrong"), 401), (nil, 401)]
    )
    func refused(user: TestUser?, status: Int) throws {
        try withProxy { upstream, proxy in
            let client = try proxy.connect()
            try client.sendHead("PATCH", Self.session, as: user, Self.fields)
            let answer = try client.readResponse(answering: "PATCH")
            #expect(answer.interim.isEmpty)
            #expect(answer.status == status)
            #expect(upstream.connectionCount == 0)
        }
    }

    /// curl sends the body after a second without an answer, so both orders are real.
    @Test("a refused body that comes all the same does not become the next request")
    func bodyAfterRefusal() throws {
        try withProxy { upstream, proxy in
            let client = try proxy.connect()
            let hidden = "GET /v2/team-a/x/manifests/hidden HTTP/1.1\r\nHost: h\r\n\r\n"
            let fields = ["Content-Length: \(hidden.utf8.count)"]
            try client.sendHead("PATCH", Self.session, as: .bob, fields)
            try client.send(hidden)
            #expect(try client.readResponse(answering: "PATCH").status == 403)
            if let next = try? client.request("GET", "/v2/", as: .bob) {
                #expect(next.status == 200, "the connection lives on, at the right place")
            }
            #expect(upstream.requests.isEmpty)
        }
    }

    @Test("any other expectation is 417")
    func unknownExpectation() throws {
        try withProxy { upstream, proxy in
            let fields = ["Expect: 200-ok", "Content-Length: 0"]
            let answer = try proxy.request("PATCH", Self.session, as: .alice, fields)
            #expect(answer.status == 417)
            #expect(upstream.requests.isEmpty)
        }
    }
}
