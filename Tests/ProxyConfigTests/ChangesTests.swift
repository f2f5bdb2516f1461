import Testing

@testable import ProxyConfig

@Suite struct ChangesTests {
    private static let access = """
        access:
          groups:
            web: { users: [ann, bob] }
          rules:
            - { id: read, who: [anyone], repos: ["public/**"], allow: [pull] }
            - { id: web, who: ["group:web"], repos: ["web/**"], allow: [push] }

        """

    private func changes(_ old: String, _ new: String) throws -> [String] {
        let before = try #require(report(base + old).configuration)
        let after = try #require(report(base + new).configuration)
        return after.changes(from: before)
    }

    @Test("what says the same is no change: layout, quotes, the order of rules")
    func none() throws {
        let other = """
            access:
              rules:
                - id: web
                  repos: [web/**]
                  who: [group:web]
                  allow:
                  - push
                - { id: read, who: ["anyone"], repos: ["public/**"], allow: [pull] }
              groups: { web: { users: [ann, bob] } }

            """
        #expect(try changes(Self.access, Self.access) == [])
        #expect(try changes(Self.access, other) == [])
    }

    @Test("rules go by their ids, lists by their members, other keys by their values")
    func words() throws {
        let other = """
            access:
              groups:
                web: { users: [bob, dave] }
              rules:
                - { id: web, who: ["group:web"], repos: ["web/*"], allow: [push] }
                - { id: ops, who: ["user:eve"], repos: ["**"], allow: [all] }
            limits: { connections: 500 }

            """
        let removed = "limits: { manifest: 2MiB }\n"
        #expect(
            try changes(Self.access + removed, other) == [
                "access.groups.web.users: added dave; removed ann",
                "access.rules[web] has another repos",
                "access.rules[ops] was added",
                "limits.connections was added: 500",
                "access.rules[read] was removed",
                "limits.manifest was removed; it was 2MiB",
            ]
        )
        #expect(
            try changes("limits: { connections: 5 }\n", "limits: { connections: 6 }\n") == [
                "limits.connections: 5 became 6"
            ]
        )
    }

    @Test("files that are read belong to the configuration, also with errors; logs do not")
    func files() {
        let text = """
            auth: { htpasswd: { file: users } }
            log: { access: { path: a.log } }
            unknown: 1

            """
        #expect(report(base + text).files.map(\.path) == ["users"])
    }
}
