import Bytes
import Foundation
import HTTPWire
import RegistryAPI
import Testing

@Suite struct AnswersTests {
    @Test("an error body has the shape of the specification")
    func shape() {
        let resource = ErrorBody.Resource(repository: "prod/api", action: "push")
        let body = ErrorBody(code: .denied, message: "no \"way\"", resource: resource)
        #expect(
            body.bytes.description
                == #"{"errors":[{"code":"DENIED","message":"no \"way\"","#
                + #""detail":[{"Type":"repository","Name":"prod/api","Action":"push"}]}]}"#
        )
        let plain = ErrorBody(code: .unsupported, message: "no" as StaticString)
        #expect(plain.bytes == #"{"errors":[{"code":"UNSUPPORTED","message":"no"}]}"#)
    }

    @Test("any bytes in a message give valid JSON without control characters")
    func anyBytes() throws {
        var random = SeededRandom(seed: 1)
        var messages = (UInt8.min...UInt8.max).map { [0x61, $0, 0x62] }
        for _ in 0..<2000 {
            messages.append((0..<random.below(12)).map { _ in UInt8(random.below(256)) })
        }
        for message in messages {
            let body = ErrorBody(code: .unknown, message: ByteString(message)).bytes.bytes
            #expect(!body.contains { $0 < 0x20 || $0 == 0x7F })
            let object = try JSONSerialization.jsonObject(with: Data(body))
            let errors = (object as? [String: Any])?["errors"] as? [[String: Any]]
            // Foundation repairs invalid UTF-8 with as many U+FFFD, or fewer; validity is what
            // counts.
            let text = try #require(errors?.first?["message"] as? String)
            if let valid = String(validating: message, as: UTF8.self) { #expect(text == valid) }
            #expect(String(validating: body, as: UTF8.self) != nil)
        }
    }

    @Test("every routing error has a message and a code of its status")
    func routingErrors() {
        let errors: [RoutingError] = [
            .unknownRoute, .methodNotAllowed(allow: "GET"), .nameInvalid, .tagInvalid,
            .digestInvalid, .pageNumberInvalid, .badQuery("why"),
        ]
        #expect(errors.map(\.status) == [404, 405, 400, 400, 400, 400, 400])
        #expect(errors.allSatisfy { $0.message.utf8CodeUnitCount > 0 })
    }

    @Test("a realm is quoted; one with control bytes is none")
    func challenge() {
        #expect(
            Challenge(basicRealm: "Registry")?.bytes == #"Basic realm="Registry", charset="UTF-8""#)
        #expect(
            Challenge(basicRealm: #"a"b\c"#)?.bytes == #"Basic realm="a\"b\\c", charset="UTF-8""#)
        #expect(Challenge(basicRealm: "") == nil)
        #expect(Challenge(basicRealm: "a\r\nSet-Cookie: x") == nil)
        #expect(Challenge(basicRealm: "é") == nil)
    }

    static let ours: [ByteString] = [
        "registry.example.com", "127.0.0.1:5000", "[::1]:5000", "h:443",
    ]

    @Test(
        "a Location of ours becomes a path; a foreign one is left alone",
        arguments: [
            ("http://127.0.0.1:5000/v2/a?x=1", "/v2/a?x=1"),
            ("https://registry.example.com/v2/", "/v2/"),
            ("HTTPS://Registry.Example.COM/v2/", "/v2/"),
            ("https://registry.example.com:443/x", "/x"),
            ("http://registry.example.com:80/x", "/x"),
            ("https://h/x", "/x"), ("http://[::1]:5000/x", "/x"),
            ("//registry.example.com/x", "/x"),
            ("/v2/a/blobs/uploads/x?_state=y", "/v2/a/blobs/uploads/x?_state=y"),
            // The path alone would name another authority.
            ("http://127.0.0.1:5000//evil.example/v2/", nil), (#"https://h/\evil.example/"#, nil),
            ("https://storage.example.com/v2/", nil), ("http://127.0.0.1:5001/v2/", nil),
            ("https://registry.example.com:80/x", nil),
            ("http://registry.example.com.evil.org/x", nil),
            ("http://registry.example.com@evil.org/x", nil),
            ("http://evil.org\\@registry.example.com/x", nil),
            ("http://evil.org#registry.example.com/x", nil),
            ("https://user@registry.example.com/x", nil),
            ("//evil.org/x", nil), ("ftp://registry.example.com/x", nil), ("v2/a", nil), ("", nil),
            ("http://", nil), ("http:///x", nil), ("http://registry.example.com", nil),
        ] as [(String, String?)]
    )
    func location(value: String, expected: String?) {
        let bytes = Array(value.utf8)
        let place = LocationRewriting.pathOnly(bytes.span, ours: Self.ours)
        #expect(place.map { String(decoding: bytes[$0.range], as: UTF8.self) } == expected)
    }

    @Test(
        "the URLs in a Link are cut where they are ours",
        arguments: [
            (
                #"<http://127.0.0.1:5000/v2/_catalog?last=x&n=2>; rel="next""#,
                #"</v2/_catalog?last=x&n=2>; rel="next""#
            ),
            (#"</v2/a/tags/list?n=2>; rel="next""#, #"</v2/a/tags/list?n=2>; rel="next""#),
            (#"<https://other/x>; rel="next""#, #"<https://other/x>; rel="next""#),
            (
                #"<https://h/x>; rel=a, <https://h/y>; t="<https://h/z>\"<https://h/z>""#,
                #"</x>; rel=a, </y>; t="<https://h/z>\"<https://h/z>""#
            ),
            ("<https://h/x", "</x"), ("<", "<"), ("", ""), (#"a"\"#, #"a"\"#),
        ]
    )
    func link(value: String, expected: String) {
        let buffer = Buffer(capacity: max(value.utf8.count, 1))
        LocationRewriting.appendRewrittenLink(Array(value.utf8).span, ours: Self.ours, to: buffer)
        #expect(ByteString(copying: buffer.bytes).description == expected)
    }

    @Test("what each operation needs")
    func requiredAccess() {
        func need(_ method: HTTPWire.Method, _ target: String) -> String {
            let bytes = Array(target.utf8)
            let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
            let query = mark < bytes.count ? Place(mark + 1, bytes.count) : nil
            let operation = try? RegistryOperation.route(
                method: method, head: bytes.span, path: Place(0, mark), query: query)
            return switch operation?.requiredAccess {
            case .nothing: "nothing"
            case .login: "login"
            case .listing: "listing"
            case .pull(let name): "pull \(name.bytes)"
            case .create(let name): "create \(name.bytes)"
            case .createOrOverwrite(let name): "put \(name.bytes)"
            case .delete(let name): "delete \(name.bytes)"
            case .mount(let name, let from): "mount \(name.bytes) \(from.bytes)"
            case nil: "none"
            }
        }
        #expect(need(.get, "/healthz") == "nothing")
        #expect(need(.options, "/v2/a/manifests/v1") == "nothing")
        #expect(need(.get, "/v2/") == "login")
        #expect(need(.get, "/v2/_catalog") == "listing")
        for path in [
            "/v2/a/tags/list", "/v2/a/manifests/v1", "/v2/a/blobs/\(sha256)",
            "/v2/a/referrers/\(sha256)",
        ] {
            #expect(need(.get, path) == "pull a")
        }
        #expect(need(.head, "/v2/a/manifests/v1") == "pull a")
        #expect(need(.put, "/v2/a/manifests/v1") == "put a")
        #expect(need(.put, "/v2/a/manifests/\(sha256)") == "create a")
        #expect(need(.delete, "/v2/a/manifests/v1") == "delete a")
        #expect(need(.delete, "/v2/a/blobs/\(sha256)") == "delete a")
        #expect(need(.post, "/v2/a/blobs/uploads/") == "create a")
        #expect(need(.post, "/v2/a/blobs/uploads/?mount=\(sha256)&from=b") == "mount a b")
        for method in [HTTPWire.Method.get, .head, .patch, .delete] {
            #expect(need(method, "/v2/a/blobs/uploads/i") == "create a")
        }
    }
}
