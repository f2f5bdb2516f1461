import Testing

@testable import RuleImport

@Suite struct DockerAuthTests {
    /// The shape of docker_auth's reference list: each entry stands for one that is there.
    static let reference = """
        users:
          "admin": { password: "x" }
          "test": { password: "x" }
        acl:
          - match: { ip: "127.0.0.0/8" }
            actions: ["*"]
            comment: "from here, everything"
          - match: { account: "admin" }
            actions: ["*"]
          - match: { account: "test", name: "test-*" }
            actions: ["*"]
          - match: { account: "test" }
            actions: []
          - match: { account: "/.+/", name: "${account}/*" }
            actions: ["*"]
          - match: { account: "/.+/", type: "registry", name: "catalog" }
            actions: ["*"]
          - match: { account: "/.+/" }
            actions: ["pull"]
          - match: { account: "", name: "hello-world" }
            actions: ["pull"]
          - match: { account: "/^(.+)@test.com$/", name: "${account:1}/*" }
            actions: []
          - match: { labels: { "group": "VIP" } }
            actions: ["push"]
        """

    @Test("the reference list gives what its comments promise")
    func referenceAnswers() throws {
        let loaded = try Loaded(Self.reference, .dockerAuth)
        let table: [(String?, String, String)] = [
            ("admin", "anything/at/all", "pcod"), ("admin", "test-1", "pcod"),
            ("test", "test-1", "pcod"), ("test", "test-1/deeper", ""), ("test", "other", ""),
            ("test", "test/app", ""), ("ann", "ann/app", "pcod"), ("ann", "ann/app/deeper", "p"),
            ("ann", "bob/app", "p"), ("ann", "test-1", "p"), ("ann", "hello-world", "p"),
            (nil, "hello-world", "p"), (nil, "test-1", ""), (nil, "hello-world/deeper", ""),
        ]
        for (user, name, rights) in table {
            #expect(loaded.rights(user, name) == rights, "\(user ?? "anonymous") \(name)")
        }
        #expect(loaded.rules.notes.contains { $0.contains("entry 10: not carried over") })
    }

    @Test("an earlier entry that gives less takes away what later ones give")
    func earlierLess() throws {
        let loaded = try Loaded(
            """
            acl:
              - { match: { account: root }, actions: ["*"] }
              - { match: { name: "secret/*" }, actions: [] }
              - { match: { account: ann, name: "frozen/*" }, actions: [pull] }
              - { match: { account: ann }, actions: ["*"] }
              - { match: { account: "/.+/" }, actions: [pull, push] }
            """,
            .dockerAuth
        )
        #expect(loaded.rights("root", "secret/a") == "pcod")
        #expect(loaded.rights("ann", "secret/a") == "")
        #expect(loaded.rights("ann", "frozen/a") == "p")
        #expect(loaded.rights("ann", "a") == "pcod")
        #expect(loaded.rights("bob", "frozen/a") == "pco")
        #expect(loaded.rights("bob", "secret/a") == "")
        #expect(loaded.rights(nil, "a") == "")
        #expect(loaded.rules.notes == [])
    }

    @Test("what cannot be said is not given, and takes away from later entries all the same")
    func inexact() throws {
        let loaded = try Loaded(
            """
            acl:
              - { match: { account: "/admin/" }, actions: ["*"] }
              - { match: { name: "/^[a-c]/" }, actions: [] }
              - { match: { account: ann }, actions: [pull] }
            """,
            .dockerAuth
        )
        #expect(loaded.rights("superadmin", "x") == "")
        #expect(loaded.rights("ann", "b") == "")
        #expect(
            loaded.rules.notes.contains { $0.contains("their.yml:2: entry 1: not carried over") })
        #expect(loaded.rules.notes.contains { $0.contains("entry 2: denied more widely") })
    }

    @Test("labels of users become groups")
    func labels() throws {
        let text = """
            users:
              ann: { password: x, labels: { group: [VIP], project: [acme, zeta] } }
              bob: { password: x, labels: { project: [zeta] } }
            acl:
              - { match: { labels: { group: VIP } }, actions: [pull] }
              - { match: { name: "${labels:project}/*" }, actions: [push, pull] }
              - { match: { account: bob, labels: { project: "z*" }, name: "shared" }, actions: ["*"] }
            """
        let loaded = try Loaded(text, .dockerAuth)
        #expect(loaded.rights("ann", "any") == "p")
        #expect(loaded.rights("ann", "zeta/a") == "p")
        #expect(loaded.rights("bob", "zeta/a") == "pco")
        #expect(loaded.rights("bob", "acme/a") == "")
        #expect(loaded.rights("bob", "shared") == "pcod")
        #expect(loaded.rights("carl", "zeta/a") == "")
        let directory = try Loaded(
            """
            ldap_auth: { addr: x }
            acl:
              - { match: { labels: { group: "/dev|ops/" }, name: "tools/*" }, actions: [pull] }
              - { match: { name: "${labels:group}/*" }, actions: [push, pull] }
              - { match: { name: "${labels:project}/*" }, actions: [push, pull] }
            """,
            .dockerAuth
        )
        #expect(directory.rules.text.contains(#"["group:*dev*", "group:*ops*"]"#))
        #expect(directory.rules.text.contains(#"repos: ["{group}/*"]"#))
        #expect(directory.rules.notes.contains { $0.contains("entry 3: not carried over") })
    }

    @Test("a note names the rule that it is about, if there is one")
    func rulesOfNotes() throws {
        let loaded = try Loaded(
            """
            acl:
              - { match: { account: "/admin/", name: "secret/*" }, actions: [] }
              - { match: { account: ann }, actions: [pull] }
              - { match: { account: bob, name: "b/*" }, actions: [push] }
              - { match: { account: "/root/" }, actions: [pull] }
            """,
            .dockerAuth
        )
        let said = "account: only names can be said"
        let implied = "gives pull as well, which create and overwrite imply here"
        let notes = [
            (2, "entry 1: denied more widely: \(said) (rule not-entry-1)"),
            (2, "entry 1: what it withholds is denied wherever it may apply (rule not-entry-1)"),
            (4, "entry 3: \(implied) (rule entry-3)"), (5, "entry 4: not carried over: \(said)"),
        ]
        #expect(loaded.rules.notes == notes.map { "their.yml:\($0.0): \($0.1)" })
        for (line, text) in notes {
            #expect(loaded.rules.text.contains("# * line \(line): \(text)\n"))
        }
    }

    @Test("what an entry withholds under several labels is denied under several ids")
    func idsOfLabels() throws {
        let loaded = try Loaded(
            """
            users:
              ann: { password: x, labels: { project: [acme, zeta] } }
            acl:
              - { match: { name: "${labels:project}/*" }, actions: [pull] }
              - { match: { account: ann }, actions: ["*"] }
            """,
            .dockerAuth
        )
        #expect(loaded.rights("ann", "acme/a") == "p")
        #expect(loaded.rights("ann", "zeta/a") == "p")
        #expect(loaded.rights("ann", "other") == "pcod")
        for id in ["not-entry-1-acme", "not-entry-1-zeta"] {
            #expect(loaded.rules.text.contains("id: \"\(id)\"\n"), "\(loaded.rules.text)")
        }
    }

    @Test("nothing in a comment gets out of it")
    func hostileComment() throws {
        let loaded = try Loaded(
            """
            acl:
              - match: { account: ann }
                actions: [pull]
                comment: "one\\nrules: [] \\u2028 two\\x85three"
            """,
            .dockerAuth
        )
        #expect(loaded.rights("ann", "a") == "p")
        let lines = loaded.rules.text.split(whereSeparator: \.isNewline)
        #expect(!lines.contains { $0.hasPrefix("rules") || $0.hasPrefix("three") })
    }

    @Test("a file without the list is refused with its name")
    func missing() {
        let result = ImportedRules.read(Array("server: {}".utf8), file: "f", from: .dockerAuth)
        #expect(throws: ImportFailure(messages: ["f:1:1: acl: is not there"])) {
            try result.get()
        }
    }
}
