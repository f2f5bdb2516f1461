import Bytes
import HTTPWire
import Testing

@Suite struct RedirectTargetTests {
    private func target(_ text: String, from base: RedirectTarget? = nil) -> RedirectTarget? {
        RedirectTarget(parsing: Array(text.utf8).span, from: base)
    }

    @Test(
        "a URL is taken apart",
        arguments: [
            ("http://a/b", "http a 80 a /b"),
            ("HTTPS://A.b:8443/c?d=%2F", "https A.b 8443 A.b:8443 /c?d=%2F"),
            ("https://a:443", "https a 443 a /"), ("https://a:80/", "https a 80 a:80 /"),
            ("http://a?b", "http a 80 a /?b"), ("http://a/b#c", "http a 80 a /b"),
            ("http://[::1]:5/x", "http [::1] 5 [::1]:5 /x"),
        ]
    )
    func parts(url: String, expected: String) throws {
        let parsed = try #require(target(url))
        let scheme = parsed.isSecure ? "https" : "http"
        let place = "\(parsed.host) \(parsed.port) \(parsed.authority)"
        let shown = "\(scheme) \(place) \(parsed.pathAndQuery)"
        #expect(shown == expected)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "/a", "a", "//a/b", "ftp://a/", "http:/a", "http://", "http:///a", "http://u@a/",
            "http://a:0/", "http://a:65536/", "http://a:/", "http://a b/", "http://a/\u{E9}",
            "http://a\\b/", "http://a/\r\nX: y", "http://a,b/", "http://[::1/", "http://%61/",
            "http://a/" + String(repeating: "x", count: 8192),
        ]
    )
    func refusal(url: String) { #expect(target(url) == nil) }

    @Test("a path leads on from where the redirect came from")
    func relative() throws {
        let base = try #require(target("https://a:8443/b?c"))
        #expect(target("/d?e#f", from: base) == target("https://a:8443/d?e"))
        #expect(target("//x/d", from: base) == nil)
        #expect(target("d", from: base) == nil)
        #expect(target("http://x/d", from: base) == target("http://x/d"))
    }
}
