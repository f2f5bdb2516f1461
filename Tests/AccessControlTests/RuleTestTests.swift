import AccessControl
import Bytes
import Testing

/// The example of `access.md`, whole.
private let example = AccessPolicy(
    groups: [
        WrittenGroup(name: "platform", users: ["ann", "bob"]),
        WrittenGroup(
            name: "web",
            directoryGroups: ["cn=team-web,ou=groups,dc=example,dc=com"].compactMap {
                DirectoryGroupReference(parsing: ByteString($0))
            }
        ),
    ],
    rules: [
        rule("public-read", ["anyone"], ["public/**", "library/*"], .allow(.pull)),
        rule("own-space", ["authenticated"], ["users/{user}/**"], .allow([.push, .delete])),
        rule("team-space", ["group:team-*"], ["{group}/**"], .allow(.push)),
        rule(
            "ci-releases", ["user:ci"], ["prod/**"], tags: ["v*", "@referrers"], .allow(.create),
            from: ["10.8.0.0/16"], until: "2027-06-30"
        ),
        rule(
            "releases-are-immutable", ["anyone"], except: ["group:platform"], ["prod/**"],
            tags: ["v*"], .deny([.overwrite, .delete]), because: "release tags never change"
        ),
        rule("operators", ["group:platform"], ["**"], .allow(.all)),
    ],
    server: [
        ServerGrant(
            index: 0, who: [.group("platform")], actions: [.catalog, .admin], position: here)
    ]
)

private func failures(_ lines: String...) throws -> [String] {
    let tests = try lines.map { try RuleTest(parsing: ByteString($0), at: here) }
    return example.failures(of: tests).map { "\($0.test.text): \($0.message)" }
}

@Suite struct RuleTestTests {
    @Test(
        "lines that hold",
        arguments: [
            "ci may create prod/api:v2 from 10.8.1.1",
            "ci may not overwrite prod/api:v1 from 10.8.1.1",
            "anonymous may pull public/base", "dave in team-web may push team-web/api",
            "ci may not create prod/api:v2", "ci may not create prod/api:latest from 10.8.1.1",
            "ci may create prod/api from 10.8.1.1", "ci may not push prod/api:v1 from 10.8.1.1",
            "ci may create prod/api:v2 from 10.8.1.1 at 2027-06-30T23:59:59Z",
            "ci may not create prod/api:v2 from 10.8.1.1 at 2027-07-01",
            "ann may catalog", "ann may admin", "ci may not catalog", "anonymous may not admin",
            "ann may all prod/api:v1", "ann may delete prod/api", "dave may push users/dave/x",
            "dave may not push users/ann/x", "dave in web may not push web/x",
            "dave in platform may overwrite prod/api:v1", "dave in a b, team-x may push team-x/y",
            "dave  in  team-x ,team-y  may  push  team-y/x", "not may not pull prod/api",
        ]
    )
    func hold(line: String) throws { #expect(try failures(line) == []) }

    @Test("a line that does not hold says which rule decided, and where that is")
    func fail() throws {
        #expect(
            try failures(
                "ci may not create prod/api:v2 from 10.8.1.1", "bob may not pull public/x",
                "ci may overwrite prod/api:v1 from 10.8.1.1", "ann may not admin", "ci may catalog",
                "eve in platform may not delete prod/x:v1", "ci may push prod/x:v1 from 10.8.0.1"
            ) == [
                "ci may not create prod/api:v2 from 10.8.1.1: fails: allowed by rule ci-releases at"
                    + " test.yaml:1",
                "bob may not pull public/x: fails: allowed by rule public-read at test.yaml:1,"
                    + " rule operators at test.yaml:1",
                "ci may overwrite prod/api:v1 from 10.8.1.1: fails: no rule allows overwrite",
                "ann may not admin: fails: access.server grants it",
                "ci may catalog: fails: nothing grants it",
                "eve in platform may not delete prod/x:v1: fails: allowed by rule operators at"
                    + " test.yaml:1",
                "ci may push prod/x:v1 from 10.8.0.1: fails: no rule allows overwrite",
            ])
        let policy = AccessPolicy(rules: [
            rule("all", ["anyone"], ["**"], .allow(.all)),
            rule("no", ["user:x"], ["**"], .deny(.delete)),
        ])
        let test = try RuleTest(parsing: "x may all a", at: here)
        #expect(
            policy.failures(of: [test]).map(\.message)
                == ["fails: denied by rule no at test.yaml:1"])
    }

    @Test(
        "a line that is none says what is wrong",
        arguments: [
            ("", .noMay), ("ann", .noMay), ("ann pulls x", .noMay), ("may pull x", .noMay),
            (" may pull x", .noSubject), ("ann may ", .noAction), ("ann may not ", .noAction),
            ("ann may read x", .unknownAction("read")), ("ann may pull", .noRepository),
            ("ann may pull X", .badRepository("X")), ("ann may pull x:", .badTag("")),
            ("ann may pull x:v 1", .superfluous("1")),
            ("ann may pull x:-v", .badTag("-v")), ("ann may pull x from", .badAddress("")),
            ("ann may pull x from 10.0.0.0/8", .badAddress("10.0.0.0/8")),
            ("ann may pull x at noon", .badMoment("noon")),
            ("ann may pull x at 2027-01-01 from ::1", .superfluous("from")),
            ("ann may catalog x", .superfluous("x")),
            ("ann in a, may pull x", .emptyGroup), ("ann in ,a may pull x", .emptyGroup),
            ("anonymous in a may pull x", .anonymousInGroup),
            ("anyone may pull x", .notAUser("anyone")),
            ("user:ann may pull x", .notAUser("user:ann")),
        ] as [(String, RuleTestError)]
    )
    func broken(line: String, expected: RuleTestError) {
        #expect(throws: expected) { try RuleTest(parsing: ByteString(line), at: here) }
        #expect(expected.description.contains("("), "says what is allowed")
    }
}
