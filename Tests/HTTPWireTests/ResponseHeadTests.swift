import Bytes
import HTTPWire
import Testing

@Suite struct ResponseHeadTests {
    private static let rest = "\r\nContent-Length: 0\r\n\r\n"

    static let lines: [Case] = [
        Case("a reason may be empty: 9112 4", "HTTP/1.1 200 "),
        Case("a reason may hold blanks and bytes over 0x7F", "HTTP/1.1 200 tr\u{E8}s  bien\t"),
        Case("HTTP/1.0 is understood", "HTTP/1.0 200 OK"),
        Case("an unknown status of a known class: 9110 15", "HTTP/1.1 299 Odd"),
        Case("no blank behind the status: 9112 4", "HTTP/1.1 200", .statusLineMalformed),
        Case("no status line: HTTP/0.9", "<html>", .versionMalformed),
        Case("an empty line before", "\r\nHTTP/1.1 200 OK", .versionMalformed),
        Case("a blank before", " HTTP/1.1 200 OK", .versionMalformed),
        Case("LF before", "\nHTTP/1.1 200 OK", .versionMalformed),
        Case("a version in lower case", "http/1.1 200 OK", .versionMalformed),
        Case("another protocol", "ICY 200 OK", .versionMalformed),
        Case("HTTP/2", "HTTP/2 200 OK", .versionMalformed),
        Case("HTTP/2.0", "HTTP/2.0 200 OK", .versionUnsupported),
        Case("HTTP/1.2", "HTTP/1.2 200 OK", .versionUnsupported),
        Case("a version of two digits", "HTTP/1.10 200 OK", .statusLineMalformed),
        Case("two blanks before the status", "HTTP/1.1  200 OK", .statusLineMalformed),
        Case("a tab before the status", "HTTP/1.1\t200 OK", .statusLineMalformed),
        Case("two digits", "HTTP/1.1 20 OK", .statusLineMalformed),
        Case("four digits", "HTTP/1.1 2000 OK", .statusLineMalformed),
        Case("a sign", "HTTP/1.1 +20 OK", .statusLineMalformed),
        Case("a letter", "HTTP/1.1 2O0 OK", .statusLineMalformed),
        Case("a tab behind the status", "HTTP/1.1 200\tOK", .statusLineMalformed),
        Case("NUL in the reason", "HTTP/1.1 200 O\0K", .statusLineMalformed),
        Case("DEL in the reason", "HTTP/1.1 200 \u{7F}", .statusLineMalformed),
        Case("CR in the reason", "HTTP/1.1 200 O\rK", .bareCarriageReturn),
        Case("LF in the reason", "HTTP/1.1 200 OK\nX: 1", .bareLineFeed),
        Case("status 000: 9110 15", "HTTP/1.1 000 OK", .statusOutOfRange),
        Case("status 099", "HTTP/1.1 099 OK", .statusOutOfRange),
        Case("status 600", "HTTP/1.1 600 OK", .statusOutOfRange),
        Case("status 999", "HTTP/1.1 999 OK", .statusOutOfRange),
        Case("status 101 was not asked for", "HTTP/1.1 101 Up", .protocolSwitched),
    ]

    @Test("a status line has one spelling", arguments: lines)
    func line(_ case: Case) {
        let verdict = readAnswer(`case`.bytes + Array(Self.rest.utf8))
        #expect(verdict.error == `case`.error)
        #expect(verdict != .incomplete)
    }

    @Test("status and reason are read")
    func statusAndReason() throws {
        let (head, bytes) = try responseHead(answer("X-A: 1", status: "404 Not Found"))
        #expect(head.status == 404 && head.minorVersion == 1)
        #expect(text(head.reason, in: bytes) == "Not Found")
        #expect(!head.isInterim)
        #expect(head.byteCount == bytes.count)
    }

    @Test(
        "a body ends where status, method and fields say: 9112 6.3",
        arguments: [
            ("200 OK", HTTPWire.Method.get, "Content-Length: 5", BodyFraming.length(5)),
            ("200 OK", .get, "Content-Length: 0", .length(0)),
            ("200 OK", .get, "Transfer-Encoding: chunked", .chunked),
            ("200 OK", .get, "X-A: 1", .untilClose), ("201 ", .post, "X-A: 1", .untilClose),
            ("205 ", .put, "Content-Length: 0", .length(0)),
            ("200 OK", .head, "Content-Length: 5", .none), ("200 OK", .head, "X-A: 1", .none),
            ("200 OK", .head, "Transfer-Encoding: chunked", .none),
            ("404 ", .head, "Content-Length: 5", .none),
            ("304 ", .get, "Content-Length: 5", .none), ("304 ", .get, "X-A: 1", .none),
            ("304 ", .get, "Transfer-Encoding: chunked", .none),
            ("204 ", .delete, "X-A: 1", .none), ("204 ", .get, "Content-Length: 0", .none),
            ("100 ", .put, "X-A: 1", .none), ("103 ", .get, "Link: a", .none),
            ("500 ", .options, "Content-Length: 5", .length(5)),
        ]
    )
    func framing(status: String, method: HTTPWire.Method, line: String, framing: BodyFraming) throws
    {
        let head = try responseHead(answer(line, status: status), answering: method).head
        #expect(head.framing == framing)
        #expect(head.isInterim == status.hasPrefix("1"))
    }

    @Test(
        "a status without body may not announce one: 9110 8.6, 9112 6.1",
        arguments: ["100 ", "102 ", "103 ", "199 ", "204 "]
    )
    func bodyNotAllowed(status: String) {
        for line in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
            let bytes = Array(answer(line, status: status).utf8)
            #expect(readAnswer(bytes) == .refused(.bodyNotAllowed))
        }
    }

    @Test("framing is checked where no body follows, too", arguments: ["200 ", "304 "])
    func checkedForHead(status: String) {
        let lines = "Content-Length: 5\r\nTransfer-Encoding: chunked"
        let bytes = Array(answer(lines, status: status).utf8)
        #expect(readAnswer(bytes, answering: .head) == .refused(.lengthAndCoding))
    }

    @Test("the declared length is known where no body follows")
    func contentLength() throws {
        let line = "Content-Length: 5"
        #expect(try responseHead(answer(line), answering: .head).head.contentLength == 5)
        #expect(try responseHead(answer(line, status: "304 ")).head.contentLength == 5)
        #expect(try responseHead(answer(line)).head.contentLength == 5)
        #expect(try responseHead(answer("X-A: 1")).head.contentLength == nil)
    }

    @Test("a connection whose answer ends by closing is not kept")
    func untilClose() throws {
        #expect(try !responseHead(answer("Connection: keep-alive")).head.keepsAlive)
        #expect(try responseHead(answer("Content-Length: 1")).head.keepsAlive)
        #expect(try responseHead(answer("X-A: 1", status: "204 ")).head.keepsAlive)
    }

    @Test(
        "what steers a client is said once: 9110 5.3",
        arguments: [
            "Location: /a", "Content-Type: a/b", "Content-Range: bytes 0-1/2", "ETag: \"a\"",
            "Date: a", "Last-Modified: a", "Retry-After: 1", "Content-Disposition: inline",
            "Range: 0-4",
            "Docker-Content-Digest: sha256:a", "Docker-Upload-UUID: a", "OCI-Subject: sha256:a",
        ]
    )
    func repeated(line: String) {
        let bytes = Array(answer("\(line)\r\nX-A: 1\r\n\(line.lowercased())").utf8)
        #expect(readAnswer(bytes) == .refused(.fieldRepeated))
    }

    @Test("what is a list, does not cross, or is another field may come again")
    func mayRepeat() throws {
        for lines in [
            "Cache-Control: a\r\nCache-Control: b",
            "Docker-Content-Digest: a\r\nDocker-Upload-UUID: a",
            "OCI-Filters-Applied: a\r\nOCI-Filters-Applied: b",
            "Docker-Distribution-Api-Version: a\r\ndocker-distribution-api-version: a",
        ] {
            #expect(try responseHead(answer(lines)).head.status == 200, "\(lines)")
        }
    }

    @Test("an interim answer is followed by the final one")
    func interim() throws {
        let bytes = Array("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n\r\n".utf8)
        var head = ResponseHead()
        #expect(try head.parse(array: bytes, answering: .put))
        #expect(head.isInterim && head.byteCount == 25)
        let rest = Array(bytes[head.byteCount...])
        head.reset()
        #expect(try head.parse(array: rest, answering: .put))
        #expect(head.status == 201 && head.framing == .untilClose)
    }
}
