import AccessControl
import Bytes
import Testing

/// The promises of `access.md`, "Decision", over random rule sets. A failure names its seed.
@Suite struct PropertyTests {
    static let seeds = 1...150

    @Test("the order of the rules never matters", arguments: seeds)
    func order(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let first = world.policy(rules)
        let second = world.policy(rules.shuffled(using: &world.random))
        for (identity, name) in world.questions() {
            #expect(first.granted(identity, name) == second.granted(identity, name))
        }
    }

    @Test("another allow never takes anything away", arguments: seeds)
    func allowAdds(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let first = world.policy(rules)
        let second = world.policy(rules + [world.rule("more", isDeny: false)])
        for (identity, name) in world.questions() {
            #expect(second.granted(identity, name).isSuperset(of: first.granted(identity, name)))
        }
    }

    @Test("another deny never gives anything", arguments: seeds)
    func denyTakes(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let first = world.policy(rules)
        let second = world.policy(rules + [world.rule("more", isDeny: true)])
        for (identity, name) in world.questions() {
            #expect(second.granted(identity, name).isSubset(of: first.granted(identity, name)))
        }
    }

    @Test("splitting rules by subject, repository and action changes nothing", arguments: seeds)
    func splitting(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let whole = world.policy(rules)
        let split = world.policy(rules.flatMap(\.split))
        for (identity, name) in world.questions() {
            #expect(whole.granted(identity, name) == split.granted(identity, name))
        }
    }

    @Test("the compiled rules decide as the plain definition does", arguments: seeds)
    func definition(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let policy = world.policy(rules)
        for (identity, name) in world.questions() {
            let expected = world.plainDecision(rules, identity, name)
            #expect(policy.granted(identity, name) == expected, "\(identity) \(name)")
        }
    }

    @Test("a used decision decides as a fresh one", arguments: 1...20)
    func reuse(seed: Int) {
        var world = RandomWorld(seed: seed)
        var decision = Decision()
        for _ in 0..<5 {
            let policy = world.policy(world.rules())
            for (identity, name) in world.questions() {
                policy.decide(
                    identity, Array(name.utf8).span, in: Circumstances(), into: &decision)
                #expect(decision.granted == policy.granted(identity, name))
            }
        }
    }
}

/// Users, groups, names and rules from one seed.
struct RandomWorld {
    var random: SeededRandom
    let groups: [ByteString: [ByteString]]

    static let names = ["a", "b", "team-a", "team-b", "u", "v"]
    static let subjects = [
        "anyone", "anonymous", "authenticated", "user:u", "user:v", "group:team-a", "group:team-b",
        "group:team-*", "group:*", "group:dir",
    ]
    static let patterns = [
        "**", "a/**", "*/b", "team-?/*", "{user}/**", "**/{user}", "{group}/**", "a", "{a,b}/{u,v}",
        "{group}/{user}", "**/a", "a/**/b", "*", "{a,{group}}/b",
    ]

    init(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var groups: [ByteString: [ByteString]] = [:]
        for name in ["team-a", "team-b", "a"] where random.below(3) > 0 {
            groups[ByteString(name)] = ["u", "v"].filter { _ in random.below(2) == 0 }
        }
        self.groups = groups
        self.random = random
    }

    func policy(_ rules: [AccessRule]) -> AccessPolicy {
        AccessPolicy(groups: groups, rules: rules)
    }

    mutating func rules() -> [AccessRule] {
        (0..<random.below(12)).map { rule("r\($0)", isDeny: random.below(3) == 0) }
    }

    mutating func rule(_ id: String, isDeny: Bool) -> AccessRule {
        let actions = Actions(rawValue: UInt8(1 + random.below(15)))
        return AccessControlTests.rule(
            id,
            (0...random.below(3)).map { _ in random.pick(Self.subjects) },
            except: (0..<random.below(2)).map { _ in random.pick(Self.subjects) },
            (0...random.below(3)).map { _ in random.pick(Self.patterns) },
            isDeny ? .deny(actions) : .allow(actions)
        )
    }

    mutating func questions() -> [(Identity, String)] {
        (0..<60).map { _ in
            let parts = (0...random.below(3)).map { _ in random.pick(Self.names) }
            let name = parts.joined(separator: "/")
            guard random.below(4) > 0 else { return (.anonymous, name) }
            let groups = ["team-a", "team-b", "dir", "b"].filter { _ in random.below(3) == 0 }
            let user = ByteString(random.pick(["u", "v", "w", "a"]))
            let names = groups.map { GroupMembership(name: ByteString($0)) }
            return (Identity(user: user, groups: names, provider: .ldap), name)
        }
    }

    /// `access.md`, "Decision", word for word.
    func plainDecision(_ rules: [AccessRule], _ identity: Identity, _ name: String) -> Actions {
        var allowed: Actions = []
        var denied: Actions = []
        let written = groups.filter { $0.value.contains { $0 == identity.user } }.map(\.key)
        let groups = written + identity.groups.map(\.name).filter { self.groups[$0] == nil }
        for rule in rules {
            let matching = rule.who.filter { $0.holds(identity, groups) }
            guard !matching.isEmpty, !rule.except.contains(where: { $0.holds(identity, groups) })
            else { continue }
            let values = groups.filter { group in
                matching.contains {
                    if case .group(let name) = $0 { group.isLike(name) } else { false }
                }
            }
            let isCovered = rule.repositories.contains { pattern in
                ([""] + values).contains { group in
                    let user = identity.user ?? ""
                    return pattern.matches(
                        Array(name.utf8).span, user: user.span, group: group.span)
                }
            }
            guard isCovered else { continue }
            switch rule.effect {
            case .allow(let actions):
                allowed.formUnion(actions)
                if !actions.isDisjoint(with: .push) { allowed.insert(.pull) }
            case .deny(let actions): denied.formUnion(actions)
            }
        }
        return allowed.subtracting(denied)
    }
}

extension Subject {
    fileprivate func holds(_ identity: Identity, _ groups: [ByteString]) -> Bool {
        switch self {
        case .anyone: true
        case .anonymous: identity.isAnonymous
        case .authenticated: !identity.isAnonymous
        case .user(let name): identity.user == name
        case .group(let name): groups.contains { $0.isLike(name) }
        }
    }
}

extension ByteString {
    /// One `*` at the end at most.
    fileprivate func isLike(_ name: ByteString) -> Bool {
        guard name.bytes.last == UInt8(ascii: "*") else { return self == name }
        return bytes.starts(with: name.bytes.dropLast())
    }
}

extension AccessRule {
    /// The same rule as one for each subject, pattern and action.
    fileprivate var split: [AccessRule] {
        let isDeny = if case .deny = effect { true } else { false }
        let single: [Actions] = [.pull, .create, .overwrite, .delete].filter(
            effect.actions.contains)
        return who.flatMap { subject in
            repositories.flatMap { pattern in
                single.map { action in
                    AccessRule(
                        id: id, who: [subject], except: except, repositories: [pattern],
                        effect: isDeny ? .deny(action) : .allow(action), position: position
                    )
                }
            }
        }
    }
}
