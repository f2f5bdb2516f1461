import Bytes
import HTTPWire
import Testing

@Suite struct RequestFieldTests {
    static let heads: [Case] = [
        Case("no Host: 9112 3.2", "GET / HTTP/1.1\r\n\r\n", .hostMissing),
        Case(
            "User-Agent twice",
            "GET / HTTP/1.1\r\nHost: h\r\nUser-Agent: a\r\nUser-Agent: b\r\n\r\n", .fieldRepeated),
        Case("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", .hostRepeated),
        Case("two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", .hostRepeated),
        Case("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", .hostMalformed),
        Case("a Host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .hostMalformed),
        Case("a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .hostMalformed),
        Case("a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .hostMalformed),
        Case(
            "two Authorizations", request("Authorization: a\r\nauthorization: a"),
            .authorizationRepeated),
        Case(
            "two content types: 9110 5.3", request("Content-Type: a\r\nContent-Type: a"),
            .fieldRepeated),
        Case(
            "two content ranges", request("Content-Range: 0-1\r\nContent-Range: 0-2"),
            .fieldRepeated),
        Case("two ranges", request("Range: bytes=0-1\r\nRange: bytes=0-2"), .fieldRepeated),
        Case("two range conditions", request("If-Range: a\r\nIf-Range: b"), .fieldRepeated),
        Case("many Accepts are usual", request("Accept: a\r\nAccept: b\r\nAccept: c")),
        Case("100-continue: 9110 10.1.1", request("Expect: 100-continue", method: "PUT")),
        Case("100-continue in capitals", request("Expect: 100-CONTINUE")),
        Case("another expectation", request("Expect: 200-ok"), .expectationUnsupported),
        Case("no expectation", request("Expect:"), .expectationUnsupported),
        Case(
            "a list of expectations", request("Expect: 100-continue, x"),
            .expectationUnsupported),
        Case(
            "two expectations", request("Expect: 100-continue\r\nExpect: 100-continue"),
            .expectationUnsupported),
        Case("HTTP/1.0 expects nothing", request("Expect: x", version: "1.0")),
        Case("Upgrade is ignored: 9110 7.8", request("Connection: upgrade\r\nUpgrade: h2c")),
        Case("an option that is no token", request("Connection: clo se"), .connectionMalformed),
        Case(
            "an option with a parameter", request("Connection: close;x=1"),
            .connectionMalformed),
        Case("an option in quotes", request("Connection: \"close\""), .connectionMalformed),
        Case(
            "an option that is not ASCII", request("Connection: clo\u{17F}e"),
            .connectionMalformed),
        Case("32 options", request("Connection: " + String(repeating: "a,", count: 32))),
        Case(
            "33 options", request("Connection: " + String(repeating: "a,", count: 33)),
            .connectionMalformed),
    ]

    @Test("fields of a request agree with each other", arguments: heads)
    func fields(_ case: Case) {
        let verdict = readRequest(`case`.bytes)
        #expect(verdict.error == `case`.error)
        #expect(verdict != .incomplete)
    }

    @Test(
        "a connection is kept as version and options say: 9112 9.3",
        arguments: [
            ("1.1", "X-A: 1", true), ("1.1", "Connection:", true), ("1.1", "Connection: , ,", true),
            ("1.1", "Connection: close", false), ("1.1", "Connection: CLOSE", false),
            ("1.1", "Connection: x, close", false), ("1.1", "Connection: ,close\t,", false),
            ("1.1", "Connection: x\r\nConnection: close", false),
            ("1.1", "Connection: keep-alive, close", false), ("1.1", "Connection: closed", true),
            ("1.1", "Proxy-Connection: close", true), ("1.0", "X-A: 1", false),
            ("1.0", "Connection: keep-alive", true), ("1.0", "Connection: x,Keep-Alive", true),
            ("1.0", "Connection: keep-alive, close", false),
            ("1.0", "Proxy-Connection: keep-alive", false), ("1.0", "Keep-Alive: 5", false),
        ]
    )
    func keepsAlive(version: String, line: String, isKept: Bool) throws {
        #expect(try head(request(line, version: version)).head.keepsAlive == isKept)
        let answered = try responseHead(answer(line + "\r\nContent-Length: 0", version: version))
        #expect(answered.head.keepsAlive == isKept)
    }

    @Test("a field that Connection names is marked: 9110 7.6.1")
    func connectionNamed() throws {
        let lines = "X-Note: 1\r\nConnection: close, x-note ,ACCEPT\r\nx-notes: 2\r\nAccept: 3"
        let marked = try head(request(lines)).head.fields.lines.map(\.isConnectionNamed)
        #expect(marked == [false, true, false, false, true])
    }

    @Test(
        "100-continue is waited for only before a body",
        arguments: [
            ("PUT", "1.1", "Content-Length: 5", true), ("PUT", "1.1", "Content-Length: 0", false),
            ("PUT", "1.1", "Transfer-Encoding: chunked", true), ("PUT", "1.1", "X-A: 1", false),
            ("PUT", "1.0", "Content-Length: 5", false), ("GET", "1.1", "X-A: 1", false),
        ]
    )
    func expectsContinue(method: String, version: String, line: String, isExpected: Bool) throws {
        let lines = "Expect: 100-continue\r\n\(line)"
        let head = try head(request(lines, method: method, version: version)).head
        #expect(head.expectsContinue == isExpected)
    }
}
