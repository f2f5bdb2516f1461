// One side breaks off. The other learns of it at once, and nobody takes a torso for a whole.

import Glibc
import TestSupport
import Testing

@Suite(.ownThreads) struct AbortTests {
    static let session = "/v2/team-a/x/blobs/uploads/6f1e?_state=s"
    static let blob = "/v2/team-a/x/blobs/\(RefusalTests.digest)"

    private func withProxy(
        _ script: @escaping RecordingUpstream.Script,
        _ body: (RecordingUpstream, ProxyProcess) throws -> Void
    ) throws {
        let upstream = try RecordingUpstream(script: script)
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        let figures = ProcessFigures(pid: proxy.pid)
        let before = try figures.socketCount()
        try body(upstream, proxy)
        _ = try eventually("no socket of the request is left") {
            try figures.socketCount() <= before ? true : nil
        }
    }

    @Test(
        "a client that goes away during a download ends the request upstream",
        arguments: [false, true])
    func clientLeavesDownload(reset: Bool) throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            try exchange.send([UInt8](repeating: 7, count: 100_000))
            try exchange.waitForEnd()
        }
        try withProxy(script) { upstream, proxy in
            let client = try proxy.connect()
            try client.sendHead("GET", Self.blob, as: .alice)
            let head = try client.reader.readHead()
            #expect(head["Content-Length"] == "1000000000")
            _ = try client.reader.read(50_000)
            if reset { client.socket.reset() } else { client.close() }
            try upstream.waitForEnds(1)
            let line = try #require(try proxy.accessLines(having: "blob.get").first)
            #expect(line["outcome"] == "client_aborted")
            #expect(line.number("status") == 200)
        }
    }

    /// No byte flows in either direction: only watching the idle side finds it.
    @Test("a client that resets before the answer ends the request upstream")
    func clientLeavesSilence() throws {
        let script: RecordingUpstream.Script = { try $0.waitForEnd() }
        try withProxy(script) { upstream, proxy in
            let client = try proxy.connect()
            try client.sendHead("GET", Self.blob, as: .alice)
            try upstream.waitForRequests(1)
            client.socket.reset()
            try upstream.waitForEnds(1)
            let line = try #require(try proxy.accessLines(having: "blob.get").first)
            #expect(line["outcome"] == "client_aborted")
        }
    }

    @Test("a client over TLS that is killed before the answer ends the request upstream")
    func clientIsKilled() throws {
        let script: RecordingUpstream.Script = { try $0.waitForEnd() }
        try withProxy(script) { upstream, proxy in
            let client = try BackgroundProgram([
                "curl", "--silent", "--cacert", proxy.certificates.ca,
                "--user", "alice:\(TestUser.alice.password)", proxy.url + Self.blob,
            ])
            try upstream.waitForRequests(1)
            client.signal(SIGKILL)
            try upstream.waitForEnds(1)
            let line = try #require(try proxy.accessLines(having: "blob.get").first)
            #expect(line["outcome"] == "client_aborted")
        }
    }

    /// In the clear, the end of the client's direction alone says nothing: `nc -N` still reads.
    @Test("a client that has sent all and ends its direction is answered in full")
    func halfClose() throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\n")
            try exchange.send("Content-Length: 5\r\n\r\nhello")
            try exchange.waitForEnd()
        }
        try withProxy(script) { upstream, proxy in
            let client = try proxy.connect()
            try client.sendHead("GET", Self.blob, as: .alice)
            client.socket.finishSending()
            let answer = try client.readResponse(answering: "GET")
            #expect(answer.status == 200)
            #expect(answer.text == "hello")
            #expect(try client.reader.readToEnd().bytes.isEmpty)
        }
    }

    @Test(
        "a client that goes away during an upload ends the request upstream",
        arguments: [
            "Content-Length: 1000000", "Transfer-Encoding: chunked",
        ])
    func clientLeavesUpload(framing: String) throws {
        let script: RecordingUpstream.Script = { try $0.readBody() }
        try withProxy(script) { upstream, proxy in
            let client = try proxy.connect()
            try client.sendHead("PATCH", Self.session, as: .alice, [framing])
            let some = framing.hasPrefix("T") ? "5\r\nhello\r\n" : "hello"
            try client.send(some)
            try upstream.waitForRequests(1) { $0.bodyCount == 5 }
            client.close()
            try upstream.waitForEnds(1)
            #expect(upstream.requests.first?.bodyIsComplete == false)
            let line = try #require(try proxy.accessLines(having: "upload.patch").first)
            #expect(line["outcome"] == "client_aborted")
            #expect(line.number("bytes_in") == 5)
        }
    }

    @Test(
        "an upstream that breaks off leaves a short body, never a whole one",
        arguments: [
            ("Content-Length: 1000", "hello", true), ("Content-Length: 1000", "hello", false),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n", true),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\n", false),
            ("Transfer-Encoding: chunked", "5\r\nhel", false),
            ("Transfer-Encoding: chunked", "5\r\nhello\r\nzz\r\n", false),
        ])
    func upstreamLeavesDownload(framing: String, body: String, reset: Bool) throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.send("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n\(body)")
            if reset { exchange.reset() } else { exchange.close() }
        }
        try withProxy(script) { _, proxy in
            let client = try proxy.connect()
            try client.sendHead("GET", Self.blob, as: .alice)
            var status = 502
            var isWhole = false
            do {
                let answer = try client.readResponse(answering: "GET")
                status = answer.status
                isWhole = status == 200
            } catch MessageError.endedInBody(let received, _) {
                status = 200
                #expect(received <= 5)
            } catch MessageError.endedBeforeHead {
                status = 0
            }
            #expect(!isWhole)
            let line = try #require(try proxy.accessLines(having: "blob.get").first)
            #expect(line["outcome"] == "upstream_aborted")
        }
    }

    @Test("an upstream that closes instead of answering is 502", arguments: ["", "HTTP/1.1 2"])
    func upstreamLeavesBeforeAnswer(start: String) throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.readBody()
            try exchange.send(start)
            exchange.close()
        }
        try withProxy(script) { upstream, proxy in
            let answer = try proxy.request("PATCH", Self.session, as: .alice, body: [1, 2])
            #expect(answer.status == 502)
            #expect(answer.errorCode == "UNAVAILABLE")
            #expect(upstream.requests.count == 1, "a PATCH is never sent twice")
        }
    }

    /// Clients that are cut off while they send report "broken pipe" instead of the reason.
    @Test("an answer that comes during an upload reaches the client")
    func earlyAnswer() throws {
        let script: RecordingUpstream.Script = { exchange in
            try exchange.readSome(1000)
            let fields = ["Content-Type: application/json", "Connection: close"]
            let body = #"{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"enough"}]}"#
            try exchange.answer("404 Not Found", fields, body: body)
            try exchange.waitForEnd()
        }
        try withProxy(script) { _, proxy in
            let client = try proxy.connect()
            let fields = ["Content-Length: 3000000"]
            try client.sendHead("PATCH", Self.session, as: .alice, fields)
            try client.send([UInt8](repeating: 1, count: 1_000_000))
            let head = try client.reader.readHead()
            #expect(head.startLine.hasPrefix("HTTP/1.1 404"))
            let body = try client.reader.readBody(of: head)
            #expect(String(decoding: body, as: UTF8.self).contains("BLOB_UPLOAD_INVALID"))
            // It may still send the rest, and the connection is then either in step or closed.
            try? client.send([UInt8](repeating: 1, count: 2_000_000))
            if let next = try? client.request("GET", "/v2/", as: .alice) {
                #expect(next.status == 200)
            }
            let line = try #require(try proxy.accessLines(having: "upload.patch").first)
            #expect(line.number("status") == 404)
            client.close()
        }
    }

    /// The upstream's answer must not be taken for that of the next request.
    @Test("an upstream connection with bytes left over is not used again")
    func leftOvers() throws {
        let script: RecordingUpstream.Script = { exchange in
            let extra = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
            try exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood\(extra)")
        }
        try withProxy(script) { upstream, proxy in
            let client = try proxy.connect()
            for number in 1...5 {
                let answer = try client.request("GET", Self.blob, as: .alice)
                #expect(answer.text == "good")
                #expect(upstream.connectionCount == number)
            }
            client.close()
        }
    }
}
