import Bytes
import Testing

@testable import AccessControl

/// The findings, with the rules' indexes as they stand in `place`.
private func lint(
    _ rules: [AccessRule],
    groups: [WrittenGroup] = [],
    hasDirectory: Bool = false
) -> [LintFinding] {
    AccessPolicy(groups: groups, rules: rules)
        .lint(now: moment("2027-01-01"), hasDirectory: hasDirectory)
}

@Suite struct LintTests {
    /// Lets everybody pull, so that this is not what is found.
    static let all = rule("all", ["anyone"], ["**"], .allow(.all))

    @Test(
        "patterns that no repository name can match",
        arguments: [
            ("Team/**", "capital letter 'T' at 1"), ("a/B", "capital letter 'B' at 3"),
            ("/a", "leading '/'"), ("/**", "leading '/'"), ("a/", "trailing '/'"),
            ("a//b", "\"//\" at 2"), ("a/../b", "\"..\" at 3"), ("a%2fb", "'%' at 2"),
            ("a b", "a blank at 2"), ("[ab]/x", "'[' at 1"), ("a:v1", "':' at 2"),
            ("-a", "looks like that"), ("a-", "looks like that"), ("a/_b", "looks like that"),
            ("a___b", "looks like that"), ("{A,B}/x", "capital letter"),
            ("a._b", "looks like that"),
        ]
    )
    func flaws(pattern: String, reason: String) {
        let found = lint([Self.all, rule("r", ["anyone"], [pattern], .deny(.all))])
        #expect(found.first?.place == .repository(rule: 1, 0))
        #expect(found.first?.message.contains(reason) == true, "\(found)")
    }

    @Test(
        "patterns that some repository name matches",
        arguments: [
            "**", "*", "?", "a", "a/b", "a.b", "a_b", "a__b", "a--b", "*-b", "a-*", "?a", "a?b",
            "{user}", "{user}/**", "x/{user}", "{A,b}/x", "a*b/**/c", "*.*", "_*", "?_?",
            "a/**/b",
        ]
    )
    func noFlaw(pattern: String) throws {
        // `_*` alone matches none: a part begins with a letter or digit.
        let expected = pattern == "_*"
        #expect((try RepositoryPattern(ByteString(pattern)).flaw != nil) == expected)
    }

    @Test("x/* is asked about, except where one level is what there is")
    func oneLevel() {
        func isDoubted(_ pattern: String) -> Bool {
            lint([rule("r", ["anyone"], [pattern], .allow(.pull))])
                == [
                    LintFinding(
                        place: .repository(rule: 0, 0),
                        message: "\"\(pattern)\" is one level only: \(pattern.dropLast())a, not "
                            + "\(pattern.dropLast())a/b (\"\(pattern)*\" covers all below; if one "
                            + "level is meant, \"\(pattern.dropLast())?*\")"
                    )
                ]
        }
        for pattern in ["team/*", "a/b/*", "users/{user}/*"] { #expect(isDoubted(pattern)) }
        for pattern in ["library/*", "*", "*/*", "a/?*", "a/**", "a-*", "a/*/b"] {
            #expect(lint([rule("r", ["anyone"], [pattern], .allow(.pull))]) == [], "\(pattern)")
        }
    }

    @Test("groups that nobody can be in are asked about, unless a directory may know them")
    func groups() {
        let rules = [
            Self.all,
            rule(
                "r", ["group:web", "group:wep"], except: ["group:w*", "group:x*"], ["a"],
                .deny(.all)),
        ]
        let written = [
            WrittenGroup(name: "web", users: []),
            WrittenGroup(name: "ops", directoryGroups: [.name("ops")]),
        ]
        let found = lint(rules, groups: written)
        #expect(
            found.map(\.place) == [.who(rule: 1, 1), .except(rule: 1, 1), .group(1)], "\(found)")
        #expect(lint(rules, groups: written, hasDirectory: true) == [])
    }

    @Test("a deny of pull that leaves push, or has tags, is asked about")
    func denyPull() {
        func messages(_ deny: Actions, tags: [String]? = nil) -> [String] {
            lint([Self.all, rule("r", ["anyone"], ["a"], tags: tags, .deny(deny))]).map(\.message)
        }
        #expect(messages(.pull).first?.contains("leaves push") == true)
        #expect(messages([.pull, .create]).first?.contains("leaves overwrite") == true)
        #expect(messages([.pull, .push]) == [] && messages(.all) == [] && messages(.push) == [])
        #expect(messages(.all, tags: ["v*"]).first?.contains("every tag") == true)
    }

    @Test("a date that has passed, and rules that let nobody pull")
    func datesAndPulls() {
        let late = rule("r", ["user:x"], ["a"], .allow(.delete), until: "2026-12-31")
        #expect(lint([late]).map(\.place) == [.rules, .until(rule: 0)])
        let fresh = rule("r", ["user:x"], ["a"], .allow(.delete), until: "2027-01-01")
        #expect(lint([fresh]).map(\.place) == [.rules])
        #expect(lint([]) == [])
    }

    @Test(
        "a rule that can never change a decision",
        arguments: [
            (rule("r", ["user:x"], ["a/b"], .allow(.pull)), true),
            (rule("r", ["user:x"], ["a/**"], .allow(.push)), true),
            (rule("r", ["user:x"], ["a/{user}/**"], tags: ["v1"], .allow(.create)), true),
            (rule("r", ["user:x"], ["a/**"], .allow(.delete)), false),
            (rule("r", ["user:x"], ["b"], .allow(.pull)), false),
            (rule("r", ["user:x"], ["a"], .allow(.pull)), false),
            (rule("r", ["anyone"], ["a/b"], .allow(.pull)), false),
            (rule("r", ["user:x"], except: ["user:x"], ["c"], .allow(.pull)), true),
            (rule("r", ["user:x"], ["closed/x"], .allow(.all)), true),
            (rule("r", ["anonymous"], ["closed/x"], .allow(.pull)), true),
            (rule("r", ["anyone"], ["tagged/x"], .allow(.create)), false),
            (rule("r", ["user:x"], ["office/x"], .allow(.pull), from: ["10.1.0.0/16"]), true),
            (rule("r", ["user:x"], ["office/x"], .allow(.pull)), false),
            (rule("r", ["user:x"], ["lent/x"], .allow(.pull), until: "2028-01-01"), true),
            (rule("r", ["user:x"], ["lent/x"], .allow(.pull), until: "2031-01-01"), false),
            (rule("r", ["anyone"], ["nowhere/**"], .deny(.all)), true),
            (rule("r", ["anyone"], ["a/**"], .deny(.delete)), true),
            (rule("r", ["anyone"], ["a/**"], .deny(.overwrite)), false),
            (rule("r", ["anonymous"], ["a/**"], .deny(.all)), true),
            (rule("r", ["anyone"], ["closed/*/x"], .deny(.pull)), true),
        ]
    )
    func pointless(rule tried: AccessRule, isPointless: Bool) {
        let rules = [
            rule("some", ["authenticated"], ["a/**"], .allow(.push)),
            rule("closed", ["anyone"], ["closed/**"], .deny(.all)),
            rule("opened", ["user:z"], ["closed/{user}"], .allow(.all), from: ["10.0.0.0/8"]),
            rule("tagged", ["anyone"], ["tagged/**"], tags: ["v*"], .deny(.all)),
            rule("office", ["anyone"], ["office/**"], .allow(.pull), from: ["10.0.0.0/8"]),
            rule("lent", ["anyone"], ["lent/**"], .allow(.pull), until: "2030-01-01"),
            tried,
        ]
        let found = lint(rules).contains {
            $0.place == .rule(6) && $0.message.hasPrefix("can never change a decision")
        }
        #expect(found == isPointless)
    }

    @Test("of two rules that say the same, the second is the one too many")
    func twice() {
        let rules = ["a", "b"].map { rule($0, ["anyone"], ["x"], .allow(.pull)) }
        #expect(lint(rules).map(\.place) == [.rule(1)])
    }

    /// What the lint says of random rules is so: without such a rule everything stays the same.
    @Test("rules that the lint calls pointless can be left out", arguments: 1...100)
    func soundness(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let found = world.policy(rules).lint(now: moment("2020-01-01"), hasDirectory: true)
        for finding in found where finding.message.hasPrefix("can never change a decision") {
            guard case .rule(let index) = finding.place else { continue }
            var fewer = rules
            fewer.remove(at: index)
            for question in world.questions() {
                #expect(
                    world.policy(rules).granted(question) == world.policy(fewer).granted(question),
                    "\(finding)")
            }
        }
    }

    @Test("ten thousand rules are looked over in passing")
    func many() {
        let rules = (0..<10_000).map {
            rule(
                "r\($0)", ["user:u\($0)"], ["team-\($0 % 100)/**"],
                $0 % 2 == 0 ? .allow(.all) : .deny(.all))
        }
        #expect(lint([Self.all] + rules).isEmpty == false)
    }
}
