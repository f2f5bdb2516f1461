import Bytes
import HTTPWire
import Testing

/// The network cuts where it likes; a head has one reading however it arrives.
@Suite struct IncrementalTests {
    static let requests = [
        "GET /v2/ HTTP/1.1\r\nHost: registry.example\r\n\r\n",
        "\r\nPUT /v2/a/blobs/uploads/1?digest=b HTTP/1.1\r\nHost:  [::1]:5000 \r\n"
            + "Connection: x-note, close\r\nX-Note:\t\r\nContent-Length: 12\r\nX-Note: a \t b\t \r\n"
            + "Expect: 100-continue\r\n\r\n",
        "OPTIONS * HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    ]
    static let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.0 404 \r\n\r\n",
        "HTTP/1.1 206 Partial Content\r\nDocker-Content-Digest: sha256:a\r\nEtag: \"b\" \r\n"
            + "Transfer-Encoding: chunked\r\n\r\n",
    ]

    @Test("every proper prefix of a request asks for more", arguments: requests)
    func requestPrefixes(written: String) {
        let bytes = Array(written.utf8)
        for count in 0..<bytes.count {
            #expect(readRequest(Array(bytes[..<count])) == .incomplete, "\(count) bytes")
        }
        #expect(readRequest(bytes).error == nil)
    }

    @Test("every proper prefix of an answer asks for more", arguments: answers)
    func answerPrefixes(written: String) {
        let bytes = Array(written.utf8)
        for count in 0..<bytes.count {
            #expect(readAnswer(Array(bytes[..<count])) == .incomplete, "\(count) bytes")
        }
        #expect(readAnswer(bytes).error == nil)
    }

    /// Everything that other suites hold right or wrong, cut at each place and everywhere.
    @Test("cuts do not change what a request says")
    func requestCuts() {
        let lines = FieldLineTests.lines + FramingTests.lines
        var texts = Self.requests + lines.map { request(written($0), method: "POST") }
        texts += RequestLineTests.lines.map { written($0) + "\r\nHost: a\r\n\r\n" }
        texts += RequestFieldTests.heads.map { written($0) }
        for bytes in texts.map({ Array($0.utf8) }) {
            let whole = readRequest(bytes)
            #expect(readRequest(bytes, cuts: Array(0..<bytes.count)) == whole)
            for cut in 0..<bytes.count where readRequest(bytes, cuts: [cut]) != whole {
                Issue.record("cut at \(cut): \(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    @Test("cuts do not change what an answer says")
    func answerCuts() {
        let lines = FieldLineTests.lines + FramingTests.lines
        var texts = Self.answers + lines.map { answer(written($0)) }
        texts += ResponseHeadTests.lines.map { written($0) + "\r\nContent-Length: 0\r\n\r\n" }
        for bytes in texts.map({ Array($0.utf8) }) {
            let whole = readAnswer(bytes)
            #expect(readAnswer(bytes, cuts: Array(0..<bytes.count)) == whole)
            for cut in 0..<bytes.count where readAnswer(bytes, cuts: [cut]) != whole {
                Issue.record("cut at \(cut): \(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    private func written(_ case: Case) -> String { String(decoding: `case`.bytes, as: UTF8.self) }

    @Test("a rule is found broken at the first byte that breaks it")
    func earlyErrors() {
        for (prefix, error) in [
            ("\u{16}", WireError.methodMalformed), ("GET /\u{7F}", .targetHasControl),
            ("GET / X", .versionMalformed), ("GET / HTTP/1.1\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nX ", .fieldNameBlank), ("GET / HTTP/1.1\r\n ", .foldedLine),
            ("GET / HTTP/1.1\r\nX: \0", .fieldValueNUL),
            ("GET / HTTP/1.1\r\nX: \rY", .bareCarriageReturn),
        ] {
            #expect(readRequest(Array(prefix.utf8)) == .refused(error))
        }
        #expect(readAnswer(Array("S".utf8)) == .refused(.versionMalformed))
    }

    @Test("what follows a head is not looked at")
    func following() throws {
        let written = Self.requests[1]
        let (head, _) = try head(written + "\0\0 GET")
        #expect(head.byteCount == written.utf8.count)
    }

    @Test("a head that is complete stays complete, and a reset one is new")
    func reuse() throws {
        let first = Array(Self.requests[1].utf8)
        let second = Array(Self.requests[0].utf8)
        var head = RequestHead()
        #expect(try head.parse(array: first))
        #expect(try head.parse(array: first))
        #expect(head.expectsContinue && head.framing == .length(12) && !head.keepsAlive)
        head.reset()
        #expect(head.byteCount == 0 && head.fields.lines.isEmpty)
        #expect(try !head.parse(array: Array(second[..<9])))
        head.reset()
        #expect(try head.parse(array: second))
        #expect(!head.expectsContinue && head.framing == .none && head.keepsAlive)
        #expect(head.fields.lines.count == 1 && head.byteCount == second.count)
    }

    @Test("a head that was refused can be reset")
    func reuseAfterError() throws {
        var head = RequestHead()
        let broken = Array("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".utf8)
        #expect(throws: WireError.hostRepeated) { try head.parse(array: broken) }
        head.reset()
        let right = Array(Self.requests[0].utf8)
        #expect(try head.parse(array: right))
    }

    @Test("a refused head tells its own request line, never the one before")
    func requestLineOfRefused() throws {
        var head = RequestHead()
        let first = Array("DELETE /first HTTP/1.0\r\nHost: a\r\n\r\n".utf8)
        #expect(try head.parse(array: first))
        head.reset()
        #expect(!head.hasRequestLine && head.target.isEmpty && head.methodPlace.isEmpty)
        let second = Array("PUT /second HTTP/1.1\r\nX : 1\r\n".utf8)
        #expect(throws: WireError.fieldNameBlank) { try head.parse(array: second) }
        #expect(head.hasRequestLine && head.method == .put)
        #expect(text(head.target, in: second) == "/second")
        head.reset()
        #expect(throws: WireError.versionMissing) { try head.parse(array: Array("GET /a\r".utf8)) }
        #expect(!head.hasRequestLine && head.target.isEmpty)
    }
}
