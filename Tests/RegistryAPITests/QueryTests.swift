import Bytes
import HTTPWire
import RegistryAPI
import Testing

@Suite struct QueryTests {
    @Test(
        "the query of a list is made anew from n and last",
        arguments: [
            ("", ""), ("?", ""), ("?&&", ""), ("?n=5", "?n=5"), ("?last=b&n=5", "?n=5&last=b"),
            ("?n=0", "?n=0"), ("?n=007", "?n=7"), ("?n=999999999", "?n=1000"),
            ("?n=1001", "?n=1000"),
            ("?n=%35", "?n=5"), ("?last=team%2Fapp", "?last=team/app"),
            ("?last=a%26n=9", "?last=a%26n%3D9"),
            ("?last=a=b", "?last=a%3Db"), ("?last=a;b", "?last=a%3Bb"), ("?last=", "?last="),
            ("?ns=docker.io&n=5&origin=x&q=1", "?n=5"), ("?x%ZZ=1&n=5", "?n=5"), ("?nn=1", ""),
        ]
    )
    func listQuery(query: String, expected: String) {
        #expect(Routed(.get, "/v2/_catalog" + query).upstream == "/v2/_catalog" + expected)
        #expect(Routed(.get, "/v2/a/tags/list" + query).upstream == "/v2/a/tags/list" + expected)
    }

    @Test(
        "a list query that two programs could read differently is refused",
        arguments: [
            ("n=", "PAGINATION_NUMBER_INVALID"), ("n", "PAGINATION_NUMBER_INVALID"),
            ("n=abc", "PAGINATION_NUMBER_INVALID"), ("n=-1", "PAGINATION_NUMBER_INVALID"),
            ("n=%2B5", "PAGINATION_NUMBER_INVALID"), ("n=+5", "PAGINATION_NUMBER_INVALID"),
            ("n=1234567890", "PAGINATION_NUMBER_INVALID"), ("n=0x10", "PAGINATION_NUMBER_INVALID"),
            ("n=1&n=1", "BAD_REQUEST"), ("last=a&last=b", "BAD_REQUEST"), ("%6E=5", "BAD_REQUEST"),
            ("N=5", "BAD_REQUEST"), ("Last=a", "BAD_REQUEST"), ("l%61st=a", "BAD_REQUEST"),
            ("n=%", "BAD_REQUEST"), ("n=%4", "BAD_REQUEST"), ("last=%zz", "BAD_REQUEST"),
            ("last=%00", "BAD_REQUEST"), ("last=a%0d%0ab", "BAD_REQUEST"),
            ("last=a+b", "BAD_REQUEST"),
            ("last=%C3%A9", "BAD_REQUEST"),
            ("last=" + String(repeating: "a", count: 1025), "BAD_REQUEST"),
        ]
    )
    func badListQuery(query: String, code: String) {
        #expect(Routed(.get, "/v2/_catalog?" + query).text == code)
        #expect(Routed(.get, "/v2/a/tags/list?" + query).text == code)
    }

    @Test(
        "what a POST of an upload asks for is made anew",
        arguments: [
            ("", "upload.start", ""),
            ("?mount=\(sha256)&from=team/b", "upload.mount", "?mount=\(sha256)&from=team/b"),
            ("?from=b&mount=\(escapedSHA256)", "upload.mount", "?mount=\(sha256)&from=b"),
            (
                "?mount=\(sha256)&from=team%2Fb&origin=x&ns=y", "upload.mount",
                "?mount=\(sha256)&from=team/b"
            ),
            ("?mount=\(sha256)", "upload.start", ""), ("?from=b", "upload.start", ""),
            ("?mount=\(sha256)&from=", "upload.start", ""), ("?mount=&from=b", "upload.start", ""),
            ("?digest=\(escapedSHA256)", "upload.start", "?digest=\(sha256)"),
            ("?digest-algorithm=sha512", "upload.start", "?digest-algorithm=sha512"),
            ("?digest-algorithm=a%2Bb", "upload.start", "?digest-algorithm=a%2Bb"),
            ("?_state=abc", "upload.start", ""), ("?mount2=x&xfrom=y", "upload.start", ""),
        ]
    )
    func uploadStart(query: String, name: String, expected: String) {
        let routed = Routed(.post, "/v2/a/blobs/uploads/" + query)
        #expect(routed.text.hasPrefix(name + " a"))
        #expect(routed.upstream == "/v2/a/blobs/uploads/" + expected)
    }

    /// Each of these would mount another repository's blob if the upstream read it more kindly.
    @Test(
        "a mount in disguise is refused",
        arguments: [
            ("mount=\(sha256)&from=b&from=c", "BAD_REQUEST"),
            ("mount=\(sha256)&mount=\(otherSHA256)&from=b", "BAD_REQUEST"),
            ("mount=\(sha256)&fr%6Fm=b", "BAD_REQUEST"), ("mount=\(sha256)&From=b", "BAD_REQUEST"),
            ("MOUNT=\(sha256)&from=b", "BAD_REQUEST"), ("%6dount=\(sha256)&from=b", "BAD_REQUEST"),
            ("mount=\(sha256)&FR%4fM=b", "BAD_REQUEST"), ("d%69gest=\(sha256)", "BAD_REQUEST"),
            ("Digest=\(sha256)", "BAD_REQUEST"),
            ("digest=\(sha256)&digest=\(sha256)", "BAD_REQUEST"),
            ("mount=\(sha256)&from=../b", "NAME_INVALID"),
            ("mount=\(sha256)&from=B", "NAME_INVALID"),
            ("mount=\(sha256)&from=b%00", "NAME_INVALID"),
            ("mount=\(sha256)&from=b%252Fc", "NAME_INVALID"),
            ("mount=\(sha256);from=b", "DIGEST_INVALID"),
            ("mount=sha256:abc&from=b", "DIGEST_INVALID"),
            ("mount=\(sha256)%00&from=b", "DIGEST_INVALID"), ("digest=", "DIGEST_INVALID"),
            ("mount=\(sha256)&from=b&digest=\(sha256)", "BAD_REQUEST"),
            ("digest-algorithm=", "BAD_REQUEST"),
            ("digest-algorithm=sha%0d256", "BAD_REQUEST"), ("mount=%", "BAD_REQUEST"),
        ]
    )
    func badUploadStart(query: String, code: String) {
        let routed = Routed(.post, "/v2/a/blobs/uploads/?" + query)
        #expect(routed.text == code)
        #expect(routed.status == 400)
    }

    @Test(
        "the query of an upload session passes byte for byte",
        arguments: [
            "", "?", "?_state=a%2Fb+c%3D&x=%zz", "?_state=1&mount=x&from=Y", "?_state=a==&&b",
        ]
    )
    func uploadSession(query: String) {
        let path = "/v2/a/blobs/uploads/id" + query
        for method in [HTTPWire.Method.get, .head, .patch, .delete] {
            #expect(Routed(method, path).upstream == path)
        }
        for digest in [sha256, escapedSHA256] {
            let put = path + (query.isEmpty ? "?" : "&") + "digest=" + digest
            #expect(Routed(.put, put).upstream == put)
            #expect(Routed(.put, put).text == "upload.put a \(sha256)")
        }
    }

    @Test(
        "an upload session's query with a doubtful digest is refused",
        arguments: [
            ("", "DIGEST_INVALID"), ("?_state=x", "DIGEST_INVALID"), ("?digest=", "DIGEST_INVALID"),
            ("?digest=x", "DIGEST_INVALID"),
            ("?digest=\(sha256)&digest=\(sha256)", "DIGEST_INVALID"),
            ("?digest=\(sha256)&digest=\(otherSHA256)", "DIGEST_INVALID"),
            ("?digest=\(sha256)%00", "DIGEST_INVALID"), ("?digest=\(sha256);x", "DIGEST_INVALID"),
            ("?Digest=\(sha256)", "BAD_REQUEST"), ("?digest=\(sha256)&%64igest=x", "BAD_REQUEST"),
            ("?digest=\(sha256)&from=a&from=b", "BAD_REQUEST"),
            ("?digest=\(sha256)&mount=a&mount=b", "BAD_REQUEST"),
            ("?digest=\(sha256)&_state=a;b=c", "BAD_REQUEST"),
            ("?digest=\(sha256)&a b", "BAD_REQUEST"),
            ("?digest=\(sha256)&a#b", "BAD_REQUEST"),
            ("?digest=\(sha256)&a\r\nb: c", "BAD_REQUEST"),
            ("?digest=\(sha256)&\u{e9}", "BAD_REQUEST"),
            ("?digest=\(sha256)&x=" + String(repeating: "a", count: 8192), "BAD_REQUEST"),
        ]
    )
    func badUploadPut(query: String, code: String) {
        #expect(Routed(.put, "/v2/a/blobs/uploads/id" + query).text == code)
    }

    @Test("a PUT by digest may name up to ten different tags")
    func extraTags() {
        let path = "/v2/a/manifests/\(sha256)"
        let ten = (1...10).map { "tag=v\($0)" }.joined(separator: "&")
        #expect(Routed(.put, path + "?" + ten + "&ns=x").upstream == path + "?" + ten)
        #expect(Routed(.put, path + "?tag=%76" + "1").upstream == path + "?tag=v1")
        #expect(Routed(.get, path + "?tag=v1").upstream == path)
        #expect(Routed(.put, path + "?" + ten + "&tag=v11").text == "BAD_REQUEST")
        #expect(Routed(.put, path + "?tag=v1&tag=v1").text == "BAD_REQUEST")
        #expect(Routed(.put, path + "?t%61g=v1").text == "BAD_REQUEST")
        #expect(Routed(.put, path + "?Tag=v1").text == "BAD_REQUEST")
        #expect(Routed(.put, path + "?tag=").text == "TAG_INVALID")
        #expect(Routed(.put, path + "?tag=a/b").text == "TAG_INVALID")
        #expect(Routed(.put, "/v2/a/manifests/v1?tag=v2").text == "BAD_REQUEST")
    }

    @Test("referrers are filtered by one artifact type")
    func referrers() {
        let path = "/v2/a/referrers/\(sha256)"
        let routed = Routed(.get, path + "?artifactType=application/vnd.x%2Bjson&n=3&y=1")
        #expect(routed.upstream == path + "?artifactType=application/vnd.x%2Bjson&n=3")
        #expect(Routed(.get, path + "?artifactType=a&artifactType=b").text == "BAD_REQUEST")
        #expect(Routed(.get, path + "?artifacttype=a").text == "BAD_REQUEST")
        #expect(Routed(.get, path + "?artifactType=a%0ab").text == "BAD_REQUEST")
    }

    @Test("other routes drop their query")
    func dropped() {
        #expect(
            Routed(.get, "/v2/a/manifests/v1?ns=docker.io&n=x").upstream == "/v2/a/manifests/v1")
        #expect(Routed(.get, "/v2/a/blobs/\(sha256)?x=%").upstream == "/v2/a/blobs/\(sha256)")
        #expect(Routed(.get, "/v2/?a=b").text == "base")
    }

    @Test("no target is longer than promised")
    func longest() {
        let name = String(repeating: "a", count: 255)
        let digest = "a:" + String(repeating: "0", count: 510)
        let id = String(repeating: "i", count: 255)
        let state = "?digest=" + digest + "&_state=" + String(repeating: "s", count: 7650)
        let last = "?last=" + String(repeating: "%7c", count: 1024)
        let type = "&artifactType=" + String(repeating: "%7c", count: 255)
        let targets = [
            (HTTPWire.Method.put, "/v2/\(name)/blobs/uploads/\(id)\(state)"),
            (.get, "/v2/\(name)/referrers/\(digest)\(last)\(type)"),
            (.post, "/v2/\(name)/blobs/uploads/?mount=\(digest)&from=\(name)"),
        ]
        for (method, target) in targets {
            let routed = Routed(method, target)
            #expect(routed.status == 200)
            #expect(routed.upstream.utf8.count <= RegistryOperation.longestUpstreamTarget)
        }
    }

    @Test(
        "the log shows the known keys and never the state of an upload",
        arguments: [
            (.get, "/v2/_catalog?n=5&last=a&ns=x", "n=5&last=a"),
            (.post, "/v2/a/blobs/uploads/?mount=\(sha256)&from=b", "mount=\(sha256)&from=b"),
            (
                .put, "/v2/a/blobs/uploads/i?_state=secret&digest=\(escapedSHA256)",
                "digest=\(sha256)"
            ),
            (.patch, "/v2/a/blobs/uploads/i?_state=secret", ""),
            (.put, "/v2/a/manifests/\(sha256)?tag=v1", "tag=v1"),
            (.get, "/v2/", ""),
        ] as [(HTTPWire.Method, String, String)]
    )
    func logged(method: HTTPWire.Method, target: String, expected: String) throws {
        let bytes = Array(target.utf8)
        let mark = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
        let operation = try RegistryOperation.route(
            method: method,
            head: bytes.span,
            path: Place(0, mark),
            query: mark < bytes.count ? Place(mark + 1, bytes.count) : nil
        )
        #expect(operation.loggedQuery == expected)
    }
}
