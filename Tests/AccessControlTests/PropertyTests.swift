import AccessControl
import Bytes
import HTTPWire
import RegistryAPI
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
        for question in world.questions() {
            #expect(first.granted(question) == second.granted(question))
        }
    }

    @Test("another allow never takes anything away", arguments: seeds)
    func allowAdds(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let first = world.policy(rules)
        let second = world.policy(rules + [world.rule("more", isDeny: false)])
        for question in world.questions() {
            #expect(second.granted(question).isSuperset(of: first.granted(question)))
        }
    }

    @Test("another deny never gives anything", arguments: seeds)
    func denyTakes(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let first = world.policy(rules)
        let second = world.policy(rules + [world.rule("more", isDeny: true)])
        for question in world.questions() {
            #expect(second.granted(question).isSubset(of: first.granted(question)))
        }
    }

    @Test(
        "splitting rules by subject, repository, tag and action changes nothing", arguments: seeds)
    func splitting(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let whole = world.policy(rules)
        let split = world.policy(rules.flatMap(\.split))
        for question in world.questions() {
            #expect(whole.granted(question) == split.granted(question))
        }
    }

    @Test("the compiled rules decide as the plain definition does", arguments: seeds)
    func definition(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let policy = world.policy(rules)
        for question in world.questions() {
            let expected = world.plainDecision(rules, question)
            #expect(policy.granted(question) == expected, "\(question)")
        }
    }

    @Test("an explanation is the decision, whatever is asked for", arguments: seeds)
    func explanations(seed: Int) throws {
        var world = RandomWorld(seed: seed)
        let policy = world.policy(world.rules())
        for question in world.questions().prefix(10) {
            let actions = Actions(rawValue: UInt8(1 + world.random.below(15)))
            let name = RepositoryName(validating: Array(question.name.utf8).span)
            let explanation = policy.explain(
                Explanation.Question(
                    question.identity, actions, on: try #require(name),
                    tag: question.tag.map(tag), in: question.circumstances))
            let decision = policy.decision(question)
            #expect(explanation.isAllowed == decision.granted.isSuperset(of: actions))
            #expect(explanation.granted == decision.granted.intersection(actions))
            func ids(_ matches: [Decision.Match]) -> [String] {
                matches.filter { !$0.actions.isDisjoint(with: actions) }
                    .map { policy.rules[$0.rule].id }
            }
            #expect(explanation.allow.map(\.rule.id) == ids(decision.allow))
            #expect(explanation.deny.map(\.rule.id) == ids(decision.deny))
        }
    }

    @Test("a used decision decides as a fresh one", arguments: 1...20)
    func reuse(seed: Int) {
        var world = RandomWorld(seed: seed)
        var decision = Decision()
        for _ in 0..<5 {
            let policy = world.policy(world.rules())
            for question in world.questions() {
                policy.decide(
                    question.identity, Array(question.name.utf8).span,
                    tag: question.tag.map(tag), in: question.circumstances, into: &decision)
                #expect(decision.granted == policy.granted(question))
            }
        }
    }

    @Test("the lists name exactly the rules without which the answer may differ", arguments: 1...40)
    func lists(seed: Int) {
        var world = RandomWorld(seed: seed)
        let rules = world.rules()
        let policy = world.policy(rules)
        for question in world.questions() {
            let decision = policy.decision(question)
            let listed = (decision.allow + decision.deny).map(\.rule)
            #expect(world.policy(listed.map { rules[$0] }).granted(question) == decision.granted)
            let rest = rules.indices.filter { !listed.contains($0) }.map { rules[$0] }
            let other = world.policy(rest).decision(question)
            #expect(other.allow == [] && other.deny == [])
        }
    }

    @Test("requests are answered, and the catalog filtered, by the decision", arguments: seeds)
    func requests(seed: Int) throws {
        var world = RandomWorld(seed: seed)
        let policy = world.policy(world.rules())
        var scratch = Decision()
        for question in world.questions() {
            let path = "/v2/\(question.name)/manifests/\(question.tag ?? sha256)"
            let granted = policy.granted(question)
            let pull = try operation(.get, path)
            let mayPull = policy.mayPull(
                question.identity, Array(question.name.utf8).span, in: question.circumstances,
                scratch: &scratch)
            #expect(mayPull == granted.contains(.pull))
            #expect(policy.allows(question, pull) == mayPull)
            let delete = policy.allows(question, try operation(.delete, path))
            if let delete { #expect(delete == granted.contains(.delete), "\(question)") }
            #expect(delete != nil || question.tag == nil)
            let push = policy.pushable(question, try operation(.put, path))
            let expected = question.tag == nil ? granted.intersection(.create) : granted
            #expect(push == expected.intersection(.push), "\(question)")
        }
    }
}

/// Users, groups, names and rules from one seed.
struct RandomWorld {
    var random: SeededRandom
    let groups: [ByteString: [ByteString]]

    struct Question: Sendable {
        let identity: Identity
        let name: String
        let tag: String?
        let circumstances: Circumstances
    }

    static let names = ["a", "b", "team-a", "team-b", "u", "v"]
    static let subjects = [
        "anyone", "anonymous", "authenticated", "user:u", "user:v", "group:team-a", "group:team-b",
        "group:team-*", "group:*", "group:dir",
    ]
    static let patterns = [
        "**", "a/**", "*/b", "team-?/*", "{user}/**", "**/{user}", "{group}/**", "a", "{a,b}/{u,v}",
        "{group}/{user}", "**/a", "a/**/b", "*", "{a,{group}}/b", "team-a/**", "team-a", "team-*/u",
        "A/**", "/a", "**/{a,team-?}/u", "{a,b/**}", "team-*/{user}", "*a*/**", "**/*-b/**",
        "?/*/u",
    ]
    static let tags = ["v*", "v1", "latest", "?", "@referrers", "{v1,x}"]
    static let networks = ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32"]

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
        var actions = Actions(rawValue: UInt8(1 + random.below(15)))
        var tags: [String]?
        if random.below(3) == 0 {
            tags = (0...random.below(2)).map { _ in random.pick(Self.tags) }
            if !isDeny { actions.subtract(.pull) }
            if actions.isEmpty { actions = .create }
        }
        return AccessControlTests.rule(
            id,
            (0...random.below(3)).map { _ in random.pick(Self.subjects) },
            except: (0..<random.below(2)).map { _ in random.pick(Self.subjects) },
            (0...random.below(3)).map { _ in random.pick(Self.patterns) },
            tags: tags,
            isDeny ? .deny(actions) : .allow(actions),
            from: random.below(5) == 0 ? [random.pick(Self.networks)] : [],
            until: random.below(5) == 0 ? random.pick(["2027-01-01", "2028-01-01"]) : nil
        )
    }

    mutating func questions() -> [Question] { (0..<60).map { _ in question() } }

    private mutating func question() -> Question {
        let parts = (0...random.below(3)).map { _ in random.pick(Self.names) }
        let identity = random.below(4) == 0 ? Identity.anonymous : somebody()
        let tags = ["v1", "v2", "latest", "x", "sha256-" + String(repeating: "0a", count: 32)]
        return Question(
            identity: identity,
            name: parts.joined(separator: "/"),
            tag: random.below(2) == 0 ? random.pick(tags) : nil,
            circumstances: Circumstances(
                client: random.pick([nil, "10.1.2.3", "10.2.3.4", "2001:db8::1"]).map(address),
                now: random.pick([nil, "2026-06-01", "2027-06-01"]).map(moment)
            )
        )
    }

    private mutating func somebody() -> Identity {
        let groups = ["team-a", "team-b", "dir", "b"].filter { _ in random.below(3) == 0 }
        return Identity(
            user: ByteString(random.pick(["u", "v", "w", "a"])),
            groups: groups.map { GroupMembership(name: ByteString($0)) },
            provider: .ldap
        )
    }

    /// `access.md`, word for word.
    func plainDecision(_ rules: [AccessRule], _ question: Question) -> Actions {
        var allowed: Actions = []
        var denied: Actions = []
        let user = question.identity.user
        let written = groups.filter { $0.value.contains { $0 == user } }.map(\.key)
        let groups =
            written + question.identity.groups.map(\.name).filter { self.groups[$0] == nil }
        for rule in rules where rule.holds(for: question, groups) {
            let isItsTag = rule.coversTag(question.tag)
            switch rule.effect {
            case .allow(let actions):
                if isItsTag { allowed.formUnion(actions) }
                if !actions.isDisjoint(with: .push) { allowed.insert(.pull) }
                if question.tag == nil, actions.contains(.create) { allowed.insert(.create) }
            case .deny(let actions):
                if isItsTag { denied.formUnion(actions) }
                if actions.contains(.pull) { denied.insert(.pull) }
                if question.tag == nil, actions.contains(.delete) { denied.insert(.delete) }
            }
        }
        return allowed.subtracting(denied)
    }
}

extension AccessRule {
    fileprivate func holds(for question: RandomWorld.Question, _ groups: [ByteString]) -> Bool {
        let identity = question.identity
        let matching = who.filter { $0.holds(identity, groups) }
        guard !matching.isEmpty, !except.contains(where: { $0.holds(identity, groups) }) else {
            return false
        }
        let values = groups.filter { group in
            matching.contains {
                if case .group(let name) = $0 { group.isLike(name) } else { false }
            }
        }
        let isCovered = repositories.contains { pattern in
            ([""] + values).contains { group in
                let user = identity.user ?? ""
                return pattern.matches(
                    Array(question.name.utf8).span, user: user.span, group: group.span)
            }
        }
        guard isCovered else { return false }
        if let until = condition.until, let now = question.circumstances.now, now > until {
            return false
        }
        guard !condition.from.isEmpty else { return true }
        return question.circumstances.client.map { client in
            condition.from.contains { $0.contains(client) }
        } ?? false
    }

    fileprivate func coversTag(_ tag: String?) -> Bool {
        guard let tags else { return true }
        guard let tag else { return false }
        return tags.contains { $0.matches(Array(tag.utf8).span) }
    }

    /// The same rule as one for each subject, pattern, tag and action.
    fileprivate var split: [AccessRule] {
        let isDeny = if case .deny = effect { true } else { false }
        let single: [Actions] = [.pull, .create, .overwrite, .delete].filter(
            effect.actions.contains)
        let tags = self.tags.map { $0.map { [$0] as [TagPattern]? } } ?? [nil]
        return who.flatMap { subject in
            repositories.flatMap { pattern in
                tags.flatMap { tags in
                    single.map { action in
                        AccessRule(
                            id: id, who: [subject], except: except, repositories: [pattern],
                            tags: tags, effect: isDeny ? .deny(action) : .allow(action),
                            condition: condition, position: position
                        )
                    }
                }
            }
        }
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

extension AccessPolicy {
    func decision(_ question: RandomWorld.Question) -> Decision {
        decision(
            question.identity, question.name, tag: question.tag, in: question.circumstances)
    }

    func granted(_ question: RandomWorld.Question) -> Actions { decision(question).granted }

    /// `nil`: it hangs on what the registry holds.
    fileprivate func allows(
        _ question: RandomWorld.Question,
        _ operation: RegistryOperation
    ) -> Bool? {
        var scratch = Decision()
        switch authorize(
            question.identity, operation, in: question.circumstances, scratch: &scratch)
        {
        case .permitted: return true
        case .denied: return false
        default: return nil
        }
    }

    /// What a push may do: `create` if a new tag, `overwrite` if another one is let through.
    fileprivate func pushable(
        _ question: RandomWorld.Question,
        _ operation: RegistryOperation
    ) -> Actions {
        var may: Actions = []
        for (state, action) in [(TagState.new, Actions.create), (.other, .overwrite)] {
            var scratch = Decision()
            switch authorize(
                question.identity, operation, in: question.circumstances, scratch: &scratch)
            {
            case .push(let push):
                if push.tags.isEmpty { return .create }
                do throws(Denial) {
                    _ = try push.settled(by: [state])
                    may.insert(action)
                } catch {}
            default: break
            }
        }
        return may
    }
}
