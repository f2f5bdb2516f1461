import Bytes
import HTTPWire
import Testing

@Suite struct FramingTests {
    /// For a POST; the framing fields are all that matters.
    static let lines: [Case] = [
        Case(
            "both lengths: 9112 6.1", "Content-Length: 5\r\nTransfer-Encoding: chunked",
            .lengthAndCoding),
        Case(
            "both lengths the other way", "Transfer-Encoding: chunked\r\nContent-Length: 5",
            .lengthAndCoding),
        Case(
            "both lengths, one of them 0", "Transfer-Encoding: chunked\r\nContent-Length: 0",
            .lengthAndCoding),
        Case(
            "both lengths, one malformed", "Transfer-Encoding: x\r\nContent-Length: x",
            .lengthAndCoding),
        Case("two lengths: 9112 6.3", "Content-Length: 5\r\nContent-Length: 6", .lengthRepeated),
        Case("two equal lengths", "Content-Length: 5\r\nContent-Length: 5", .lengthRepeated),
        Case(
            "two lengths in other case", "Content-Length: 5\r\ncontent-length: 5",
            .lengthRepeated),
        Case("a list of lengths", "Content-Length: 5, 5", .lengthMalformed),
        Case("a list with one element", "Content-Length: 5,", .lengthMalformed),
        Case("an empty length: CVE-2023-40225", "Content-Length:", .lengthMalformed),
        Case("a length of blanks", "Content-Length: \t ", .lengthMalformed),
        Case("a length with plus", "Content-Length: +5", .lengthMalformed),
        Case("a length with minus", "Content-Length: -5", .lengthMalformed),
        Case("minus zero", "Content-Length: -0", .lengthMalformed),
        Case("a hexadecimal length", "Content-Length: 0x5", .lengthMalformed),
        Case("a hexadecimal digit", "Content-Length: 5a", .lengthMalformed),
        Case("a length with a point", "Content-Length: 5.0", .lengthMalformed),
        Case("a length with exponent", "Content-Length: 5e0", .lengthMalformed),
        Case("a length with underscore", "Content-Length: 5_0", .lengthMalformed),
        Case("a length in quotes", "Content-Length: \"5\"", .lengthMalformed),
        Case("a length with a blank in it", "Content-Length: 5 0", .lengthMalformed),
        Case("a length with a tab in it", "Content-Length: 5\t0", .lengthMalformed),
        Case("a length with a parameter", "Content-Length: 5;a", .lengthMalformed),
        Case("digits that are not ASCII", "Content-Length: \u{FF15}", .lengthMalformed),
        Case("a length behind a no-break space", "Content-Length: \u{A0}5", .lengthMalformed),
        Case("a length over 2^60", "Content-Length: 1152921504606846977", .lengthTooLarge),
        Case("a length of 2^63", "Content-Length: 9223372036854775808", .lengthTooLarge),
        Case("a length of 2^64 + 5", "Content-Length: 18446744073709551621", .lengthTooLarge),
        Case(
            "a length of 40 digits", "Content-Length: " + String(repeating: "9", count: 40),
            .lengthTooLarge),
        Case(
            "two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            .codingRepeated),
        Case(
            "chunked hidden in a second line",
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", .codingRepeated),
        Case("identity: 9112 7", "Transfer-Encoding: identity", .codingUnsupported),
        Case("gzip, chunked", "Transfer-Encoding: gzip, chunked", .codingUnsupported),
        Case("chunked twice in a list", "Transfer-Encoding: chunked, chunked", .codingUnsupported),
        Case("chunked, identity", "Transfer-Encoding: chunked, identity", .codingUnsupported),
        Case("a comma behind", "Transfer-Encoding: chunked,", .codingUnsupported),
        Case("a comma before", "Transfer-Encoding: ,chunked", .codingUnsupported),
        Case("a parameter", "Transfer-Encoding: chunked;q=1", .codingUnsupported),
        Case("an unknown coding", "Transfer-Encoding: xchunked", .codingUnsupported),
        Case("a shorter coding", "Transfer-Encoding: chunke", .codingUnsupported),
        Case("chunked in quotes", "Transfer-Encoding: \"chunked\"", .codingUnsupported),
        Case("a no-break space behind", "Transfer-Encoding: chunked\u{A0}", .codingUnsupported),
        Case("a byte over 0x7F before", "Transfer-Encoding: \u{85}chunked", .codingUnsupported),
        Case("no coding", "Transfer-Encoding:", .codingUnsupported),
        Case("a blank in the name's end", "Transfer-Encoding : chunked", .fieldNameBlank),
        Case("a vertical tab before", "Transfer-Encoding: \u{0B}chunked", .fieldValueControl),
        Case("a form feed behind", "Transfer-Encoding: chunked\u{0C}", .fieldValueControl),
        Case("NUL behind", "Transfer-Encoding: chunked\0", .fieldValueNUL),
        Case("folded", "Transfer-Encoding:\r\n chunked", .foldedLine),
        Case("LF before", "X: a\nTransfer-Encoding: chunked", .bareLineFeed),
        Case("CR before", "X: a\rTransfer-Encoding: chunked", .bareCarriageReturn),
        Case(
            "Connection names the length: 9110 7.6.1",
            "Connection: close, Content-Length\r\nContent-Length: 5", .connectionNamesFraming),
        Case(
            "Connection names the coding", "Connection: transfer-encoding",
            .connectionNamesFraming),
        Case("Connection names the host", "Connection: HOST", .connectionNamesFraming),
    ]

    @Test("no framing is repaired, in requests and answers", arguments: lines)
    func refused(_ case: Case) {
        let line = String(decoding: `case`.bytes, as: UTF8.self)
        #expect(readRequest(Array(request(line, method: "POST").utf8)).error == `case`.error)
        #expect(readAnswer(Array(answer(line).utf8)).error == `case`.error)
    }

    @Test(
        "a body ends where its head says: 9112 6.3",
        arguments: [
            ("POST", "X-A: 1", BodyFraming.none), ("PUT", "Content-Length: 0", .length(0)),
            ("PATCH", "Content-Length: 5", .length(5)), ("POST", "Content-Length:\t5 ", .length(5)),
            ("POST", "Content-Length: 0005", .length(5)),
            ("POST", "Content-Length: 1152921504606846976", .length(1 << 60)),
            ("PUT", "Transfer-Encoding: chunked", .chunked),
            ("PATCH", "transfer-encoding:Chunked ", .chunked), ("GET", "X-A: 1", .none),
            ("GET", "Content-Length: 0", .none), ("HEAD", "Content-Length: 0", .none),
            ("DELETE", "Content-Length: 00", .none), ("OPTIONS", "Content-Length: 0", .none),
        ]
    )
    func accepted(method: String, line: String, framing: BodyFraming) throws {
        #expect(try head(request(line, method: method)).head.framing == framing)
    }

    @Test(
        "a body comes with POST, PUT and PATCH only",
        arguments: ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "post"]
    )
    func noBody(method: String) {
        for line in ["Content-Length: 5", "Content-Length: 1", "Transfer-Encoding: chunked"] {
            let bytes = Array(request(line, method: method).utf8)
            #expect(readRequest(bytes) == .refused(.bodyNotAllowed))
        }
    }

    @Test("HTTP/1.0 has no transfer coding: 9112 6.1")
    func codingOnHTTP10() {
        let line = "Transfer-Encoding: chunked"
        let asked = Array(request(line, method: "POST", version: "1.0").utf8)
        #expect(readRequest(asked) == .refused(.codingOnHTTP10))
        #expect(
            readAnswer(Array(answer(line, version: "1.0").utf8)) == .refused(.codingOnHTTP10)
        )
    }

    @Test("fields that merely look like framing do not frame")
    func lookalikes() throws {
        for line in [
            "X-Content-Length: 5", "Content-Lengths: 5", "Content-Lengt: 5",
            "Transfer-Encodin: chunked", "TE: chunked", "Trailer: Content-Length",
        ] {
            #expect(try head(request(line, method: "POST")).head.framing == .none)
        }
    }

    @Test("framing says whether bytes follow")
    func expectsBytes() {
        #expect(!BodyFraming.none.expectsBytes && !BodyFraming.length(0).expectsBytes)
        #expect(BodyFraming.length(1).expectsBytes && BodyFraming.chunked.expectsBytes)
        #expect(BodyFraming.untilClose.expectsBytes)
    }
}
