// Bodies in both framings, both ways, on connections that live on.

import TestSupport
import Testing

@Suite(.ownThreads) struct BodyTests {
    static let session = "/v2/team-a/x/blobs/uploads/6f1e?_state=s"
    static let blob = "/v2/team-a/x/blobs/\(RefusalTests.digest)"

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

    @Test("a body with a length keeps it", arguments: [0, 1, 4095, 65536, 1_000_003])
    func lengthUp(count: Int) throws {
        try withProxy { upstream, proxy in
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let answer = try proxy.request("PATCH", Self.session, as: .alice, body: bytes)
            #expect(answer.status == 202)
            let request = try #require(upstream.requests.first)
            #expect(request.head.values("Content-Length") == ["\(count)"])
            #expect(request.head["Transfer-Encoding"] == nil)
            #expect(request.head["Content-Type"] == "application/octet-stream")
            #expect(request.body == bytes)
        }
    }

    @Test("a chunked body stays chunked, without extensions and trailers")
    func chunkedUp() throws {
        try withProxy { upstream, proxy in
            let client = try proxy.connect()
            let fields = ["Transfer-Encoding: chunked", "Trailer: X-Late"]
            try client.sendHead("PATCH", Self.session, as: .alice, fields)
            // The smallest pieces the network could make of it.
            for byte in "5;a=b\r\nhello\r\n0B \r\n, and world\r\n0\r\nX-Late: 1\r\n\r\n".utf8 {
                try client.send([byte])
            }
            let answer = try client.readResponse(answering: "PATCH")
            // A blank after a chunk size may be refused; what goes on must be exact.
            if answer.status == 202 {
                let request = try #require(upstream.requests.first)
                #expect(request.head.values("Transfer-Encoding") == ["chunked"])
                #expect(request.head["Content-Length"] == nil)
                #expect(request.head["Trailer"] == nil)
                #expect(request.body == Array("hello, and world".utf8))
                #expect(!upstream.saw("a=b") && !upstream.saw("X-Late"))
            } else {
                #expect(answer.status == 400)
            }
        }
    }

    @Test("a long chunked body arrives whole", arguments: [1, 1000, 65536, 300_000])
    func longChunkedUp(chunk: Int) throws {
        try withProxy { upstream, proxy in
            let bytes = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 131) }
            let used = chunk == 1 ? Array(bytes.prefix(3000)) : bytes
            let client = try proxy.connect()
            let fields = ["Transfer-Encoding: chunked"]
            try client.sendHead("PATCH", Self.session, as: .alice, fields)
            try client.send(chunked(used, by: chunk))
            let answer = try client.readResponse(answering: "PATCH")
            #expect(answer.status == 202)
            #expect(upstream.requests.first?.body == used)
        }
    }

    @Test("an answer in chunks stays in chunks")
    func chunkedDown() throws {
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 17) }
        let script: RecordingUpstream.Script = { exchange in
            try exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try exchange.send(chunked(bytes, by: 70_000))
        }
        try withProxy(script) { _, proxy in
            let client = try proxy.connect()
            for _ in 0..<3 {
                let answer = try client.request("GET", Self.blob, as: .alice)
                #expect(answer.head.values("Transfer-Encoding") == ["chunked"])
                #expect(answer["Content-Length"] == nil)
                #expect(answer.body == bytes)
            }
        }
    }

    /// Nothing says where such a body ends but the end of the connection: the client gets it in
    /// chunks, which can say so.
    @Test("an answer that ends with its connection is whole for the client")
    func untilCloseDown() throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")
            exchange.close()
        }
        try withProxy(script) { _, proxy in
            let client = try proxy.connect()
            let answer = try client.request("GET", Self.blob, as: .alice)
            #expect(answer.status == 200 && answer.text == "hello")
        }
    }

    @Test("100 requests on one connection use few connections upstream")
    func keepAlive() throws {
        try withProxy { upstream, proxy in
            let client = try proxy.connect()
            for number in 0..<100 {
                let target = "/v2/team-a/x/manifests/v\(number)"
                #expect(try client.request("GET", target, as: .alice).status == 200)
            }
            #expect(upstream.connectionCount <= 2)
            #expect(upstream.requests.count == 100)
        }
    }

    @Test("requests sent together are answered in order")
    func pipelining() throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.readBody()
            try exchange.answer("200 OK", body: exchange.target)
        }
        try withProxy(script) { _, proxy in
            let client = try proxy.connect()
            let targets = (0..<20).map { "/v2/team-a/x/manifests/v\($0)" }
            let login = "Authorization: \(TestUser.alice.authorization)"
            let text = targets.map { "GET \($0) HTTP/1.1\r\nHost: h\r\n\(login)\r\n\r\n" }
            try client.send(text.joined())
            for target in targets {
                #expect(try client.readResponse(answering: "GET").text == target)
            }
        }
    }

    @Test("`Connection: close` and HTTP/1.0 end the connection after the answer")
    func closes() throws {
        try withProxy { _, proxy in
            let client = try proxy.connect()
            let login = "Authorization: \(TestUser.alice.authorization)"
            for start in ["GET /v2/ HTTP/1.1\r\nConnection: close", "GET /v2/ HTTP/1.0"] {
                let client = try proxy.connect()
                try client.send("\(start)\r\nHost: h\r\n\(login)\r\n\r\n")
                let answer = try client.readResponse(answering: "GET")
                #expect(answer.status == 200)
                #expect(try client.reader.readToEnd().bytes.isEmpty)
            }
            let asked = try client.request("GET", "/v2/", as: .alice, ["Connection: Close, x"])
            #expect(asked["Connection"]?.lowercased() == "close")
            #expect(try client.reader.readToEnd().bytes.isEmpty)
        }
    }
}

/// The bytes of a chunked body.
func chunked(_ bytes: [UInt8], by size: Int) -> [UInt8] {
    var result: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
        let chunk = bytes[start..<min(start + size, bytes.count)]
        result += Array("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + [13, 10]
    }
    return result + Array("0\r\n\r\n".utf8)
}
