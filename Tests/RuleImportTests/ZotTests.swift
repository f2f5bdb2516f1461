import Testing

@testable import RuleImport

@Suite struct ZotTests {
    /// The shape of the policies in zot's documentation.
    static let documented = """
        {
          "http": {
            "accessControl": {
              "groups": { "group1": { "users": ["jack", "jane"] } },
              "repositories": {
                "**": {
                  "policies": [ { "users": ["charlie"], "actions": ["read", "create", "update"] } ],
                  "defaultPolicy": ["read", "create", "delete", "detectManifestCollision"],
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

    @Test("the documented policies give the documented answers")
    func documentedAnswers() throws {
        let loaded = try Loaded(Self.documented, .zot)
        let table: [(String?, String, String)] = [
            ("charlie", "any", "pco"), ("dana", "any/thing", "pcd"), (nil, "any", "p"),
            ("dana", "tmp/a/b", "pco"), ("charlie", "tmp/a", "pco"), (nil, "tmp/a", ""),
            ("alice", "infra/a", "pcod"), ("bob", "infra/a", "pcod"), ("mallory", "infra/a", "pc"),
            ("charlie", "infra/a", "p"), ("dana", "infra/a", "p"), (nil, "infra/a", ""),
            ("alice", "infra/a/b", "pcd"), ("bob", "repos2/repo", "pc"),
            ("jack", "repos2/repo", "pc"),
            ("mallory", "repos2/repo", "pc"), ("dana", "repos2/repo", "p"),
            (nil, "repos2/repo", ""),
            ("charlie", "repos2/repo", "p"), ("charlie", "repos2/repo/x", "pco"),
            ("admin", "repos2/repo", "pcod"), ("admin", "tmp/x", "pcod"), ("admin", "any", "pcod"),
        ]
        for (user, name, rights) in table {
            #expect(loaded.rights(user, name) == rights, "\(user ?? "anonymous") \(name)")
        }
    }

    @Test("the older form, patterns beside the policy for administrators")
    func olderForm() throws {
        let loaded = try Loaded(
            """
            {"http": {"accessControl": {
              "**": {"defaultPolicy": ["read"]},
              "team/**": {"policies": [{"users": ["ann"], "actions": ["read", "create"]}]},
              "adminPolicy": {"users": ["root"], "actions": ["read", "delete"]}
            }}}
            """,
            .zot
        )
        #expect(loaded.rights("ann", "team/a") == "pc")
        #expect(loaded.rights("ann", "team") == "pc")
        #expect(loaded.rights("bob", "team/a") == "")
        #expect(loaded.rights("bob", "other") == "p")
        #expect(loaded.rights("root", "team/a") == "pd")
    }

    @Test("what cannot be said is noted and not given")
    func notes() throws {
        let loaded = try Loaded(
            """
            http:
              auth: { ldap: { address: x } }
              accessControl:
                groups: { devs: { users: [ann] } }
                repositories:
                  "[ab]*/**": { defaultPolicy: [read] }
                  "xx/**": { defaultPolicy: [read, create] }
                  "*/yy": { defaultPolicy: [read] }
                  "zz/**":
                    policies: [{ users: [ann], actions: [read], conditions: [{ expression: "1" }] }]
            """,
            .zot
        )
        #expect(loaded.rights("ann", "a/b") == "")
        #expect(loaded.rights("ann", "zz/b") == "")
        // What a pattern that cannot be said withholds is withheld wherever it may apply.
        #expect(loaded.rights("ann", "xx/a") == "p")
        #expect(loaded.rights("ann", "xx") == "p")
        let notes = loaded.rules.notes.joined(separator: "\\n")
        for word in ["their.yml:6", "conditions", "only the users written here"] {
            #expect(notes.contains(word), "\(word): \(notes)")
        }
    }

    @Test("a note names the rule that it is about, if there is one")
    func rulesOfNotes() throws {
        let loaded = try Loaded(
            """
            http:
              accessControl:
                repositories:
                  "a/**":
                    policies:
                      - { users: ["x:y", ann], actions: [read, fly] }
                      - { users: ["x:z"], actions: [read] }
            """,
            .zot
        )
        let place = "pattern \"a/**\""
        #expect(
            loaded.rules.notes == [
                "their.yml:6: \(place): x:y cannot be a user here (rule zot-1-policy-1)",
                "their.yml:6: \(place): fly is no action (rule zot-1-policy-1)",
                "their.yml:7: \(place): x:z cannot be a user here",
            ])
    }

    @Test("where the longest pattern is not certain, only what both give is given")
    func ties() throws {
        let loaded = try Loaded(
            """
            http:
              accessControl:
                repositories:
                  "a/**": { defaultPolicy: [read, create] }
                  "**/b": { defaultPolicy: [read, delete] }
            """,
            .zot
        )
        #expect(loaded.rights("ann", "a/c") == "pc")
        #expect(loaded.rights("ann", "c/b") == "pd")
        #expect(loaded.rights("ann", "a/b") == "p")
        #expect(loaded.rules.notes.contains { $0.contains("which one decides is not certain") })
    }
}
