import Bytes
import HTTPWire
import Testing

@Suite struct RequestTargetTests {
    private func target(
        _ written: String,
        method: HTTPWire.Method = .get,
        host: String = "reg.example:5000"
    ) -> Result<[String?], WireError> {
        // Something before it, so that places are not positions in the target.
        let before = "\(host) "
        let bytes = Array((before + written + " ").utf8)
        let place = Place(before.utf8.count, bytes.count - 1)
        do throws(WireError) {
            let target = try RequestTarget(
                parsing: bytes.span,
                of: place,
                method: method,
                host: Place(0, host.utf8.count)
            )
            return .success(
                [target.path, target.query, target.authority].map { part in
                    part.map { text($0, in: bytes) }
                }
            )
        } catch {
            return .failure(error)
        }
    }

    @Test(
        "path, query and authority of a target: 9112 3.2",
        arguments: [
            ("/", "/", nil, nil), ("/v2/", "/v2/", nil, nil), ("/?", "/", "", nil),
            ("/v2/a/b/tags/list?n=1&last=%3A", "/v2/a/b/tags/list", "n=1&last=%3A", nil),
            ("/a?b?c/../d//e;f%5C", "/a", "b?c/../d//e;f%5C", nil),
            ("/a?-._~!$&'()*+,;=:@/?%3a", "/a", "-._~!$&'()*+,;=:@/?%3a", nil),
            ("/v2/a/manifests/sha256:0aF", "/v2/a/manifests/sha256:0aF", nil, nil),
            ("/a.b/..c/d../...", "/a.b/..c/d../...", nil, nil),
            ("/-._~!$&'()*+,=:@", "/-._~!$&'()*+,=:@", nil, nil),
            ("http://reg.example:5000/v2/", "/v2/", nil, "reg.example:5000"),
            ("HTTPS://REG.example:5000/v2/?a", "/v2/", "a", "REG.example:5000"),
            ("http://reg.example:5000", "/", nil, "reg.example:5000"),
            ("http://reg.example:5000?a=/b", "/", "a=/b", "reg.example:5000"),
        ] as [(String, String, String?, String?)]
    )
    func accepted(written: String, path: String, query: String?, authority: String?) {
        #expect(target(written) == .success([path, query, authority]))
    }

    static let refusals: [Case] = [
        Case("no target", "", .targetMissing),
        Case("an encoded slash: CVE-2021-29492", "/v2/secret%2Fapp/tags/list", .pathHasPercent),
        Case("an encoded letter", "/v2/%73ecret/app/tags/list", .pathHasPercent),
        Case("encoded dots", "/v2/%2e%2e/x", .pathHasPercent),
        Case("an encoded NUL", "/v2/a%00b", .pathHasPercent),
        Case("an encoded colon", "/v2/a/blobs/sha256%3Aaa", .pathHasPercent),
        Case("a broken encoding", "/v2/a%zz", .pathHasPercent),
        Case("a percent at the end", "/v2/%", .pathHasPercent),
        Case("two slashes at the start", "//v2/", .pathHasEmptySegment),
        Case("two slashes in the middle", "/v2//a", .pathHasEmptySegment),
        Case("two slashes at the end", "/v2/a//", .pathHasEmptySegment),
        Case("two slashes before a query", "/v2//?a", .pathHasEmptySegment),
        Case("only slashes", "///", .pathHasEmptySegment),
        Case("a dot segment", "/v2/./a", .pathHasDotSegment),
        Case("a dot segment at the end", "/v2/.", .pathHasDotSegment),
        Case("a dot segment at the start", "/./v2", .pathHasDotSegment),
        Case("two dots", "/v2/../x", .pathHasDotSegment),
        Case("two dots at the end", "/v2/..", .pathHasDotSegment),
        Case("two dots before a query", "/v2/..?a", .pathHasDotSegment),
        Case("two dots alone", "/..", .pathHasDotSegment),
        Case("a dot alone", "/.", .pathHasDotSegment),
        Case("a path parameter: CVE-2026-73511", "/v2/..;/x", .pathHasSemicolon),
        Case("a path parameter at the end", "/v2/;jsessionid=1", .pathHasSemicolon),
        Case("a backslash", "/v2/a\\b", .pathHasBackslash),
        Case("a backslash at the start", "/\\evil.example", .pathHasBackslash),
        Case("a fragment: CVE-2023-45539", "/v2/#a", .targetHasFragment),
        Case("a fragment in the query", "/v2/?a#b", .targetHasFragment),
        Case(
            "a fragment behind the authority", "http://reg.example:5000#/v2/",
            .authorityMalformed),
        Case("a blank in the path", "/v2/ a", .targetHasControl),
        Case("a blank in the query", "/v2/?a b", .targetHasControl),
        Case("a tab in the query", "/v2/?a\tb", .targetHasControl),
        Case("NUL in the path", "/v2/\0", .targetHasControl),
        Case("NUL in the query", "/v2/?\0", .targetHasControl),
        Case("LF in the query", "/v2/?\n", .bareLineFeed),
        Case("a path that is not ASCII", "/v2/\u{E9}", .targetNotASCII),
        Case("a wide slash", "/v2\u{FF0F}a", .targetNotASCII),
        Case("a query that is not ASCII", "/v2/?\u{E9}", .targetNotASCII),
        Case("a backslash in the query: 3986 3.4", "/v2/?a\\b", .queryMalformed),
        Case("a quote in the query", "/v2/?\"", .queryMalformed),
        Case("a bracket in the query", "/v2/?a[]=b", .queryMalformed),
        Case("a template in the query", "/v2/?{a}", .queryMalformed),
        Case("an angle bracket in the query", "/v2/?<a", .queryMalformed),
        Case("a broken encoding in the query: 3986 2.1", "/v2/?a%zz", .queryHasPercent),
        Case("half an encoding at the end", "/v2/?a%2", .queryHasPercent),
        Case("a percent at the end of the query", "/v2/?a%", .queryHasPercent),
        Case("a quote in the path", "/v2/\"", .pathMalformed),
        Case("a template in the path", "/v2/{a}", .pathMalformed),
        Case("a bracket in the path", "/v2/[a]", .pathMalformed),
        Case("an asterisk without OPTIONS: 9112 3.2.4", "*", .asteriskWithoutOptions),
        Case("two asterisks", "**", .targetFormUnsupported),
        Case("an asterisk with a path", "*/v2/", .targetFormUnsupported),
        Case("a relative path", "v2/", .targetFormUnsupported),
        Case("a query alone", "?a", .targetFormUnsupported),
        Case("authority form: 9112 3.2.3", "reg.example:5000", .targetFormUnsupported),
        Case("another scheme", "ftp://reg.example:5000/", .targetFormUnsupported),
        Case("a longer scheme", "httpss://reg.example:5000/", .targetFormUnsupported),
        Case("no scheme", "://reg.example:5000/", .targetFormUnsupported),
        Case("one slash", "http:/reg.example:5000/", .targetFormUnsupported),
        Case("three slashes", "http:///v2/", .authorityMalformed),
        Case("no authority", "http://", .authorityMalformed),
        Case("a user in the authority", "http://u@reg.example:5000/", .authorityMalformed),
        Case("a host in the user's place", "http://reg.example:5000@evil/", .authorityMalformed),
        Case("a backslash in the authority", "http://reg.example:5000\\a/", .authorityMalformed),
        Case("an encoded authority", "http://reg%2eexample:5000/", .authorityMalformed),
        Case("another host", "http://evil.example/", .authorityNotHost),
        Case("another port", "http://reg.example:5001/", .authorityNotHost),
        Case("no port", "http://reg.example/", .authorityNotHost),
        Case("a dot behind", "http://reg.example.:5000/", .authorityNotHost),
        Case(
            "a dot segment behind the authority", "http://reg.example:5000/..",
            .pathHasDotSegment),
        Case(
            "two slashes behind the authority", "http://reg.example:5000//v2/",
            .pathHasEmptySegment),
    ]

    @Test("a target with two readings is refused", arguments: refusals)
    func refused(_ case: Case) throws {
        let error = try #require(`case`.error)
        #expect(target(String(decoding: `case`.bytes, as: UTF8.self)) == .failure(error))
    }

    @Test("an asterisk is for OPTIONS")
    func asterisk() {
        #expect(target("*", method: .options) == .success(["*", nil, nil]))
        #expect(target("/v2/", method: .options) == .success(["/v2/", nil, nil]))
    }

    @Test("a head gives its own Host to compare with")
    func ofHead() throws {
        let (head, bytes) = try head("GET http://A.b/v2/ HTTP/1.1\r\nHost: a.B\r\n\r\n")
        let target = try RequestTarget(parsing: bytes.span, of: head)
        #expect(text(target.path, in: bytes) == "/v2/")
        let (other, otherBytes) = try HTTPWireTests.head(
            "GET http://a/v2/ HTTP/1.1\r\nHost: b\r\n\r\n"
        )
        #expect(throws: WireError.authorityNotHost) {
            _ = try RequestTarget(parsing: otherBytes.span, of: other)
        }
    }

    @Test("a path holds unreserved bytes and sub-delimiters, a query also ; ?")
    func everyByte() {
        let inPath = Set(
            "/-._~!$&'()*+,=:@0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8
        )
        for byte in UInt8.min...UInt8.max {
            let path = Array("/a".utf8) + [byte] + Array("b".utf8)
            let query = Array("/a?".utf8) + [byte] + Array("b".utf8)
            let isInQuery = inPath.contains(byte) || ";?".utf8.contains(byte)
            #expect(isTarget(path) == (inPath.contains(byte) || byte == 0x3F), "byte \(byte)")
            #expect(isTarget(query) == isInQuery, "byte \(byte)")
        }
    }

    private func isTarget(_ bytes: [UInt8]) -> Bool {
        let place = Place(0, bytes.count)
        return (try? RequestTarget(parsing: bytes.span, of: place, method: .get, host: nil)) != nil
    }
}
