import AccessControl
import Bytes
import Testing

@Suite struct DecisionTests {
    /// The rules of the example in `access.md`, as far as tags and networks do not matter.
    static let example = AccessPolicy(
        groups: ["platform": ["ann", "bob"], "team-db": ["dora"]],
        rules: [
            rule("public-read", ["anyone"], ["public/**", "library/*"], .allow(.pull)),
            rule("own-space", ["authenticated"], ["users/{user}/**"], .allow([.push, .delete])),
            rule("team-space", ["group:team-*"], ["{group}/**"], .allow(.push)),
            rule("ci-releases", ["user:ci"], ["prod/**"], .allow(.create)),
            rule(
                "releases-are-immutable", ["anyone"], except: ["group:platform"], ["prod/**"],
                .deny([.overwrite, .delete]), because: "release tags never change"
            ),
            rule("operators", ["group:platform"], ["**"], .allow(.all)),
        ]
    )

    @Test(
        "the example of the contract decides as it says",
        arguments: [
            (.anonymous, "public/base", .pull), (.anonymous, "library/a", .pull),
            (.anonymous, "library/a/b", []),
            (.anonymous, "users/ann/x", []), (.anonymous, "prod/api", []),
            (user("ci"), "prod/api", [.pull, .create]),
            (user("ci"), "public/base", .pull), (user("ci"), "users/ci/x", .all),
            (user("ci"), "users/ann/x", []),
            (user("ann"), "prod/api", .all), (user("ann"), "anything", .all),
            (user("eve"), "anything", []),
            (user("dave", in: "team-web"), "team-web/api", [.pull, .push]),
            (user("dave", in: "team-web"), "team-db/x", []),
            (user("dora"), "team-db/x", [.pull, .push]),
            (user("eve", in: "team-db"), "team-db/x", []),
            (user("eve", in: "platform"), "anything", []), (user("Ann"), "anything", []),
            (user("ann "), "anything", []),
        ] as [(Identity, String, Actions)]
    )
    func contract(identity: Identity, repository: String, expected: Actions) {
        #expect(Self.example.granted(identity, repository) == expected)
    }

    @Test("create and overwrite imply pull, in allow rules only and before denies")
    func impliedPull() {
        func granted(_ effects: AccessRule.Effect...) -> Actions {
            let rules = effects.enumerated().map {
                rule("r\($0.offset)", ["anyone"], ["**"], $0.element)
            }
            return AccessPolicy(groups: [:], rules: rules).granted(.anonymous, "a")
        }
        #expect(granted() == [])
        #expect(granted(.allow(.create)) == [.pull, .create])
        #expect(granted(.allow(.overwrite)) == [.pull, .overwrite])
        #expect(granted(.allow(.push)) == [.pull, .create, .overwrite])
        #expect(granted(.allow(.delete)) == .delete)
        #expect(granted(.allow(.all)) == .all)
        #expect(granted(.allow(.push), .deny(.push)) == .pull)
        #expect(granted(.allow(.push), .deny(.pull)) == .push)
        #expect(granted(.allow(.all), .deny(.overwrite)) == [.pull, .create, .delete])
        #expect(granted(.allow(.all), .deny(.all)) == [])
        #expect(granted(.deny(.create)) == [])
    }

    @Test(
        "a subject means these identities",
        arguments: [
            ("anyone", [.anonymous, user("ann"), user("bob", in: "web")], []),
            ("anonymous", [.anonymous], [user("ann"), user("anonymous")]),
            ("authenticated", [user("ann"), user("bob")], [.anonymous]),
            (
                "user:ann", [user("ann")],
                [.anonymous, user("anna"), user("an"), user("ANN"), user("bob", in: "ann")]
            ),
            (
                "group:web", [user("bob", in: "web"), user("bob", in: "x", "web")],
                [.anonymous, user("web"), user("bob", in: "we", "webs", "Web")]
            ),
            (
                "group:w*b", [user("bob", in: "wb"), user("bob", in: "wxxb")],
                [user("bob", in: "wbx"), user("bob")]
            ),
            (
                "group:*", [user("bob", in: "x"), user("carl")],
                [user("bob"), user("bob", in: "written"), .anonymous]
            ),
            ("group:written", [user("carl")], [user("bob", in: "written"), user("carla")]),
            ("group:w*n", [user("carl"), user("bob", in: "wn")], [user("bob", in: "written")]),
        ] as [(String, [Identity], [Identity])]
    )
    func subjects(who: String, those: [Identity], others: [Identity]) {
        let groups: [ByteString: [ByteString]] = ["written": ["carl", "carl"], "empty": []]
        let allowing = AccessPolicy(
            groups: groups, rules: [rule("r", [who], ["**"], .allow(.pull))])
        let sparing = AccessPolicy(
            groups: groups,
            rules: [rule("r", ["anyone"], except: [who], ["**"], .allow(.pull))]
        )
        for identity in those {
            #expect(allowing.granted(identity, "a") == .pull, "\(identity)")
            #expect(sparing.granted(identity, "a") == [], "\(identity)")
        }
        for identity in others {
            #expect(allowing.granted(identity, "a") == [], "\(identity)")
            #expect(sparing.granted(identity, "a") == .pull, "\(identity)")
        }
    }

    @Test("{group} is each group by which the rule matches, in turn, and no other")
    func groupVariable() {
        let policy = AccessPolicy(
            groups: ["team-a": ["ann"], "team-b": ["ann"], "other": ["ann"]],
            rules: [
                rule("r", ["group:team-*", "user:eve"], ["{group}/**", "{group}"], .allow(.pull))
            ]
        )
        for repository in ["team-a/x", "team-b/x/y", "team-a"] {
            #expect(policy.granted(user("ann"), repository) == .pull)
            #expect(policy.granted(user("eve"), repository) == [])
            #expect(policy.granted(user("bob", in: "team-a", "team-b"), repository) == [])
        }
        #expect(policy.granted(user("ann"), "other/x") == [])
        #expect(policy.granted(user("bob", in: "team-c"), "team-c/x") == .pull)
        #expect(policy.granted(user("bob", in: "team-**"), "team-c/x") == [])
        #expect(policy.granted(user("bob", in: "team-c/x"), "team-c/x") == [])
        #expect(policy.granted(user("eve"), "group/x") == [])
    }

    @Test("the matching rules are named, allow and deny apart")
    func lists() {
        let ci = Self.example.decision(user("ci"), "prod/api")
        #expect(ci.allow.map { Self.example.rules[$0.rule].id } == ["ci-releases"])
        #expect(ci.deny.map { Self.example.rules[$0.rule].id } == ["releases-are-immutable"])
        let nobody = Self.example.decision(.anonymous, "x")
        #expect(nobody.allow == [] && nobody.deny == [] && nobody.granted == [])
    }

    @Test("the catalog shows what may be pulled, and nothing that is no name")
    func catalog() {
        var scratch = Decision()
        func shows(_ identity: Identity, _ name: String) -> Bool {
            Self.example.mayPull(
                identity, Array(name.utf8).span, in: Circumstances(), scratch: &scratch)
        }
        #expect(shows(.anonymous, "public/base") && !shows(.anonymous, "prod/api"))
        #expect(shows(user("ann"), "prod/api") && !shows(user("ann"), "Prod/api"))
        #expect(!shows(user("ann"), "../etc") && !shows(user("ann"), ""))
    }

    @Test(
        "whether anonymous may pull anything at all",
        arguments: [
            (rule("r", ["anyone"], ["a"], .allow(.pull)), true),
            (rule("r", ["anonymous"], ["a"], .allow(.push)), true),
            (rule("r", ["anyone"], ["a"], .allow(.delete)), false),
            (rule("r", ["authenticated"], ["a"], .allow(.pull)), false),
            (rule("r", ["anyone"], except: ["anonymous"], ["a"], .allow(.pull)), false),
            (rule("r", ["anyone"], except: ["user:x"], ["a"], .allow(.pull)), true),
            (rule("r", ["anyone"], ["u/{user}"], .allow(.pull)), false),
            (rule("r", ["anyone"], ["{x,{user}}"], .allow(.pull)), true),
            (rule("r", ["anyone"], ["a"], .deny(.pull)), false),
            (rule("r", ["user:x", "group:y"], ["a"], .allow(.pull)), false),
        ]
    )
    func anonymousPull(rule: AccessRule, expected: Bool) {
        #expect(AccessPolicy(groups: [:], rules: [rule]).letsAnonymousPullSomething == expected)
    }

    @Test("without rules everything is denied")
    func empty() {
        #expect(AccessPolicy.empty.granted(user("root"), "a") == [])
        #expect(!AccessPolicy.empty.letsAnonymousPullSomething)
    }

    @Test("more than 64 groups are told apart")
    func manyGroups() {
        let rules = (0..<200).map { rule("r\($0)", ["group:g\($0)"], ["x/r\($0)"], .allow(.pull)) }
        let policy = AccessPolicy(groups: ["g77": ["ann"], "g199": ["ann"]], rules: rules)
        for index in 0..<200 {
            let expected: Actions = index == 77 || index == 199 ? .pull : []
            #expect(policy.granted(user("ann"), "x/r\(index)") == expected)
        }
    }

    @Test(
        "a text that is no subject is refused with a reason",
        arguments: [
            ("", .unknownForm), ("*", .unknownForm), ("team-*", .unknownForm),
            ("everyone", .bareName("everyone")), ("ann", .bareName("ann")),
            ("User:ann", .unknownForm),
            ("users:ann", .unknownForm), ("user:", .emptyName), ("group:", .emptyName),
            ("user:anyone", .reservedUser),
            ("user:anonymous", .reservedUser), ("user:te*", .wildcardInUser),
            ("Anyone", .bareName("Anyone")),
        ] as [(String, SubjectError)]
    )
    func badSubject(text: String, expected: SubjectError) {
        #expect(throws: expected) { try Subject(parsing: ByteString(text)) }
    }

    @Test("rules that make no sense are reported")
    func problems() {
        let rules = [
            rule("a", ["anyone"], ["**"], .allow(.pull)),
            rule("a", ["anyone"], ["**"], .allow(.pull)),
            rule("", ["anyone"], ["**"], .allow(.pull)), rule("b", [], ["**"], .allow(.pull)),
            rule("c", ["anyone"], [], .allow(.pull)), rule("d", ["anyone"], ["**"], .allow([])),
            rule("e", ["user:x"], ["{group}/**"], .allow(.pull)),
            rule("f", ["group:x"], ["{group}/**"], .allow(.pull)),
        ]
        #expect(AccessPolicy.problems(in: rules).map(\.rule) == [1, 2, 3, 4, 5, 6])
    }
}
