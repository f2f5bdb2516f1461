import Bytes
import HTTPWire
import RegistryAPI
import Testing

@Suite struct RoutingTests {
    /// The table of `protocol.md` 4.2, row by row.
    @Test(
        "a known path and method give their operation and the same target anew",
        arguments: [
            (.get, "/v2/tags/list/tags/list", "tags tags/list"),
            (.get, "/v2/team/app/tags/list", "tags team/app"),
            (.get, "/v2/team/app/referrers/\(sha256)", "referrers team/app \(sha256)"),
            (.get, "/v2/team/app/manifests/v1", "manifest.get team/app v1"),
            (.head, "/v2/team/app/manifests/v1", "manifest.head team/app v1"),
            (.put, "/v2/team/app/manifests/v1", "manifest.put team/app v1"),
            (.delete, "/v2/team/app/manifests/v1", "manifest.delete team/app v1"),
            (.get, "/v2/app/manifests/\(sha256)", "manifest.get app \(sha256)"),
            (.get, "/v2/team/app/blobs/\(sha256)", "blob.get team/app \(sha256)"),
            (.head, "/v2/team/app/blobs/\(sha256)", "blob.head team/app \(sha256)"),
            (.delete, "/v2/team/app/blobs/\(sha256)", "blob.delete team/app \(sha256)"),
            (.post, "/v2/team/app/blobs/uploads/", "upload.start team/app"),
            (.get, "/v2/team/app/blobs/uploads/id", "upload.status team/app"),
            (.head, "/v2/team/app/blobs/uploads/id", "upload.status team/app"),
            (.patch, "/v2/team/app/blobs/uploads/id", "upload.patch team/app"),
            (.delete, "/v2/team/app/blobs/uploads/id", "upload.cancel team/app"),
            (.get, "/v2/_catalog", "catalog"),
            (.get, "/v2/", "base"),
            (.head, "/v2/", "base"),
            (.get, "/", "health"),
            (.head, "/", "health"),
        ] as [(HTTPWire.Method, String, String)]
    )
    func knownRoute(method: HTTPWire.Method, path: String, summary: String) {
        let routed = Routed(method, path)
        #expect(routed.text == summary)
        #expect(routed.upstream == path)
    }

    @Test("a search is answered here and has no target upstream")
    func search() {
        for path in ["/v1/_ping", "/v1/search", "/v1/search?q=a&n=5", "/v1/search?page=1"] {
            let routed = Routed(.get, path)
            #expect(routed.text == "search" && routed.upstream.isEmpty)
        }
        for query in ["n=0", "n=", "n=x", "n=1234567890"] {
            #expect(Routed(.get, "/v1/search?" + query).text == "PAGINATION_NUMBER_INVALID")
        }
        let long = String(repeating: "a", count: 256)
        for query in ["q=a&q=b", "n=1&n=1", "%71=a", "Q=a", "q=%zz", "q=" + long] {
            #expect(Routed(.get, "/v1/search?" + query).text == "BAD_REQUEST", "\(query)")
        }
    }

    @Test("the cursor of a catalog is hexadecimal and stays here")
    func cursor() {
        #expect(Routed(.get, "/v2/_catalog?_pc=0aF9&n=3").upstream == "/v2/_catalog?n=3")
        let long = String(repeating: "ab", count: 2049)
        for cursor in ["_pc=0", "_pc=zz", "_pc=0a&_pc=0a", "_PC=0a", "_p%63=0a", "_pc=" + long] {
            #expect(Routed(.get, "/v2/_catalog?" + cursor).text == "BAD_REQUEST", "\(cursor)")
        }
        #expect(Routed(.get, "/v2/a/tags/list?_pc=zz").text == "tags a")
    }

    @Test("the base and the health path have a second spelling, which is not forwarded")
    func secondSpellings() {
        #expect(Routed(.get, "/v2").upstream == "/v2/")
        #expect(Routed(.get, "/healthz").text == "health")
    }

    /// A path is cut from the right, as the upstream does.
    @Test(
        "a name may hold the words of the routes",
        arguments: [
            (.get, "/v2/manifests/manifests/manifests", "manifest.get manifests manifests"),
            (.get, "/v2/a/manifests/b/manifests/c", "manifest.get a/manifests/b c"),
            (.get, "/v2/a/blobs/uploads/manifests/v1", "manifest.get a/blobs/uploads v1"),
            (.post, "/v2/blobs/uploads/blobs/uploads/", "upload.start blobs/uploads"),
            (.get, "/v2/blobs/uploads/blobs/uploads/x", "upload.status blobs/uploads"),
            (.get, "/v2/a/tags/list/manifests/list", "manifest.get a/tags/list list"),
            (
                .get, "/v2/a/blobs/\(sha256.dropFirst(7))/blobs/\(sha256)",
                "blob.get a/blobs/\(sha256.dropFirst(7)) \(sha256)"
            ),
            (.get, "/v2/referrers/referrers/\(sha256)", "referrers referrers \(sha256)"),
            (.get, "/v2/uploads/manifests/uploads", "manifest.get uploads uploads"),
        ] as [(HTTPWire.Method, String, String)]
    )
    func wordsInNames(method: HTTPWire.Method, path: String, summary: String) {
        #expect(Routed(method, path).text == summary)
    }

    @Test(
        "a path of no route is 404 UNSUPPORTED",
        arguments: [
            "", "*", "v2/", "//", "/v1/_pings", "/v1/search/", "/v1/", "/v1", "/v1/_ping/",
            "/token", "/auth/token", "/V2/",
            "/v2x/", "/v2/_catalog/", "/v2/_ping", "/v2/app", "/v2/app/", "/v2/app/manifests",
            "/v2/app/manifests/", "/v2/app/manifests/v1/", "/v2/app/tags", "/v2/app/tags/",
            "/v2/app/tags/list/", "/v2/app/tags/lists", "/v2/app/Tags/list", "/v2/app/blobs/",
            "/v2/app/blobs/uploads", "/v2/app/blobs/uploads/id/", "/v2/app/uploads/id",
            "/v2/app/uploads/", "/v2/manifests/v1", "/v2/blobs/uploads/", "/v2/tags/list",
            "/v2/app/referrers/", "/v2/app/blobs/uploads/..", "/v2/app/blobs/uploads/a%2fb",
            "/healthz/", "/metrics", "/v2/app/manifests/v1/blobs", "/v2/v2/", "/ v2/",
        ]
    )
    func unknownRoute(path: String) {
        for method in [HTTPWire.Method.get, .head, .post, .put, .patch, .delete, .options, .other] {
            let routed = Routed(method, path)
            #expect(routed.status == 404 && routed.text == "UNSUPPORTED", "\(method)")
        }
    }

    @Test(
        "a value outside its grammar is refused with its own code",
        arguments: [
            ("/v2//manifests/v1", "NAME_INVALID"),
            ("/v2//x/manifests/v1", "NAME_INVALID"),
            ("/v2/team-a/../team-b/app/manifests/v1", "NAME_INVALID"),
            ("/v2/team-a/./app/manifests/v1", "NAME_INVALID"),
            ("/v2/team-a//app/manifests/v1", "NAME_INVALID"),
            ("/v2/team-a/app//manifests/v1", "NAME_INVALID"),
            ("/v2/../v2/app/manifests/v1", "NAME_INVALID"),
            ("/v2/team-b%2Fapp/manifests/v1", "NAME_INVALID"),
            ("/v2/%74eam-b/app/manifests/v1", "NAME_INVALID"),
            ("/v2/team-a;/app/manifests/v1", "NAME_INVALID"),
            ("/v2/team-a\\app/manifests/v1", "NAME_INVALID"),
            ("/v2/Team/app/manifests/v1", "NAME_INVALID"),
            ("/v2/host:5000/app/manifests/v1", "NAME_INVALID"),
            ("/v2/_catalog/manifests/v1", "NAME_INVALID"),
            ("/v2/_catalog/tags/list", "NAME_INVALID"),
            ("/v2/\(String(repeating: "a", count: 256))/tags/list", "NAME_INVALID"),
            ("/v2/app/manifests/..", "TAG_INVALID"),
            ("/v2/app/manifests/.", "TAG_INVALID"),
            ("/v2/app/manifests/v%31", "TAG_INVALID"),
            ("/v2/app/manifests/-v1", "TAG_INVALID"),
            ("/v2/app/manifests/sha256%3Aabc", "TAG_INVALID"),
            ("/v2/app/manifests/sha256:abc", "DIGEST_INVALID"),
            ("/v2/app/manifests/:", "DIGEST_INVALID"),
            ("/v2/app/blobs/v1", "DIGEST_INVALID"),
            ("/v2/app/blobs/..", "DIGEST_INVALID"),
            ("/v2/app/referrers/v1", "DIGEST_INVALID"),
        ]
    )
    func invalidValue(path: String, code: String) {
        for method in [HTTPWire.Method.get, .delete, .options, .other] {
            let routed = Routed(method, path)
            #expect(routed.text == code && routed.status == 400, "\(method)")
        }
    }

    @Test("a name of 255 bytes is routed")
    func longestName() {
        let name = String(repeating: "a", count: 255)
        #expect(Routed(.get, "/v2/\(name)/tags/list").text == "tags \(name)")
    }

    @Test(
        "a method that the route does not take is 405 with the others in Allow",
        arguments: [
            ("/v2/", "GET, HEAD, OPTIONS"),
            ("/", "GET, HEAD, OPTIONS"),
            ("/v2/_catalog", "GET, OPTIONS"),
            ("/v1/_ping", "GET, OPTIONS"),
            ("/v1/search", "GET, OPTIONS"),
            ("/v2/a/tags/list", "GET, OPTIONS"),
            ("/v2/a/referrers/\(sha256)", "GET, OPTIONS"),
            ("/v2/a/manifests/v1", "GET, HEAD, PUT, DELETE, OPTIONS"),
            ("/v2/a/blobs/\(sha256)", "GET, HEAD, DELETE, OPTIONS"),
            ("/v2/a/blobs/uploads/", "POST, OPTIONS"),
            ("/v2/a/blobs/uploads/id", "GET, HEAD, PATCH, PUT, DELETE, OPTIONS"),
        ]
    )
    func methods(path: String, allow: String) {
        let methods: [(HTTPWire.Method, String)] = [
            (.get, "GET"), (.head, "HEAD"), (.post, "POST"), (.put, "PUT"), (.patch, "PATCH"),
            (.delete, "DELETE"), (.other, "TRACE"),
        ]
        for (method, name) in methods {
            let isUploadPut = method == .put && path.hasSuffix("/id")
            let routed = Routed(method, isUploadPut ? path + "?digest=" + sha256 : path)
            if allow.contains("\(name),") {
                #expect(routed.status == 200, "\(name)")
            } else {
                #expect(routed.status == 405 && routed.text == "UNSUPPORTED", "\(name)")
                #expect(routed.allow == allow, "\(name)")
            }
        }
        #expect(Routed(.options, path).text == "options")
    }

    /// Whatever comes in, what goes out is one of the shapes that were decided about.
    @Test("random paths never give a target that is read differently when routed again")
    func randomPaths() {
        let pieces = [
            "/", "v2", "..", ".", "a", "team-b", "manifests", "blobs", "uploads", "tags", "list",
            sha256, "%2f", "//", "_catalog", "referrers", "A", ":", "?", "&", "digest=" + sha256,
            "mount=" + sha256, "from=team-b", "n=5", "last=x", "%", "\\", ";", "#",
        ]
        var random = SeededRandom(seed: 7)
        for _ in 0..<20_000 {
            var target = "/v2/"
            for _ in 0..<random.below(9) {
                target += pieces[random.below(pieces.count)]
                if random.below(2) == 0 { target += "/" }
            }
            for method in [HTTPWire.Method.get, .post, .put, .patch] {
                let first = Routed(method, target)
                guard first.status == 200, first.text != "base" else { continue }
                let second = Routed(method, first.upstream)
                #expect(second.text == first.text, "\(target)")
                #expect(second.upstream == first.upstream, "\(target)")
                let path = first.upstream.split(separator: "?")[0]
                let parts = path.split(separator: "/", omittingEmptySubsequences: false)
                #expect(!parts.contains("..") && !parts.contains(".") && !path.contains("%"))
                #expect(!parts.dropFirst().dropLast().contains(""), "\(target)")
            }
        }
    }
}

/// SplitMix64: the same sequence for the same seed.
struct SeededRandom {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
}
