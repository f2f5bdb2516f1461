import Bytes
import HTTPWire
import Testing

@Suite struct ForwardedForTests {
    private let trusted = ["10.0.0.0/8", "2001:db8::/32"].map { text in
        (try? IPNetwork(parsing: Array(text.utf8).span))!
    }

    private func head(_ lines: [String]) throws -> (RequestHead, [UInt8]) {
        let fields = lines.map { $0 + "\r\n" }.joined()
        let bytes = Array("GET /v2/ HTTP/1.1\r\nHost: r\r\n\(fields)\r\n".utf8)
        var head = RequestHead()
        let isComplete = try head.parse(bytes.span)
        #expect(isComplete)
        return (head, bytes)
    }

    private func client(_ peer: String, _ lines: [String]) throws -> String {
        let (head, bytes) = try head(lines)
        guard let peer = IPAddress(parsing: Array(peer.utf8).span) else { return "no address" }
        return ForwardedFor.client(
            behind: peer, in: head.fields, of: bytes.span, trusted: trusted
        ).description
    }

    @Test(
        "the list is walked from the right, as long as proxies are trusted",
        arguments: [
            ("203.0.113.9", ["X-Forwarded-For: 1.1.1.1"], "203.0.113.9"),
            ("10.0.0.1", [], "10.0.0.1"),
            ("10.0.0.1", ["X-Forwarded-For:"], "10.0.0.1"),
            ("10.0.0.1", ["X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", ["x-forwarded-for: 6.6.6.6, 192.0.2.7"], "192.0.2.7"),
            ("10.0.0.1", ["X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.9.9.9"], "192.0.2.7"),
            ("10.0.0.1", ["X-Forwarded-For: 10.3.3.3,10.2.2.2"], "10.3.3.3"),
            ("10.0.0.1", ["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.7"], "192.0.2.7"),
            (
                "10.0.0.1", ["X-Forwarded-For: 6.6.6.6, 192.0.2.7", "X-Forwarded-For: 10.2.2.2"],
                "192.0.2.7"
            ),
            ("10.0.0.1", ["X-Forwarded-For: 192.0.2.7, unknown"], "10.0.0.1"),
            ("10.0.0.1", ["X-Forwarded-For: 192.0.2.7, , 10.2.2.2"], "10.2.2.2"),
            ("10.0.0.1", ["X-Forwarded-For: 192.0.2.7:5000"], "192.0.2.7"),
            ("10.0.0.1", ["X-Forwarded-For: [2001:db9::1]:5000"], "2001:db9::1"),
            ("10.0.0.1", ["X-Forwarded-For: \t[2001:db9::1] "], "2001:db9::1"),
            ("10.0.0.1", ["X-Forwarded-For: 2001:db9::1"], "2001:db9::1"),
            ("10.0.0.1", ["X-Forwarded-For: 2001:db9::1:80:"], "10.0.0.1"),
            ("10.0.0.1", ["X-Forwarded-For: 192.0.2.7:65536"], "10.0.0.1"),
            ("10.0.0.1", ["X-Forwarded-For: \"192.0.2.7\""], "10.0.0.1"),
            ("2001:db8::5", ["X-Forwarded-For: ::ffff:192.0.2.7"], "192.0.2.7"),
        ]
    )
    func walk(peer: String, lines: [String], expected: String) throws {
        #expect(try client(peer, lines) == expected)
    }

    @Test(
        "the scheme is that of the nearest proxy",
        arguments: [
            (["X-Forwarded-Proto: https"], "https"), (["X-Forwarded-Proto: HTTP"], "http"),
            (["X-Forwarded-Proto: http, https "], "https"),
            (["X-Forwarded-Proto: http", "X-Forwarded-Proto: https"], "https"),
            (["X-Forwarded-Proto: ws"], nil), (["X-Forwarded-Proto:"], nil), ([], nil),
        ]
    )
    func scheme(lines: [String], expected: String?) throws {
        let (head, bytes) = try head(lines)
        let scheme = ForwardedFor.scheme(in: head.fields, of: bytes.span)
        #expect(scheme?.description == expected)
    }
}
