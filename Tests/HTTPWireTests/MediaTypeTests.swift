import Bytes
import Testing

@testable import HTTPWire

@Suite struct MediaTypeTests {
    @Test(
        "a media type is named without its parameters, and one alone: 9110 8.3.1",
        arguments: [
            ("application/json", "application/json"), ("a/b;q=0", "a/b"), ("a/b ; c=d", "a/b"),
            ("a/b+c.d-e", "a/b+c.d-e"), ("", nil), (";q=0", nil), ("a", nil), ("/b", nil),
            ("a/", nil), ("a/b, c/d", nil), ("a/b/c", nil), ("a/b c", nil), ("a/\u{FF}", nil),
            ("*/*;q=0", "*/*"),
        ] as [(String, String?)]
    )
    func mediaType(value: String, type: String?) {
        let bytes = Array(value.utf8)
        let named: String?
        if let found = bytes.span.mediaType {
            named = ByteString(copying: found).description
        } else {
            named = nil
        }
        #expect(named == type)
    }
}
