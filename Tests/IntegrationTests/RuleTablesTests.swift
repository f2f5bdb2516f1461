// Who may do what, asked with real requests: our own example, and the rules of two other programs
// after the import.

import TestSupport
import Testing

@Suite(.ownThreads) struct RuleTablesTests {
    /// `ann team/app pco`: what somebody may do there, as letters for pull, create, overwrite and
    /// delete. Four questions each.
    private func check(
        _ table: String,
        access: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let upstream = try RecordingUpstream { exchange in
            if exchange.method == "HEAD", exchange.target.hasSuffix("/new") {
                try exchange.answer("404 Not Found", ["Content-Type: application/json"])
            } else if exchange.target.contains("/tags/list") {
                let fields = ["Content-Type: application/json"]
                try exchange.answer("200 OK", fields, body: #"{"name":"x","tags":["old"]}"#)
            } else {
                try exchange.answerLikeARegistry()
            }
        }
        defer { upstream.stop() }
        let rows = table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let names = Set(rows.map { $0[0] }).subtracting(["anonymous"])
        var settings = ProxySettings(upstream: upstream.url)
        settings.users = names.sorted().map { TestUser($0, "\($0)-word") }
        settings.access = access
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        for row in rows {
            let user = row[0] == "anonymous" ? nil : TestUser(row[0], "\(row[0])-word")
            let expected = row.count > 2 ? row[2] : ""
            let granted = try Self.rights(of: user, row[1], proxy)
            #expect(granted == expected, "\(row[0]) \(row[1])", sourceLocation: sourceLocation)
        }
    }

    private static func rights(
        of user: TestUser?,
        _ repository: String,
        _ proxy: ProxyProcess
    ) throws -> String {
        let manifests = "/v2/\(repository)/manifests"
        let digest = "sha256:" + String(repeating: "a", count: 64)
        let type = "Content-Type: \(Manifest.mediaType)"
        let body = Array(#"{"schemaVersion":2}"#.utf8)
        let questions: [(String, String, String, [UInt8]?)] = [
            ("p", "GET", "old", nil), ("c", "PUT", "new", body), ("o", "PUT", "old", body),
            ("d", "DELETE", digest, nil),
        ]
        var letters = ""
        for (letter, method, reference, body) in questions {
            let answer = try proxy.request(
                method,
                "\(manifests)/\(reference)",
                as: user,
                body == nil ? [] : [type],
                body: body
            )
            switch answer.status {
            case 200, 201, 202: letters += letter
            case 401 where user == nil, 403 where user != nil: break
            default: Issue.record("\(method) \(reference): \(answer.status) \(answer.text)")
            }
        }
        return letters
    }

    private func imported(_ source: String, _ text: String) throws -> String {
        let directory = try TemporaryDirectory("import")
        let file = try directory.write(text, to: "theirs")
        let finished = try Command.run([Project.program, "access", "import", source, file])
        #expect(finished.status == 0, "\(finished)")
        return finished.text
    }

    @Test("our own example gives the answers that it promises")
    func ownExample() throws {
        let access = """
            access:
              groups:
                platform: { users: [ann, bob] }
                team-web: { users: [dave] }
              rules:
                - { id: public-read, who: [anyone], repos: ["public/**", "library/*"], allow: [pull] }
                - { id: own-space, who: [authenticated], repos: ["users/{user}/**"], allow: [push, delete] }
                - { id: team-space, who: ["group:team-*"], repos: ["{group}/**"], allow: [push] }
                - id: ci-releases
                  who: ["user:ci"]
                  repos: ["prod/**"]
                  tags: ["new", "@referrers"]
                  allow: [create]
                  when: { from: ["10.8.0.0/16", "127.0.0.0/8"], until: 2099-06-30 }
                - id: elsewhere
                  who: ["user:ci"]
                  repos: ["elsewhere/**"]
                  allow: [push]
                  when: { from: ["10.8.0.0/16"] }
                - id: bygone
                  who: ["user:ci"]
                  repos: ["bygone/**"]
                  allow: [push]
                  when: { until: 2020-06-30 }
                - id: releases-are-immutable
                  who: [anyone]
                  except: ["group:platform"]
                  repos: ["prod/**"]
                  tags: ["v*", "old"]
                  deny: [overwrite, delete]
                  because: "release tags never change; push a new version"
                - { id: operators, who: ["group:platform"], repos: ["**"], allow: [all] }
              server:
                - { who: ["group:platform"], allow: [catalog, admin] }
            """
        try check(
            """
            anonymous public/base p
            anonymous public/a/b/c p
            anonymous library/alpine p
            anonymous library/a/b
            anonymous users/ann/app
            anonymous prod/api
            ann public/base pcod
            ann prod/api pcod
            bob anything/at/all pcod
            carl public/base p
            carl library/alpine p
            carl users/carl/app pcod
            carl users/carl/app/web pcod
            carl users/carl
            carl users/dave/app
            carl team-web/api
            carl prod/api
            dave team-web/api pco
            dave team-web/api/v2 pco
            dave team-web
            dave team-db/api
            dave users/dave/x pcod
            ci prod/api pc
            ci prod/team/api pc
            ci prod
            ci public/base p
            ci users/ci/cache pcod
            ci elsewhere/app
            ci bygone/app
            """,
            access: access
        )
    }

    @Test("docker_auth's list, in the shape of its reference, gives the answers of its comments")
    func dockerAuth() throws {
        let access = try imported(
            "docker-auth",
            """
            server: { addr: ":5001" }
            users:
              "admin": { password: "x" }
              "test": { password: "x" }
              "": {}
            acl:
              - match: { ip: "10.99.0.0/16" }
                actions: ["*"]
                comment: "from the build network, everything"
              - match: { ip: "127.0.0.0/8", name: "local/*" }
                actions: ["*"]
              - match: { account: "admin" }
                actions: ["*"]
              - match: { account: "test", name: "test-*" }
                actions: ["*"]
              - match: { account: "test" }
                actions: []
                comment: "and nothing else"
              - match: { account: "/.+/", name: "${account}/*" }
                actions: ["*"]
              - match: { account: "/.+/", type: "registry", name: "catalog" }
                actions: ["*"]
              - match: { name: "/^frozen//" }
                actions: ["pull"]
              - match: { account: "/^(ci|bot)$/", name: "/^builds/.+$/" }
                actions: ["push", "pull"]
              - match: { account: "/.+/" }
                actions: ["pull"]
              - match: { account: "", name: "hello-world" }
                actions: ["pull"]
              - match: { account: "/^(.+)@test.com$/", name: "${account:1}/*" }
                actions: []
              - match: { labels: { "group": "VIP" } }
                actions: ["push"]
            """
        )
        try check(
            """
            anonymous local/app pcod
            anonymous local/app/web
            anonymous hello-world p
            anonymous hello-world/x
            anonymous frozen/a p
            anonymous test-1
            anonymous any
            admin any pcod
            admin frozen/a pcod
            admin test-1 pcod
            admin test/app pcod
            test test-1 pcod
            test test-abc pcod
            test test-1/web
            test test/app
            test hello-world
            test frozen/a
            test local/app pcod
            ann ann/app pcod
            ann ann/app/web p
            ann bob/app p
            ann any p
            ann frozen/a p
            ann builds/a p
            ci builds/a pco
            ci builds/a/b pco
            ci builds p
            bot builds/a pco
            ci frozen/a p
            ci ci/app pcod
            """,
            access: access
        )
    }

    @Test("zot's documented policies give the documented answers")
    func zot() throws {
        let access = try imported(
            "zot",
            """
            {
              "http": {
                "accessControl": {
                  "groups": { "group1": { "users": ["jack", "jane"] } },
                  "repositories": {
                    "**": {
                      "policies": [ { "users": ["charlie"], "actions": ["read", "create", "update"] } ],
                      "defaultPolicy": ["read", "create"],
                      "anonymousPolicy": ["read"]
                    },
                    "tmp/**": { "defaultPolicy": ["read", "create", "update"] },
                    "infra/*": {
                      "policies": [
                        { "users": ["alice", "bob"], "actions": ["create", "read", "update", "delete"] },
                        { "users": ["mallory"], "actions": ["create", "read"] }
                      ],
                      "defaultPolicy": ["read"]
                    },
                    "repos2/repo": {
                      "policies": [
                        { "users": ["bob"], "groups": ["group1"], "actions": ["read", "create"] },
                        { "users": ["mallory"], "actions": ["create", "read"] }
                      ],
                      "defaultPolicy": ["read"]
                    }
                  },
                  "adminPolicy": { "users": ["admin"], "actions": ["read", "create", "update", "delete"] }
                }
              }
            }
            """
        )
        try check(
            """
            anonymous any p
            anonymous any/thing p
            anonymous tmp/a
            anonymous infra/a
            anonymous infra/a/b p
            anonymous repos2/repo
            charlie any pco
            charlie tmp/a pco
            charlie infra/a p
            charlie infra/a/b pco
            charlie repos2/repo p
            charlie repos2/repo/x pco
            dana any pc
            dana tmp/a/b pco
            dana infra/a p
            dana repos2/repo p
            alice infra/a pcod
            alice infra/a/b pc
            alice tmp/a pco
            bob infra/a pcod
            bob repos2/repo pc
            mallory infra/a pc
            mallory repos2/repo pc
            mallory tmp/a pco
            jack repos2/repo pc
            jane repos2/repo pc
            jack infra/a p
            admin any pcod
            admin infra/a pcod
            admin repos2/repo pcod
            """,
            access: access
        )
    }
}
