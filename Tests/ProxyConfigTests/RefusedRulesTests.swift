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
            ("alice", "\"alice\": \(noForm)"), ("Anyone", "\"Anyone\": \(noForm)"),
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
        let rule = "{ id: a, who: [anyone], repos: [\"Team/x\"], allow: [pull] }"
        #expect(
            errors(rules(rule)) == [
                "p.yaml:7:39: access.rules[0].repos[0]: \"Team/x\": capital letter 'T' at 1; no"
                    + " repository name has one (a-z, 0-9, '.', '_', '-', '/')"
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
                """
        #expect(
            errors(text) == [
                "p.yaml:7:18: access.groups.a.users[0]: \"anyone\" is a reserved word and cannot be a"
                    + " user (1 to 128 bytes without colon and control characters)",
                "p.yaml:7:26: access.groups.a.users[1]: \"x:y\" is no user name"
                    + " (1 to 128 bytes without colon and control characters)",
                "p.yaml:8:5: access.groups.: is no group name (1 to 128 bytes without control"
                    + " characters)",
                "p.yaml:9:8: access.groups.b.users: is required (a list, each 1 to 128 bytes without"
                    + " colon and control characters)",
                "p.yaml:10:8: access.groups.c: is a list (a mapping of users)",
            ]
        )
    }

    @Test("a group that only a directory can know is accepted")
    func directoryGroup() {
        let rule = "{ id: a, who: [\"group:team-*\"], repos: [x], allow: [pull] }"
        #expect(errors(rules(rule)) == [])
    }
}

private let actions = "pull, create, overwrite, delete, push, all"
private let noForm =
    "not a subject (anyone, anonymous, authenticated, user:NAME, group:NAME)"
private let reserved =
    "anyone, anonymous and authenticated cannot be users (write the word without user:)"
private let subjects = "anyone, anonymous, authenticated, user:NAME or group:NAME"
private let patterns = "a pattern of repository names like team/**"

/// A file whose rules are `lines`, the first in line 7.
private func rules(_ lines: String...) -> String {
    base + "access:\n  rules:\n" + lines.map { "    - \($0)\n" }.joined()
}
