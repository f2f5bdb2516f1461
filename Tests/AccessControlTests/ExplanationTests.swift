import Bytes
import RegistryAPI
import Testing

@testable import AccessControl

@Suite struct ExplanationTests {
    private static func policy() throws -> AccessPolicy {
        func rule(
            _ id: String,
            _ who: [Subject],
            _ repositories: [String],
            _ effect: AccessRule.Effect,
            except: [Subject] = [],
            tags: [String]? = nil,
            condition: RuleCondition = .always,
            because: String? = nil
        ) throws -> AccessRule {
            AccessRule(
                id: id,
                who: who,
                except: except,
                repositories: try repositories.map { try RepositoryPattern(ByteString($0)) },
                tags: try tags?.map { try TagPattern(ByteString($0)) },
                effect: effect,
                condition: condition,
                because: because,
                position: SourcePosition(file: "f", line: 1, column: 1)
            )
        }
        let network: ByteString = "10.8.0.0/16"
        let inside = RuleCondition(from: [try IPNetwork(parsing: network.span)])
        let past = RuleCondition(until: Moment(secondsSince1970: 1000))
        return AccessPolicy(
            groups: [WrittenGroup(name: "platform", users: ["ann"])],
            rules: [
                try rule("users", [.authenticated], ["users/*"], .allow(.pull)),
                try rule("own", [.authenticated], ["own/{user}/**"], .allow(.push)),
                try rule("ci", [.user("ci")], ["prod/**"], .allow(.create), tags: ["v*"]),
                try rule("inside", [.user("ci")], ["net/**"], .allow(.push), condition: inside),
                try rule("bygone", [.user("ci")], ["old/**"], .allow(.push), condition: past),
                try rule(
                    "frozen",
                    [.anyone],
                    ["prod/**"],
                    .deny([.overwrite, .delete]),
                    except: [.group("platform")],
                    because: "never"
                ),
                try rule("operators", [.group("platform")], ["prod/**"], .allow(.all)),
                try rule("teams", [.group("team-*")], ["teams/{group}/**"], .allow(.push)),
                try rule("capitals", [.authenticated], ["Caps/**"], .allow(.pull)),
            ]
        )
    }

    private func explain(
        _ user: ByteString?,
        _ actions: Actions,
        _ name: ByteString,
        _ tag: ByteString? = nil,
        in groups: [ByteString] = []
    ) throws -> Explanation {
        let memberships = groups.map { GroupMembership(name: $0) }
        let identity =
            user.map { Identity(user: $0, groups: memberships, provider: nil) } ?? .anonymous
        let repository = RepositoryName(validating: name.span)
        let label = tag.flatMap { Tag(validating: $0.span) }
        return try Self.policy().explain(
            Explanation.Question(
                identity,
                actions,
                on: try #require(repository),
                tag: label,
                in: Circumstances(now: Moment(secondsSince1970: 2000))
            )
        )
    }

    @Test("a near miss names the one thing that keeps a rule from matching")
    func nearMisses() throws {
        let table: [(ByteString, Actions, ByteString, ByteString?, String, String)] = [
            (
                "bob", .pull, "users/a/b", nil, "users",
                "`users/*` would match if it were `users/**`"
            ),
            ("Bob@x", .push, "own/bob/a", nil, "own", "{user} is one part of a name"),
            ("ci", .create, "prod/a", "latest", "ci", "only tags `v*`"),
            ("ci", .create, "net/a", nil, "inside", "only from 10.8.0.0/16, and no address"),
            ("ci", .create, "old/a", nil, "bygone", "until 1970-01-01T00:16:40Z, which has passed"),
            ("bob", .delete, "prod/a", nil, "operators", "who is group:platform, which bob is not"),
            ("ann", .delete, "prod/a", nil, "frozen", "except group:platform leaves ann out"),
        ]
        for (user, actions, name, tag, id, reason) in table {
            let misses = try explain(user, actions, name, tag).nearMisses
            let found = misses.filter { $0.rule.id == id }.map(\.reason)
            #expect(found.first?.contains(reason) == true, "\(user) \(name): \(misses)")
        }
    }

    @Test("capitals, variables and depth are near misses that say so")
    func nearNames() throws {
        let table: [(ByteString?, [ByteString], Actions, ByteString, ByteString?, String, String)] =
            [
                (
                    "CI", [], .create, "prod/a", "v1", "ci",
                    "who is user:ci, which CI is not (capitals count"
                ),
                (
                    "dave", ["Platform"], .delete, "prod/a", nil, "operators",
                    "who is group:platform, which dave is not (capitals count"
                ),
                (
                    "bob", [], .pull, "caps/a", nil, "capitals",
                    "`Caps/**` would match if it were `caps/**`"
                ),
                (
                    "ann", [], .push, "own/bob/a", nil, "own",
                    "`own/{user}/**` is about bob here, and {user} is ann"
                ),
                (
                    "ann", [], .push, "own/ann", nil, "own",
                    "is what lies below `own/{user}`, not `own/{user}` itself"
                ),
                (nil, [], .push, "own/ann/a", nil, "own", "who is authenticated, which anonymous"),
                (
                    "dave", ["team-web", "all"], .push, "teams/team-db/a", nil, "teams",
                    "`teams/{group}/**` is about team-db here, and {group} is team-web"
                ),
                (
                    "dave", ["all"], .push, "teams/team-db/a", nil, "teams",
                    "who is group:team-*, which dave is not"
                ),
                (
                    "dave", ["team-Web x"], .push, "teams/team-web/a", nil, "teams",
                    "{group} is one part of a name, which team-Web x cannot be"
                ),
            ]
        for (user, groups, actions, name, tag, id, reason) in table {
            let explanation = try explain(user, actions, name, tag, in: groups)
            let found = explanation.nearMisses.filter { $0.rule.id == id }.map(\.reason)
            #expect(found.first?.contains(reason) == true, "\(name): \(explanation.nearMisses)")
        }
    }

    @Test("a rule that differs in two things is near nothing")
    func farMisses() throws {
        let misses = try explain("bob", .create, "net/a").nearMisses
        #expect(misses.map(\.rule.id) == [])
    }

    @Test("a deny for some tags says why it takes a delete that names no tag")
    func untaggedDelete() throws {
        let rules = [
            rule("clean", ["anyone"], ["**"], .allow(.all)),
            rule("old", ["anyone"], ["**"], .deny(.delete)),
            rule("kept", ["anyone"], ["**"], tags: ["v*", "@referrers"], .deny([.push, .delete])),
        ]
        let policy = AccessPolicy(rules: rules)
        let name = RepositoryName(validating: ("a" as ByteString).span)
        let repository = try #require(name)
        func notes(_ actions: Actions, _ tag: RegistryAPI.Tag?) -> [String?] {
            let question = Explanation.Question(
                .anonymous, actions, on: repository, tag: tag, in: Circumstances())
            return policy.explain(question).deny.map(\.note)
        }
        let note =
            "no tag was asked about: layers and untagged manifests may be part of tags `v*`, "
            + "`@referrers`"
        #expect(notes(.all, nil) == [nil, note])
        #expect(notes(.delete, nil) == [nil, note])
        #expect(notes(.delete, tag("v1")) == [nil, nil])
        #expect(notes(.push, nil) == [])
    }

    @Test("what matches is told apart by what was asked")
    func matching() throws {
        let denied = try explain("ci", .overwrite, "prod/a", "v1")
        #expect(!denied.isAllowed)
        #expect(denied.deny.map(\.rule.id) == ["frozen"])
        #expect(denied.allow.map(\.rule.id) == [])
        #expect(denied.others.map(\.rule.id) == ["ci"])
        #expect(denied.because == "never")
        let allowed = try explain("ann", [.pull, .push], "prod/a", "v1")
        #expect(allowed.isAllowed)
        #expect(allowed.because == nil)
        #expect(allowed.groups.map(\.name) == ["platform"])
        let part = try explain("ci", .push, "prod/a", "v1")
        #expect(!part.isAllowed)
        #expect(part.granted == .create)
    }
}
