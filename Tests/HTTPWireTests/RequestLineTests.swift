import Bytes
import HTTPWire
import Testing

@Suite struct RequestLineTests {
    private static let rest = "\r\nHost: a\r\n\r\n"

    static let lines: [Case] = [
        Case("a method may be any token: 9110 9.1", "PROPFIND-2 /v2/ HTTP/1.1"),
        Case("HTTP/1.0 is understood: 9110 2.5", "GET /v2/ HTTP/1.0"),
        Case("one empty line before is skipped: 9112 2.2", "\r\nGET /v2/ HTTP/1.1"),
        Case("two empty lines before", "\r\n\r\nGET /v2/ HTTP/1.1", .emptyLinesBeforeRequest),
        Case("LF before", "\nGET /v2/ HTTP/1.1", .bareLineFeed),
        Case("CR before", "\rGET /v2/ HTTP/1.1", .bareCarriageReturn),
        Case("CR CR LF before", "\r\r\nGET /v2/ HTTP/1.1", .bareCarriageReturn),
        Case("a blank before", " GET /v2/ HTTP/1.1", .methodMalformed),
        Case("a tab before", "\tGET /v2/ HTTP/1.1", .methodMalformed),
        Case("NUL before", "\0GET /v2/ HTTP/1.1", .methodMalformed),
        Case("a byte order mark before", "\u{FEFF}GET /v2/ HTTP/1.1", .methodMalformed),
        Case("no method: 9112 3", "/v2/ HTTP/1.1", .methodMalformed),
        Case("a method with a colon is a field line", "GET: /v2/ HTTP/1.1", .methodMalformed),
        Case("a method with NUL", "GE\0T /v2/ HTTP/1.1", .methodMalformed),
        Case("a tab behind the method: 9112 3", "GET\t/v2/ HTTP/1.1", .methodMalformed),
        Case("a vertical tab behind the method", "GET\u{0B}/v2/ HTTP/1.1", .methodMalformed),
        Case("a method alone", "GET", .methodMalformed),
        Case("a method and LF", "GET\n/v2/ HTTP/1.1", .bareLineFeed),
        Case("two blanks behind the method", "GET  /v2/ HTTP/1.1", .targetMissing),
        Case("no target", "GET HTTP/1.1", .versionMissing),
        Case("HTTP/0.9: 9112 A.1.1", "GET /v2/", .versionMissing),
        Case("HTTP/0.9 with a blank", "GET /v2/ ", .versionMalformed),
        Case("a blank in the target", "GET /v2/ x HTTP/1.1", .versionMalformed),
        Case("a tab in the target", "GET /v2/\tx HTTP/1.1", .targetHasControl),
        Case("NUL in the target", "GET /v2/\0 HTTP/1.1", .targetHasControl),
        Case("DEL in the target", "GET /v2/\u{7F} HTTP/1.1", .targetHasControl),
        Case("a target that is not ASCII", "GET /v2/\u{E9} HTTP/1.1", .targetNotASCII),
        Case("CR in the target", "GET /v2/\rHTTP/1.1", .versionMissing),
        Case("LF in the target", "GET /v2/\nHTTP/1.1", .bareLineFeed),
        Case("two blanks before the version", "GET /v2/  HTTP/1.1", .versionMalformed),
        Case("a tab before the version", "GET /v2/\tHTTP/1.1", .targetHasControl),
        Case("a version in lower case: 9112 2.3", "GET /v2/ http/1.1", .versionMalformed),
        Case("a version of another protocol", "GET /v2/ ICY/1.1", .versionMalformed),
        Case("a version without minor digit", "GET /v2/ HTTP/1", .versionMalformed),
        Case("a version with a comma", "GET /v2/ HTTP/1,1", .versionMalformed),
        Case("a version of two major digits", "GET /v2/ HTTP/11.1", .versionMalformed),
        Case("a version of two minor digits", "GET /v2/ HTTP/1.10", .versionMalformed),
        Case("a version with a zero before", "GET /v2/ HTTP/01.1", .versionMalformed),
        Case("a version with a sign", "GET /v2/ HTTP/+1.1", .versionMalformed),
        Case("a version with blanks in it", "GET /v2/ HTTP/1. 1", .versionMalformed),
        Case("a blank behind the version", "GET /v2/ HTTP/1.1 ", .versionMalformed),
        Case("NUL behind the version", "GET /v2/ HTTP/1.1\0", .versionMalformed),
        Case("CR CR behind the version", "GET /v2/ HTTP/1.1\r", .bareCarriageReturn),
        Case("a second request line behind", "GET /v2/ HTTP/1.1 GET /", .versionMalformed),
        Case("HTTP/2 preface: 9113 3.4", "PRI * HTTP/2.0", .versionUnsupported),
        Case("HTTP/0.9 spelled out", "GET /v2/ HTTP/0.9", .versionUnsupported),
        Case("HTTP/1.2", "GET /v2/ HTTP/1.2", .versionUnsupported),
        Case("HTTP/3.0", "GET /v2/ HTTP/3.0", .versionUnsupported),
        Case("HTTP/9.9", "GET /v2/ HTTP/9.9", .versionUnsupported),
        Case("a TLS hello", "\u{16}\u{03}\u{01}\u{02}", .methodMalformed),
        Case("a PROXY line", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2", .versionMalformed),
    ]

    @Test("a request line has one spelling", arguments: lines)
    func line(_ case: Case) {
        let verdict = readRequest(`case`.bytes + Array(Self.rest.utf8))
        #expect(verdict.error == `case`.error)
        #expect(verdict != .incomplete)
    }

    @Test("a line that ends with LF alone is refused")
    func bareLineFeed() {
        #expect(readRequest(Array("GET / HTTP/1.1\nHost: a\n\n".utf8)) == .refused(.bareLineFeed))
    }

    @Test(
        "methods are known in capitals only: 9110 9.1",
        arguments: [
            ("GET", HTTPWire.Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put),
            ("PATCH", .patch), ("DELETE", .delete), ("OPTIONS", .options), ("get", .other),
            ("Get", .other), ("GETS", .other), ("GE", .other), ("TRACE", .other),
            ("CONNECT", .other), ("PRI", .other), ("pATCH", .other), ("M-SEARCH", .other),
        ]
    )
    func method(name: String, method: HTTPWire.Method) throws {
        let (head, bytes) = try head("\(name) /v2/ HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.method == method)
        #expect(text(head.methodPlace, in: bytes) == name)
        #expect(method == .other || "\(method.name)" == name)
    }

    @Test("every byte but a token byte ends a method")
    func everyByteInMethod() {
        let tokens = Set(
            "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8
        )
        for byte in UInt8.min...UInt8.max where byte != 0x20 {
            let bytes = Array("GE".utf8) + [byte] + Array("T / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            let error = readRequest(bytes).error
            #expect((error == nil) == tokens.contains(byte), "byte \(byte)")
        }
    }

    @Test("a target holds visible ASCII only")
    func everyByteInTarget() {
        for byte in UInt8.min...UInt8.max where byte != 0x20 {
            let bytes = Array("GET /a".utf8) + [byte] + Array("b HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            let error = readRequest(bytes).error
            #expect((error == nil) == (0x21...0x7E).contains(byte), "byte \(byte)")
        }
    }

    @Test("no byte of the version and of the line's end can be another one")
    func everyByteInVersion() {
        let start = Array("GET / ".utf8)
        let end = Array("HTTP/1.1\r\n".utf8)
        let fields = Array("Host: a\r\n\r\n".utf8)
        for index in end.indices {
            for byte in UInt8.min...UInt8.max where byte != end[index] {
                var changed = end
                changed[index] = byte
                let verdict = readRequest(start + changed + fields)
                let isHTTP10 = index == 7 && byte == UInt8(ascii: "0")
                #expect((verdict.error == nil) == isHTTP10, "\(index): \(byte)")
            }
        }
    }
}
