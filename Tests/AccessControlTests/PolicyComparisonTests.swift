import Bytes
import RegistryAPI
import Testing

@testable import AccessControl

@Suite struct PolicyComparisonTests {
    private func rule(
        _ id: String,
        _ who: [Subject],
        _ repositories: [String],
        _ effect: AccessRule.Effect,
        except: [Subject] = [],
        tags: [String]? = nil,
        condition: RuleCondition = .always
    ) throws -> AccessRule {
        AccessRule(
            id: id,
            who: who,
            except: except,
            repositories: try repositories.map { try RepositoryPattern(ByteString($0)) },
            tags: try tags?.map { try TagPattern(ByteString($0)) },
            effect: effect,
            condition: condition,
            position: SourcePosition(file: "f", line: 1, column: 1)
        )
    }

    private func lines(_ old: [AccessRule], _ new: [AccessRule]) -> [String] {
        PolicyComparison(AccessPolicy(rules: old), AccessPolicy(rules: new)).changes
            .map(\.description)
    }

    @Test("equal rules under other names and in another order change nothing")
    func equal() throws {
        let one = try rule("a", [.anyone], ["a/**"], .allow(.pull))
        let other = try rule("b", [.user("ann")], ["**"], .allow(.all))
        let renamed = try rule("c", [.anyone], ["a/**"], .allow(.pull))
        #expect(lines([one, other], [other, renamed]) == [])
        #expect(lines([one, one], [one]) == [])
    }

    @Test("who gains and who loses is said with a question that shows it")
    func plain() throws {
        let read = try rule("read", [.anyone], ["public/**"], .allow(.pull))
        let all = try rule("all", [.user("ann")], ["**"], .allow(.all))
        let less = try rule("all", [.user("ann")], ["**"], .allow([.pull, .delete]))
        #expect(lines([read, all], [read, less]) == ["user ann loses push on ** (as x)"])
        #expect(lines([read, less], [read, all]) == ["user ann gains push on ** (as x)"])
        #expect(
            lines([all], [all, read]) == [
                "anonymous gains pull on public/** (as public/x)",
                "any user not named in the rules gains pull on public/** (as public/x)",
            ])
    }

    /// What is everybody's own lies elsewhere for each of them.
    @Test("a deny over an allow with variables is noticed, whoever was asked about first")
    func variables() throws {
        let own = try rule("own", [.authenticated], ["users/{user}/**"], .allow(.all))
        let team = try rule("team", [.group("devs")], ["teams/{group}/**"], .allow(.all))
        let keep = try rule("keep", [.anyone], ["**"], .deny(.delete))
        let ann = try rule("ann", [.user("ann")], ["a/b"], .allow(.pull))
        #expect(
            lines([own, ann, keep], [own, ann]) == [
                "any user not named in the rules gains delete on ** (as users/someone/x)",
                "user ann gains delete on ** (as users/ann/x)",
            ])
        #expect(
            lines([team], [team, keep]) == [
                "a member of group devs loses delete on ** (as teams/devs/x)"
            ])
    }

    @Test("a deny with tags and exceptions, networks and dates are noticed")
    func conditions() throws {
        let push = try rule("push", [.authenticated], ["prod/**"], .allow([.push, .delete]))
        let frozen = try rule(
            "frozen",
            [.anyone],
            ["prod/**"],
            .deny([.overwrite, .delete]),
            except: [.user("ann")],
            tags: ["v*"]
        )
        let found = lines([push], [push, frozen])
        #expect(found.count == 1, "\(found)")
        let start = "any user not named in the rules loses overwrite, delete on prod/** (as prod/x"
        #expect(found[0].hasPrefix(start))
        let address: ByteString = "10.8.0.0/16"
        let inside = try IPNetwork(parsing: address.span)
        let limited = try rule(
            "push",
            [.authenticated],
            ["prod/**"],
            .allow([.push, .delete]),
            condition: RuleCondition(from: [inside])
        )
        #expect(lines([push], [limited]).first?.contains("loses all on prod/**") == true)
        let dated = try rule(
            "push",
            [.authenticated],
            ["prod/**"],
            .allow([.push, .delete]),
            condition: RuleCondition(until: Moment(secondsSince1970: 1_000_000_000))
        )
        #expect(lines([push], [dated]).first?.contains("at 2001-09-09T01:46:41Z") == true)
    }

    @Test("what changes shows where the condition of a rule that stays holds, or has ceased to")
    func conditionsThatStay() throws {
        let (wide, narrow): (ByteString, ByteString) = ("10.8.0.0/16", "10.8.0.0/24")
        let ci: [Subject] = [.user("ci")]
        let push = try rule(
            "push", ci, ["a/**"], .allow(.push),
            condition: RuleCondition(from: [try IPNetwork(parsing: wide.span)]))
        let never = try rule("never", ci, ["a/**"], .deny(.push))
        #expect(
            lines([push], [push, never]) == [
                "user ci loses push on a/** (as a/x from 10.8.0.0)"
            ])
        #expect(
            lines([push, never], [push]) == [
                "user ci gains push on a/** (as a/x from 10.8.0.0)"
            ])
        // Beside the narrower one, which denies already.
        let notThere = try rule(
            "not-there", [.anyone], ["a/**"], .deny(.all),
            condition: RuleCondition(from: [try IPNetwork(parsing: narrow.span)]))
        #expect(
            lines([push, notThere], [push, notThere, never]) == [
                "user ci loses push on a/** (as a/x from 10.8.255.255)"
            ])
        let frozen = try rule(
            "frozen", [.anyone], ["b/**"], .deny(.all),
            condition: RuleCondition(until: Moment(secondsSince1970: 1_000_000_000)))
        let read = try rule("read", ci, ["b/**"], .allow(.pull))
        #expect(
            lines([frozen], [frozen, read]) == [
                "user ci gains pull on b/** (as b/x at 2001-09-09T01:46:41Z)"
            ])
    }

    @Test("many networks and dates are bounded before they are paired, and that is said")
    func boundedCircumstances() throws {
        let many = try (0..<2000).map { number in
            let network = ByteString("10.\(number / 250).\(number % 250).0/24")
            return try rule(
                "r\(number)", [.user("ci")], ["a/**"], .allow(.pull),
                condition: RuleCondition(
                    from: [try IPNetwork(parsing: network.span)],
                    until: Moment(secondsSince1970: Int64(number))))
        }
        let comparison = PolicyComparison(
            AccessPolicy(rules: many),
            AccessPolicy(rules: Array(many.dropLast())),
            effort: .quick
        )
        #expect(comparison.isIncomplete)
        #expect(
            comparison.changes.map(\.description) == [
                "user ci loses pull on a/** (as a/x from 10.7.249.0)"
            ])
    }

    @Test("one who leaves a group loses what the group has")
    func groups() throws {
        let rules = [try rule("team", [.group("team")], ["{group}/**"], .allow(.push))]
        let old = AccessPolicy(
            groups: [WrittenGroup(name: "team", users: ["ann", "bob"])],
            rules: rules
        )
        let new = AccessPolicy(groups: [WrittenGroup(name: "team", users: ["ann"])], rules: rules)
        let changes = PolicyComparison(old, new).changes.map(\.description)
        #expect(changes == ["user bob loses pull, push on {group}/** (as team/x)"])
    }

    @Test("the members of a group, who share its names, do not use up the searches of a reload")
    func largeGroup() throws {
        let team = try rule(
            "team", [.group("devs")], ["a/{group}", "b/{group}", "c/{group}", "d/{group}"],
            .allow(.all))
        let keep = try rule("keep", [.anyone], ["**"], .deny(.delete))
        let devs = WrittenGroup(name: "devs", users: (0..<80).map { ByteString("u\($0)") })
        let comparison = PolicyComparison(
            AccessPolicy(groups: [devs], rules: [team]),
            AccessPolicy(groups: [devs], rules: [team, keep]),
            effort: .quick
        )
        #expect(!comparison.isIncomplete)
        let changes = comparison.changes.map(\.description)
        #expect(changes == ["a member of group devs loses delete on ** (as a/devs)"])
    }

    @Test("what is asked of many rules is bounded, and that is said")
    func bounded() throws {
        let many = try (0..<400).map {
            try rule(
                "r\($0)", [.user(ByteString("u\($0)"))], ["a\($0)/**", "**/b*"], .allow(.pull))
        }
        let comparison = PolicyComparison(
            AccessPolicy(rules: many),
            AccessPolicy(rules: []),
            effort: .quick
        )
        #expect(comparison.isIncomplete)
        #expect(!comparison.changes.isEmpty)
    }
}
