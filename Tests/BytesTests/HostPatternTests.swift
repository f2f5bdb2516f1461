import Testing

@testable import Bytes

@Suite struct HostPatternTests {
    private func pattern(_ text: String) -> HostPattern? {
        HostPattern(parsing: Array(text.utf8).span)
    }

    @Test(
        "a pattern matches its host, in whatever case, and no other",
        arguments: [
            ("Storage.example", "storage.EXAMPLE", 443, true), ("a.b", "a.b.", 80, false),
            ("a.b", "xa.b", 80, false), ("a.b", "c.a.b", 80, false), ("a.b:81", "a.b", 80, false),
            ("a.b:80", "a.b", 80, true), ("*.a.b", "c.a.b", 80, true),
            ("*.a.b", "d.c.a.b", 1, true),
            ("*.a.b", "a.b", 80, false), ("*.a.b", "xa.b", 80, false),
            ("*.a.b:9", "c.a.b", 80, false), ("192.0.2.7", "192.0.2.7", 80, true),
            ("192.0.2.7", "192.0.2.70", 80, false), ("[::1]", "[0:0::1]", 80, true),
            ("[::1]:80", "[::1]", 80, true), ("[::1]:81", "[::1]", 80, false),
            ("[::ffff:192.0.2.7]", "192.0.2.7", 80, true),
        ]
    )
    func matching(text: String, host: String, port: Int, expected: Bool) {
        let matches = pattern(text)?.matches(Array(host.utf8).span, port: UInt16(port))
        #expect(matches == expected)
    }

    @Test(
        "anything else is no pattern",
        arguments: [
            "", "*", "*.", "a*", "*a.b", "a.*.b", "*.*.b", ".a", "a..b", "a.", "a b", "a/b", "a:",
            "a:0", "a:65536", "a:+1", ":80", "http://a", "::1", "[::1", "u@a", "*.a.b:x", "\u{E9}",
        ]
    )
    func refusal(text: String) {
        let isPattern = pattern(text) != nil
        #expect(!isPattern)
    }
}
