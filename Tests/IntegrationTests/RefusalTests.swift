// alice may use team-a only. Whatever she writes, the upstream never hears of team-b.

import TestSupport
import Testing

@Suite(.ownThreads) struct RefusalTests {
    static let digest = "sha256:" + String(repeating: "b", count: 64)

    /// Method, target and status. `ORIGIN` stands for scheme and authority.
    static let requests: [(String, String, [Int])] = [
        // Plain, every kind of operation.
        ("GET", "/v2/team-b/x/manifests/v1", [403]),
        ("HEAD", "/v2/team-b/x/manifests/v1", [403]),
        ("PUT", "/v2/team-b/x/manifests/v1", [403]),
        ("DELETE", "/v2/team-b/x/manifests/\(digest)", [403]),
        ("GET", "/v2/team-b/x/blobs/\(digest)", [403]),
        ("HEAD", "/v2/team-b/x/blobs/\(digest)", [403]),
        ("DELETE", "/v2/team-b/x/blobs/\(digest)", [403]),
        ("POST", "/v2/team-b/x/blobs/uploads/", [403]),
        ("POST", "/v2/team-b/x/blobs/uploads/?digest=\(digest)", [403]),
        ("POST", "/v2/team-b/x/blobs/uploads/?mount=\(digest)&from=team-a/y", [403]),
        ("GET", "/v2/team-b/x/blobs/uploads/6f1e?_state=s", [403]),
        ("PATCH", "/v2/team-b/x/blobs/uploads/6f1e?_state=s", [403]),
        ("PUT", "/v2/team-b/x/blobs/uploads/6f1e?_state=s&digest=\(digest)", [403]),
        ("DELETE", "/v2/team-b/x/blobs/uploads/6f1e?_state=s", [403]),
        ("GET", "/v2/team-b/x/tags/list", [403]),
        ("GET", "/v2/team-b/x/referrers/\(digest)", [403]),
        // By other spellings of the path.
        ("GET", "/v2/team-b%2Fx/manifests/v1", [400]),
        ("GET", "/v2/team-b%2fx/manifests/v1", [400]),
        ("GET", "/v2/%74eam-b/x/manifests/v1", [400]),
        ("GET", "/v2/team%2Db/x/manifests/v1", [400]),
        ("GET", "/%76%32/team-b/x/manifests/v1", [400]),
        ("GET", "/v2/team-a/../team-b/x/manifests/v1", [400]),
        ("GET", "/v2/team-a/%2e%2e/team-b/x/manifests/v1", [400]),
        ("GET", "/v2/team-a/.%2e/team-b/x/manifests/v1", [400]),
        ("GET", "/v2/team-a/./../team-b/x/manifests/v1", [400]),
        ("GET", "/v2//team-b/x/manifests/v1", [400]),
        ("GET", "//v2/team-b/x/manifests/v1", [400]),
        ("GET", "/v2/team-b//x/manifests/v1", [400]),
        ("GET", "/v2/team-b/x/manifests//v1", [400]),
        ("GET", "/v2/./team-b/x/manifests/v1", [400]),
        ("GET", "/./v2/team-b/x/manifests/v1", [400]),
        ("GET", "/v2/team-a;/../team-b/x/manifests/v1", [400]),
        ("GET", "/v2/team-b;a=b/x/manifests/v1", [400]),
        ("GET", "/v2/team-b/x\\manifests\\v1", [400]),
        ("GET", "/v2/team-b/x/manifests/v1#/../team-a", [400]),
        ("GET", "/v2/team-b/x/manifests/v1%00", [400]),
        ("GET", "/v2/Team-B/x/manifests/v1", [400]),
        ("GET", "/v2/registry.test:5000/team-b/x/manifests/v1", [400]),
        ("GET", "ORIGIN/v2/team-b/x/manifests/v1", [403]),
        ("GET", "HTTP://127.0.0.1:1/v2/team-b/x/manifests/v1", [400]),
        ("GET", "http://elsewhere/v2/team-b/x/manifests/v1", [400]),
        ("GET", "ORIGIN/v2/team-a/../team-b/x/manifests/v1", [400]),
        ("GET", "v2/team-b/x/manifests/v1", [400]),
        ("GET", "/V2/team-b/x/manifests/v1", [404]),
        // Through names that look like parts of a route.
        ("GET", "/v2/team-b/manifests/blobs/\(digest)", [403]),
        ("GET", "/v2/team-b/x/blobs/uploads/manifests/v1", [403]),
    ]

    @Test("alice is refused team-b, however she spells it")
    func everySpellingIsRefused() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        for (method, target, statuses) in Self.requests {
            let target = target.replacing("ORIGIN", with: "http://127.0.0.1:\(proxy.plainPort)")
            let body: [UInt8]? = ["PUT", "PATCH", "POST"].contains(method) ? [1, 2, 3] : nil
            let answer = try proxy.request(method, target, as: .alice, body: body)
            #expect(statuses.contains(answer.status), "\(method) \(target): \(answer.status)")
            if method != "HEAD" { #expect(answer.errorCode != nil, "\(target): \(answer.text)") }
        }
        #expect(upstream.requests.isEmpty, "\(upstream.requests.map(\.head.startLine))")
        #expect(!upstream.saw("team-b"))
    }

    @Test("a denial names the rule's reason and is DENIED")
    func denialSaysWhy() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.rules.append(
            #"""
            { id: frozen, who: [anyone], repos: ["team-a/old/**"], deny: [push], \#
            because: "it moved to team-a/new" }
            """#
        )
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let frozen = try proxy.request("POST", "/v2/team-a/old/x/blobs/uploads/", as: .alice)
        #expect(frozen.status == 403)
        #expect(frozen.errorCode == "DENIED")
        #expect(frozen.errorMessage.contains("frozen"))
        #expect(frozen.errorMessage.contains("it moved to team-a/new"))
        let read = try proxy.request("GET", "/v2/team-a/old/x/manifests/v1", as: .alice)
        #expect(read.status == 200, "deny: [push] leaves pull")
        let unmatched = try proxy.request("GET", "/v2/elsewhere/x/manifests/v1", as: .alice)
        #expect(unmatched.status == 403, "nothing matched means denied")
        #expect(upstream.requests.count == 1)
    }

    /// Sent credentials that fail are refused also where nobody needs any.
    @Test("wrong credentials are 401 everywhere")
    func wrongCredentialsNeverHelp() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        let mallory = TestUser("alice", "guess")
        let nobody = TestUser("nobody", "s3cret:pa ss")
        for user in [mallory, nobody] {
            for target in ["/v2/", "/v2/public/x/tags/list", "/v2/team-a/x/tags/list"] {
                let answer = try proxy.request("GET", target, as: user)
                #expect(answer.status == 401, "\(user.name) \(target)")
                #expect(answer.errorCode == "UNAUTHORIZED")
                #expect(answer["WWW-Authenticate"] != nil)
            }
        }
        #expect(upstream.requests.isEmpty)
    }
}
