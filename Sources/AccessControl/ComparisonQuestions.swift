import Bytes
import RegistryAPI

/// The questions that tell two policies apart, chosen from the rules that are not in both.
struct ComparisonQuestions {
    struct Place {
        let pattern: RepositoryPattern
        let names: [ByteString]
    }

    let subjects: [PolicyComparison.Questioner]
    let tags: [Tag?]
    let circumstances: [Circumstances]
    private(set) var isIncomplete: Bool

    /// Patterns of rules that changed; all patterns without variables, and all with some.
    private let changed: [RepositoryPattern]
    private let fixed: [RepositoryPattern]
    private let variable: [RepositoryPattern]
    private let groupsOfUser: [ByteString: [ByteString]]
    private let stranger: ByteString
    private var searchesLeft: Int
    private var placesLeft: Int
    private var decisionsLeft: Int
    /// Names by pattern, those that lie in another pattern's variables left out.
    private var known: [ByteString: [ByteString]] = [:]
    /// A name that two patterns share; none inside: they share none. With the members of a group
    /// the same two come again and again.
    private var shared: [Set<ByteString>: ByteString?] = [:]

    /// More of one kind would only multiply the questions.
    private static let mostSubjects = 300
    private static let mostTags = 12
    /// Patterns beside one that are looked at.
    private static let mostNeighbours = 24

    init(_ old: AccessPolicy, _ new: AccessPolicy, effort: PolicyComparison.Effort) {
        searchesLeft = effort.searches
        placesLeft = effort.places
        decisionsLeft = effort.decisions
        let rules = Self.changedRules(old, new)
        changed = Self.distinct(rules.flatMap(\.repositories))
        let everyRule = old.rules + new.rules
        let all = rules.isEmpty ? [] : Self.distinct(everyRule.flatMap(\.repositories))
        fixed = all.filter { !$0.usesVariables }
        variable = all.filter(\.usesVariables)
        var groupsOfUser: [ByteString: [ByteString]] = [:]
        for group in old.groups + new.groups {
            for user in group.users where groupsOfUser[user]?.contains(group.name) != true {
                groupsOfUser[user, default: []].append(group.name)
            }
        }
        self.groupsOfUser = groupsOfUser
        // Those of the rules that changed first: the others may be too many.
        let concerned = Self.subjects(rules, [], [])
        let isConcerned = Set(concerned)
        let everybody = Self.subjects(everyRule, old.server + new.server, old.groups + new.groups)
        let named = concerned + everybody.filter { !isConcerned.contains($0) }
        let isServerChanged = Self.signatures(old.server) != Self.signatures(new.server)
        let circumstances = Self.circumstances(
            rules,
            rules.isEmpty ? [] : everyRule,
            enough: effort.circumstances
        )
        self.circumstances = Array(circumstances.prefix(effort.circumstances))
        isIncomplete =
            named.count > Self.mostSubjects || circumstances.count > effort.circumstances
        subjects =
            rules.isEmpty && !isServerChanged
            ? [] : [.anonymous, .unnamedUser] + named.prefix(Self.mostSubjects)
        stranger = Self.stranger(groupsOfUser, named)
        let tagPatterns = rules.flatMap { $0.tags ?? [] } + everyRule.flatMap { $0.tags ?? [] }
        tags = [nil] + Self.tags(tagPatterns)
    }

    func identity(of subject: PolicyComparison.Questioner) -> Identity {
        switch subject {
        case .anonymous: .anonymous
        case .unnamedUser: Identity(user: stranger, provider: nil)
        case .user(let name): Identity(user: name, provider: nil)
        case .member(let group):
            Identity(
                user: stranger,
                groups: [GroupMembership(name: group, source: .argument)],
                provider: nil
            )
        }
    }

    /// - Returns: false if there were enough of them.
    mutating func takeDecision() -> Bool {
        decisionsLeft -= 1
        if decisionsLeft < 0 { isIncomplete = true }
        return decisionsLeft >= 0
    }

    func groups(of user: ByteString) -> [ByteString] { groupsOfUser[user] ?? [] }

    /// The patterns that changed, each with names to ask this subject about.
    mutating func places(for subject: PolicyComparison.Questioner) -> [Place] {
        let looked = changed.prefix(placesLeft)
        placesLeft -= looked.count
        if looked.count < changed.count { isIncomplete = true }
        return looked.map { pattern in
            var names: [ByteString] = []
            for own in values(for: subject, in: pattern) {
                for name in self.names(of: own) + sharedNames(of: own, for: subject)
                where !names.contains(name) { names.append(name) }
            }
            return Place(pattern: pattern, names: names)
        }
    }

    /// A pattern with each value that its variables can have for somebody.
    private func values(
        for subject: PolicyComparison.Questioner,
        in pattern: RepositoryPattern
    ) -> [RepositoryPattern] {
        let (user, groups): (ByteString, [ByteString]) =
            switch subject {
            case .anonymous: ("", [])
            case .unnamedUser: (stranger, [])
            case .user(let name): (name, groupsOfUser[name] ?? [])
            case .member(let group): (stranger, [group])
            }
        let choices = pattern.usesGroup ? groups : [groups.first ?? ""]
        return choices.compactMap { pattern.replacing(user: user, group: $0) }
    }

    /// A name that only this pattern matches, and one for each other without variables that matches
    /// as well.
    private mutating func names(of pattern: RepositoryPattern) -> [ByteString] {
        if let names = known[pattern.text] { return names }
        var neighbours: [RepositoryPattern] = []
        var names: [ByteString] = []
        for other in fixed where other.text != pattern.text {
            if neighbours.count == Self.mostNeighbours {
                isIncomplete = true
                break
            }
            guard let both = name(of: pattern, and: other) else { continue }
            neighbours.append(other)
            if !names.contains(both) { names.append(both) }
        }
        searchesLeft -= 1
        let narrower = neighbours.filter { !pattern.isCovered(by: [$0]) }
        if case .name(let alone) = NameSearch.shortest(matching: [pattern], but: narrower) {
            names.insert(alone, at: 0)
        }
        known[pattern.text] = names
        return names
    }

    /// One for each pattern with variables that matches as well, with this subject's values.
    private mutating func sharedNames(
        of pattern: RepositoryPattern,
        for subject: PolicyComparison.Questioner
    ) -> [ByteString] {
        var names: [ByteString] = []
        for other in variable {
            for value in values(for: subject, in: other) where value.text != pattern.text {
                if let both = name(of: pattern, and: value) { names.append(both) }
            }
        }
        return names
    }

    /// A name that both match; `nil` if there is none, or enough was searched for.
    private mutating func name(
        of pattern: RepositoryPattern,
        and other: RepositoryPattern
    ) -> ByteString? {
        let pair: Set = [pattern.text, other.text]
        if let found = shared[pair] { return found }
        guard searchesLeft > 0 else {
            isIncomplete = true
            return nil
        }
        searchesLeft -= 1
        var both: ByteString?
        if case .name(let name) = NameSearch.shortest(matching: [pattern, other]) { both = name }
        shared[pair] = .some(both)
        return both
    }
}

extension ComparisonQuestions {
    /// The rules that are in one policy only, and those that speak of a group that changed.
    private static func changedRules(_ old: AccessPolicy, _ new: AccessPolicy) -> [AccessRule] {
        let before = Set(old.rules.map(\.signature))
        let after = Set(new.rules.map(\.signature))
        let groups = Set(old.groups).symmetricDifference(new.groups).map(\.name)
        func isChanged(_ rule: AccessRule, _ others: Set<String>) -> Bool {
            if !others.contains(rule.signature) { return true }
            return (rule.who + rule.except).contains { subject in
                guard case .group(let name) = subject else { return false }
                return groups.contains { name.matchesGroup($0.span) }
            }
        }
        return old.rules.filter { isChanged($0, after) }
            + new.rules.filter { isChanged($0, before) }
    }

    private static func signatures(_ grants: [ServerGrant]) -> Set<String> {
        Set(grants.map { "\($0.who) \($0.except) \($0.actions.rawValue)" })
    }

    private static func distinct(_ patterns: [RepositoryPattern]) -> [RepositoryPattern] {
        var seen: Set<ByteString> = []
        return patterns.filter { seen.insert($0.text).inserted }
    }

    private static func distinct<Element: Hashable>(_ elements: [Element]) -> [Element] {
        var seen: Set<Element> = []
        return elements.filter { seen.insert($0).inserted }
    }

    /// Everybody who is named: users, and a member of each group.
    private static func subjects(
        _ rules: [AccessRule],
        _ grants: [ServerGrant],
        _ groups: [WrittenGroup]
    ) -> [PolicyComparison.Questioner] {
        var users: Set<ByteString> = Set(groups.flatMap(\.users))
        var members: Set<ByteString> = Set(groups.map(\.name))
        let subjects =
            rules.flatMap { $0.who + $0.except } + grants.flatMap { $0.who + $0.except }
        for subject in subjects {
            switch subject {
            case .user(let name): users.insert(name)
            // A group that the wildcard takes.
            case .group(let name):
                members.insert(ByteString(name.bytes.map { $0 == 0x2A ? 0x78 : $0 }))
            case .anyone, .anonymous, .authenticated: break
            }
        }
        return members.sorted().map { .member($0) } + users.sorted().map { .user($0) }
    }

    private static func stranger(
        _ groupsOfUser: [ByteString: [ByteString]],
        _ named: [PolicyComparison.Questioner]
    ) -> ByteString {
        var name: ByteString = "someone"
        while groupsOfUser[name] != nil || named.contains(.user(name)) {
            name = ByteString(name.bytes + [0x78])
        }
        return name
    }

    private static func tags(_ patterns: [TagPattern]) -> [Tag] {
        var tags: [Tag] = []
        for text in patterns.map(\.example) + ["x"] where tags.count < mostTags {
            guard let tag = Tag(validating: text.span), !tags.contains(tag) else { continue }
            tags.append(tag)
        }
        return tags
    }

    /// From nowhere in particular and from each network, before and after each date: those of the
    /// rules that changed first. What changed may show only where another rule's condition holds,
    /// or has ceased to. More than `enough` if there are more; how many more is not looked for.
    private static func circumstances(
        _ changed: [AccessRule],
        _ all: [AccessRule],
        enough: Int
    ) -> [Circumstances] {
        let conditions = (changed + all).map(\.condition)
        let networks = distinct(conditions.flatMap(\.from)).prefix(enough)
        let clients = networks.flatMap { network in
            let isHidden = networks.contains {
                $0.prefixLength > network.prefixLength && $0.contains(network.address)
            }
            return isHidden ? [network.address, network.lastAddress] : [network.address]
        }
        let moments = conditions.compactMap(\.until).map {
            Moment(secondsSince1970: $0.secondsSince1970 + 1)
        }
        return ([nil] + distinct(moments).prefix(enough)).flatMap { now in
            ([nil] + distinct(clients)).map { Circumstances(client: $0, now: now) }
        }
    }
}

extension AccessRule {
    /// Equal for rules that decide alike, whatever they are called and wherever they stand.
    fileprivate var signature: String {
        let patterns = repositories.map { "\($0.text)" } + ["|"] + (tags ?? []).map { "\($0.text)" }
        return "\(who) \(except) \(patterns) \(tags == nil) \(effect) \(condition)"
    }
}

extension TagPattern {
    /// A tag that it matches.
    fileprivate var example: ByteString {
        if text == "@referrers" {
            return ByteString("sha256-" + String(repeating: "0", count: 64))
        }
        var tag: [UInt8] = []
        var depth = 0
        var isSkipping = false
        for byte in text.bytes {
            switch byte {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 { isSkipping = false }
            case UInt8(ascii: ",") where depth > 0: isSkipping = true
            case _ where isSkipping: break
            case UInt8(ascii: "*"): if tag.isEmpty { tag.append(0x78) }
            case UInt8(ascii: "?"): tag.append(0x78)
            default: tag.append(byte)
            }
        }
        return ByteString(tag)
    }
}
