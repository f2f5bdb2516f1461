import HTTPWire
import Testing

@Suite struct HeadLimitsTests {
    /// What is exactly as long as it may be is fine; one byte more is refused, however it arrives.
    private func expectLimit(
        _ error: WireError,
        limits: HeadLimits = HeadLimits(),
        sourceLocation: SourceLocation = #_sourceLocation,
        _ head: (_ excess: Int) -> String
    ) {
        let right = readRequest(Array(head(0).utf8), limits: limits)
        let wrong = Array(head(1).utf8)
        #expect(right.error == nil && right != .incomplete, sourceLocation: sourceLocation)
        for cuts in [[], [wrong.count / 2], Array(0..<wrong.count)] {
            let verdict = readRequest(wrong, cuts: cuts, limits: limits)
            #expect(verdict == .refused(error), sourceLocation: sourceLocation)
        }
    }

    private func filler(_ count: Int) -> String { String(repeating: "a", count: count) }

    @Test("a request line has at most 8192 bytes: 414")
    func requestLine() {
        expectLimit(.requestLineTooLong) { excess in
            "GET /\(filler(8192 - 14 + excess)) HTTP/1.1\r\nHost: a\r\n\r\n"
        }
        expectLimit(.requestLineTooLong) { excess in
            "\r\nGET /\(filler(8192 - 14 + excess)) HTTP/1.1\r\nHost: a\r\n\r\n"
        }
        expectLimit(.requestLineTooLong) { excess in
            "\(filler(8192 - 11 + excess)) / HTTP/1.1\r\nHost: a\r\n\r\n"
        }
        #expect(WireError.requestLineTooLong.status == 414)
    }

    @Test("a line without end is refused as soon as it is too long")
    func endless() {
        let line = "GET /" + filler(8192 + 2 - 5)
        #expect(readRequest(Array(line.dropLast().utf8)) == .incomplete)
        #expect(readRequest(Array(line.utf8)) == .refused(.requestLineTooLong))
        let value = "GET / HTTP/1.1\r\nX: " + filler(32 * 1024 + 2 - 3)
        #expect(readRequest(Array(value.dropLast().utf8)) == .incomplete)
        #expect(readRequest(Array(value.utf8)) == .refused(.sectionTooLong))
    }

    @Test("all field lines together have at most 32 KiB: 431")
    func section() {
        expectLimit(.sectionTooLong) { excess in
            // `Host: a` takes 9 bytes with its CRLF; two lines share the rest.
            let rest = 32 * 1024 - 9
            let half = filler(rest / 2 - 5)
            return "GET / HTTP/1.1\r\nHost: a\r\nX: \(half)\r\n"
                + "Y: \(filler(rest - rest / 2 - 5 + excess))\r\n\r\n"
        }
        #expect(WireError.sectionTooLong.status == 431)
    }

    @Test("there are at most 100 fields: 431")
    func fieldCount() {
        expectLimit(.tooManyFields) { excess in
            let lines = String(repeating: "X: 1\r\n", count: 99 + excess)
            return "GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n"
        }
        #expect(WireError.tooManyFields.status == 431)
    }

    @Test("a field name has at most 64 bytes: 400")
    func fieldName() {
        expectLimit(.fieldNameTooLong) { request("\(filler(64 + $0)): 1") }
        #expect(WireError.fieldNameTooLong.status == 400)
    }

    @Test("all values of Accept have at most 8192 bytes: 431")
    func accept() {
        expectLimit(.acceptTooLong) { request("Accept: \(filler(8192 + $0))") }
        expectLimit(.acceptTooLong) { excess in
            request("Accept: \(filler(4096))\r\naccept: \(filler(4096 + excess))")
        }
        #expect(WireError.acceptTooLong.status == 431)
    }

    @Test("a status line is bounded as well")
    func statusLine() {
        for (excess, isRight) in [(0, true), (1, false)] {
            let line = "HTTP/1.1 200 \(filler(8192 - 13 + excess))\r\n\r\n"
            #expect((readAnswer(Array(line.utf8)).error == nil) == isRight)
        }
        let endless = "HTTP/1.1 200 \(filler(9000))"
        #expect(readAnswer(Array(endless.utf8)) == .refused(.statusLineTooLong))
    }

    @Test("limits may be set, and tell the longest head")
    func own() {
        let limits = HeadLimits(
            requestLine: 20, section: 30, fieldCount: 2, fieldName: 5, accept: 3)
        expectLimit(.requestLineTooLong, limits: limits) { excess in
            "GET /\(filler(20 - 14 + excess)) HTTP/1.1\r\nHost: a\r\n\r\n"
        }
        expectLimit(.sectionTooLong, limits: limits) { excess in
            "GET / HTTP/1.1\r\nHost: a\r\nX: \(filler(30 - 9 - 5 + excess))\r\n\r\n"
        }
        #expect(limits.headByteCount == 2 + 20 + 2 + 30 + 2)
        let longest = "\r\nGET /\(filler(6)) HTTP/1.1\r\nHost: a\r\nX: \(filler(16))\r\n\r\n"
        #expect(longest.utf8.count == limits.headByteCount)
        #expect(readRequest(Array(longest.utf8), limits: limits).error == nil)
    }
}
