import Testing

@testable import ProxyConfig

@Suite struct RefusedRulesTests {
    @Test(
        "a rule that says nothing, two things or nonsense is refused",
        arguments: [
            Refused(
                rules("{ id: a, who: [anyone], repos: [x] }"),
                "7:7: access.rules[0]: has no effect"
                    + " (exactly one of allow and deny, a list of actions)"
            ),
            Refused(
                rules("{ id: a, who: [anyone], repos: [x], allow: [pull], deny: [push] }"),
                "7:64: access.rules[0].deny: stands beside allow"
                    + " (exactly one of allow and deny, a list of actions)"
            ),
            Refused(
                rules("{ id: a, who: [anyone], repos: [x], allow: [pul, \"*\", write] }"),
                "7:51: access.rules[0].allow[0]: \"pul\" is not an action (\(actions))",
                "7:56: access.rules[0].allow[1]: \"*\" is not an action (\(actions))",
                "7:61: access.rules[0].allow[2]: \"write\" is not an action (\(actions))"
            ),
            Refused(
                rules("{ id: a, who: [anyone], repos: [x], deny: [] }"),
                "7:49: access.rules[0].deny: is an empty list (a list, each \(actions))"
            ),
            Refused(
                rules("{ id: a, who: [], repos: [], allow: pull }"),
                "7:21: access.rules[0].who: is an empty list (a list, each \(subjects))",
                "7:32: access.rules[0].repos: is an empty list (a list, each \(patterns))",
                "7:43: access.rules[0].allow: is one value (a list, each \(actions))"
            ),
            Refused(
                rules("{}"),
                "7:7: access.rules[0].id: is required (1 to 128 bytes of text)",
                "7:7: access.rules[0].who: is required (a list, each \(subjects))",
                "7:7: access.rules[0].repos: is required (a list, each \(patterns))",
                "7:7: access.rules[0]: has no effect"
                    + " (exactly one of allow and deny, a list of actions)"
            ),
            Refused(
                rules(
                    "{ id: a, who: [anyone], repos: [x], allow: [pull] }",
                    "{ id: a, who: [anyone], repos: [x], allow: [pull] }"
                ),
                "8:13: access.rules[1].id: \"a\" is the id of the rule in line 7"
                    + " (an id of its own)"
            ),
            Refused(
                rules("{ id: a, who: [anyone], repos: [x], allow: [pull], because: \"a\\nb\" }"),
                "7:67: access.rules[0].because: contains a line break or control character"
                    + " (1 to 512 bytes of text)"
            ),
        ]
    )
    func rule(refused: Refused) {
        #expect(errors(refused.text) == refused.lines)
    }

    @Test(
        "a subject is one of five forms, and reserved words are nobody's name",
        arguments: [
            ("ci", "\"ci\": not a subject (user:ci or group:ci; \(words)"),
            ("Anyone", "\"Anyone\": not a subject (user:Anyone or group:Anyone; \(words)"),
            ("*", "\"*\": \(noForm)"), ("", "\"\": \(noForm)"),
            ("users:a", "\"users:a\": \(noForm)"),
            ("user:", "\"user:\": the name is missing (user:NAME, group:NAME)"),
            ("group:", "\"group:\": the name is missing (user:NAME, group:NAME)"),
            ("user:anyone", "\"user:anyone\": \(reserved)"),
            ("user:anonymous", "\"user:anonymous\": \(reserved)"),
            ("user:authenticated", "\"user:authenticated\": \(reserved)"),
            ("user:a:b", "\"a:b\" is no user name (\(subjects))"),
        ]
    )
    func subject(text: String, message: String) {
        let rule = "{ id: a, who: [\"\(text)\"], repos: [x], allow: [pull] }"
        #expect(errors(rules(rule)) == ["p.yaml:7:22: access.rules[0].who[0]: \(message)"])
    }

    @Test("a pattern that breaks the grammar is refused where it stands")
    func pattern() {
        let rule = "{ id: a, who: [anyone], repos: [\"team**\"], allow: [pull] }"
        #expect(
            errors(rules(rule)) == [
                "p.yaml:7:39: access.rules[0].repos[0]: \"team**\": \"**\" at 5 is not a whole part"
                    + " (a/**, **/b, a/**/b; inside a part write '*')"
            ]
        )
    }

    @Test("patterns without quotes that are YAML all the same are to be quoted")
    func unquotedPatterns() {
        let rule = "{ id: a, who: [anyone], repos: [*app, {a,b}, {a: b}], allow: [pull] }"
        let advice = "if it is text, quote it:"
        #expect(
            errors(rules(rule)) == [
                "p.yaml:7:39: access.rules[0].repos[0]: is an alias (the value itself;"
                    + " \(advice) \"*app\")",
                "p.yaml:7:45: access.rules[0].repos[1]: is a mapping (\(patterns); \(advice)"
                    + " \"{a,b}\")",
                "p.yaml:7:52: access.rules[0].repos[2]: is a mapping (\(patterns))",
            ]
        )
    }

    @Test("tags, networks and dates that mean nothing are refused where they stand")
    func tagsAndConditions() {
        let text = rules(
            "{ id: a, who: [anyone], repos: [x], tags: [v*], allow: [pull] }",
            "{ id: b, who: [anyone], repos: [x], tags: [v*], allow: [all] }",
            "{ id: c, who: [anyone], repos: [x], tags: [\"a/b\", \"{user}\"], deny: [all] }",
            "{ id: d, who: [anyone], repos: [x], when: {}, deny: [all] }",
            "{ id: e, who: [anyone], repos: [x], when: { from: [10.0.0.1/8, x] }, deny: [all] }",
            "{ id: f, who: [anyone], repos: [x], when: { until: 2027-02-29 }, deny: [all] }",
            "{ id: g, who: [anyone], repos: [x], tags: [v*], deny: [pull] }",
            "{ id: h, who: [anyone], repos: [x], tags: [\"@referrers\"], allow: [push, delete] }"
        )
        #expect(
            errors(text) == [
                "p.yaml:7:49: access.rules[0].tags: pull cannot be allowed for some tags: \(byDigest)",
                "p.yaml:8:49: access.rules[1].tags: all cannot be allowed for some tags: \(byDigest)",
                "p.yaml:9:50: access.rules[2].tags[0]: \"a/b\": '/' at 2 stands in no tag and is no"
                    + " wildcard (letters, digits, '.', '_', '-'; '*', '?', {a,b}; or @referrers)",
                "p.yaml:9:57: access.rules[2].tags[1]: \"{user}\": {user} and {group} at 1 stand for a"
                    + " part of a repository name (not of a tag)",
                "p.yaml:10:49: access.rules[3].when: restricts nothing (from, until or both)",
                "p.yaml:11:58: access.rules[4].when.from[0]: \"10.0.0.1/8\" has bits behind its prefix"
                    + " (10.0.0.0/8)",
                "p.yaml:11:70: access.rules[4].when.from[1]: \"x\" is not a network"
                    + " (ADDRESS or ADDRESS/BITS)",
                "p.yaml:12:58: access.rules[5].when.until: \"2027-02-29\" is no date and no time (a date"
                    + " like 2027-06-30, or a time with Z or an offset like 2027-06-30T12:00:00+02:00)",
            ]
        )
    }

    @Test("grants on the server know two actions")
    func server() {
        let text = base + "access:\n  server:\n    - { who: [anyone], allow: [pull] }\n    - {}\n"
        #expect(
            errors(text) == [
                "p.yaml:7:32: access.server[0].allow[0]: \"pull\" is no action on the server"
                    + " (catalog, admin)",
                "p.yaml:8:7: access.server[1].who: is required (a list, each \(subjects))",
                "p.yaml:8:7: access.server[1].allow: is required (a list, each catalog, admin)",
            ]
        )
    }

    @Test("{group} without a group in who is refused")
    func groupOfNobody() {
        let rule = "{ id: a, who: [anyone], repos: [\"{group}/**\"], allow: [pull] }"
        #expect(
            errors(rules(rule)) == [
                "p.yaml:7:38: access.rules[0].repos: {group} stands for nobody's group"
                    + " (only with group:NAME in who)"
            ]
        )
    }

    @Test("a group's name and its users are checked")
    func groups() {
        let text =
            base + """
                access:
                  groups:
                    a: { users: [anyone, "x:y", bob] }
                    "": { users: [bob] }
                    b: {}
                    c: [bob]
                    d: { ldap: ["cn=x,,", web, "cn=web,dc=example"] }
                """
        #expect(
            errors(text) == [
                "p.yaml:7:18: access.groups.a.users[0]: \"anyone\" is a reserved word and cannot be a"
                    + " user (1 to 128 bytes without colon and control characters)",
                "p.yaml:7:26: access.groups.a.users[1]: \"x:y\" is no user name"
                    + " (1 to 128 bytes without colon and control characters)",
                "p.yaml:8:5: access.groups.: is no group name (1 to 128 bytes without control"
                    + " characters)",
                "p.yaml:9:8: access.groups.b: says nothing about its members"
                    + " (users, ldap or both; users: [] for nobody)",
                "p.yaml:10:8: access.groups.c: is a list (a mapping of users, ldap)",
                "p.yaml:11:17: access.groups.d.ldap[0]: \"cn=x,,\" is no distinguished name"
                    + " (a DN like cn=web,ou=groups,dc=example,dc=com (RFC 4514), or a group's name)",
            ]
        )
    }

    @Test("a group that only a directory can know is accepted")
    func directoryGroup() {
        let rule = "{ id: a, who: [\"group:team-*\"], repos: [x], allow: [pull] }"
        #expect(errors(rules(rule)) == [])
    }
}

private let byDigest =
    "whoever knows a digest pulls without a tag (create, overwrite, delete, push; pull in a rule of"
    + " its own)"
private let actions = "pull, create, overwrite, delete, push, all"
private let noForm =
    "not a subject (anyone, anonymous, authenticated, user:NAME, group:NAME)"
private let words = "or anyone, anonymous, authenticated)"
private let reserved =
    "anyone, anonymous and authenticated cannot be users (write the word without user:)"
private let subjects = "anyone, anonymous, authenticated, user:NAME or group:NAME"
private let patterns = "a pattern of repository names like team/**"

/// A file whose rules are `lines`, the first in line 7.
private func rules(_ lines: String...) -> String {
    base + "access:\n  rules:\n" + lines.map { "    - \($0)\n" }.joined()
}
