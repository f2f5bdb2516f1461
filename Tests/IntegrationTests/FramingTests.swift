// Requests that two programs could read differently never reach the upstream.

import TestSupport
import Testing

@Suite(.ownThreads) struct FramingTests {
    /// Head (without Host and credentials), body, status.
    static let malformed: [(String, String, Int)] = [
        ("PATCH S HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400),
        ("PATCH S HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5", "hello", 400),
        ("PATCH S HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6", "hello!", 400),
        ("PATCH S HTTP/1.1\r\nContent-Length: 5, 5", "hello", 400),
        ("PATCH S HTTP/1.1\r\nContent-Length: +5", "hello", 400),
        ("PATCH S HTTP/1.1\r\nContent-Length: 0x5", "hello", 400),
        ("PATCH S HTTP/1.1\r\nContent-Length: -1", "", 400),
        ("PATCH S HTTP/1.1\r\nContent-Length:", "", 400),
        ("PATCH S HTTP/1.1\r\nContent-Length: 99999999999999999999", "", 400),
        ("PATCH S HTTP/1.1\r\nTransfer-Encoding: identity", "", 400),
        ("PATCH S HTTP/1.1\r\nTransfer-Encoding: gzip, chunked", "0\r\n\r\n", 400),
        ("PATCH S HTTP/1.1\r\nTransfer-Encoding: chunked, chunked", "0\r\n\r\n", 400),
        ("PATCH S HTTP/1.1\r\nTransfer-Encoding: xchunked", "0\r\n\r\n", 400),
        ("PATCH S HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x", "", 400),
        ("PATCH S HTTP/1.1\r\nTransfer-Encoding : chunked", "0\r\n\r\n", 400),
        ("PATCH S HTTP/1.1\r\nTransfer_Encoding: chunked", "0\r\n\r\n", 400),
        ("PATCH S HTTP/1.0\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400),
        ("GET S HTTP/1.1\r\nContent-Length: 5", "hello", 400),
        ("GET S HTTP/1.1\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400),
        ("GET S HTTP/1.1\r\n folded: x", "", 400),
        ("GET S HTTP/1.1\r\nX: a\r\n b", "", 400),
        ("GET S HTTP/1.1\r\nX: a\nY: b", "", 400),
        ("GET S HTTP/1.1\r\nX: a\rY: b", "", 400),
        ("GET S HTTP/1.1\r\nX: a\u{0}b", "", 400),
        ("GET S HTTP/1.1\r\n: empty", "", 400),
        ("GET S HTTP/1.1\r\nno colon", "", 400),
        ("GET S HTTP/1.1\r\nHost: other", "", 400),
        ("GET  S HTTP/1.1", "", 400),
        ("GET S  HTTP/1.1", "", 400),
        ("GET\tS HTTP/1.1", "", 400),
        ("GET S HTTP/1.2", "", 400),
        ("GET S HTTP/2.0", "", 400),
        ("GET S http/1.1", "", 400),
        ("GET S", "", 400),
    ]

    @Test(
        "a request with doubtful framing is 400, the connection closes, the upstream hears nothing")
    func malformedHeads() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        let login = "Authorization: \(TestUser.alice.authorization)"
        let next = "GET /v2/team-a/hidden/manifests/v1 HTTP/1.1\r\nHost: h\r\n\(login)\r\n\r\n"
        for (head, body, status) in Self.malformed {
            let session = BodyTests.session
            let text = head.replacing(" S", with: " \(session)").replacing(
                "\tS", with: "\t\(session)")
            let client = try proxy.connect()
            try client.send("\(text)\r\nHost: h\r\n\(login)\r\n\r\n\(body)\(next)")
            let answer = try client.readResponse(answering: "GET")
            let isRefused = answer.status == status || answer.status == 505
            #expect(isRefused, "\(head): \(answer.status)")
            #expect(answer["Connection"]?.lowercased() == "close", "\(head)")
            #expect(try client.reader.readToEnd().bytes.isEmpty, "\(head): a second answer")
        }
        #expect(upstream.requests.isEmpty, "\(upstream.requests.map(\.head.startLine))")
    }

    static let brokenChunks = [
        "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n", "5;\nhello\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nhello\r\n", "5\r\nhello\r\n0\r\n bad trailer\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
    ]

    /// What went upstream before the broken place cannot be taken back, but it never looks whole.
    @Test("a broken chunk never becomes a whole body upstream", arguments: brokenChunks)
    func brokenChunk(body: String) throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        let client = try proxy.connect()
        let fields = ["Transfer-Encoding: chunked"]
        try client.sendHead("PATCH", BodyTests.session, as: .alice, fields)
        try client.send(body + "GET /v2/team-a/hidden/manifests/v1 HTTP/1.1\r\nHost: h\r\n\r\n")
        let answer = try? client.readResponse(answering: "PATCH")
        #expect((answer?.status ?? 400) == 400)
        _ = try client.reader.readToEnd()
        if upstream.connectionCount > 0 { try upstream.waitForEnds(1) }
        #expect(upstream.requests.allSatisfy { !$0.bodyIsComplete })
        #expect(!upstream.saw("hidden"))
    }

    @Test("a head that is too long is refused with the code for it")
    func limits() throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        let long = try proxy.request("GET", "/v2/" + String(repeating: "a", count: 8200))
        #expect(long.status == 414)
        let many = (0..<101).map { "X-\($0): 1" }
        #expect(try proxy.request("GET", "/v2/", as: .alice, many).status == 431)
        let large = ["X-Large: " + String(repeating: "a", count: 33_000)]
        #expect(try proxy.request("GET", "/v2/", as: .alice, large).status == 431)
        let name = [String(repeating: "n", count: 65) + ": 1"]
        #expect(try proxy.request("GET", "/v2/", as: .alice, name).status == 400)
        for answer in [long] { #expect(answer.errorCode == "BAD_REQUEST") }
    }

    @Test("a head that does not come to its end is 408")
    func lateHead() throws {
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.more = ["timeouts: { request_head: 1s, idle: 1s }"]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        try client.send("GET /v2/ HTTP/1.1\r\nHost: h\r\n")
        let answer = try client.readResponse(answering: "GET")
        #expect(answer.status == 408)
        let line = try #require(proxy.accessLines(about: answer).first)
        #expect(line["outcome"] == "timeout:request_head")
        let idle = try proxy.connect()
        #expect(try idle.request("GET", "/v2/", as: .alice).status == 200)
        #expect(try idle.reader.readToEnd().bytes.isEmpty, "closed after timeouts.idle")
    }
}
