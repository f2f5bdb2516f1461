import Bytes

/// Finds rules that can never change a decision, because of what other rules say.
///
/// What it finds is so; there may be more that it does not find, because it compares what is
/// written, not all that could follow from it. The work is bounded: beyond, it finds nothing more.
struct RuleCoverage {
    private let rules: [AccessRule]
    private let allows: PatternTable
    private let denies: PatternTable

    init(_ rules: [AccessRule]) {
        self.rules = rules
        allows = PatternTable(rules, where: { !$0.isDeny })
        denies = PatternTable(rules, where: \.isDeny)
    }

    /// How many pairs of rules are compared for one rule and one reason.
    private static let mostComparisons = 200

    /// - Returns: the reason, if `index` can never change a decision.
    func whyPointless(_ index: Int) -> String? {
        let rule = rules[index]
        if rule.who.allSatisfy({ rule.except.contains($0) }) {
            return "except takes out all of who"
        }
        guard let first = rule.repositories.first, let subject = rule.who.first else { return nil }
        let same = rule.isDeny ? denies : allows
        for other in same.rules(asWideAs: first, for: subject).prefix(Self.mostComparisons)
        where other != index && rules[other].covers(rule) {
            // Of two that say the same, the second is the one too many.
            if other < index || !rule.covers(rules[other]) {
                return "\(name(other)) says all of it"
            }
        }
        if rule.isDeny {
            return hasNothingToTake(rule) ? "no rule allows any of it" : nil
        }
        for other in denies.rules(asWideAs: first, for: subject).prefix(Self.mostComparisons)
        where rules[other].tags == nil && rules[other].covers(rule) {
            return "\(name(other)) denies all of it"
        }
        return nil
    }

    private func name(_ index: Int) -> String {
        "rule \"\(rules[index].id)\" in line \(rules[index].position.line)"
    }

    private func hasNothingToTake(_ rule: AccessRule) -> Bool {
        var budget = Self.mostComparisons
        for pattern in rule.repositories {
            for other in allows.runs(near: pattern.prefix).joined() {
                budget -= 1
                if budget < 0 || rules[other].mayMeet(rule) { return false }
            }
        }
        return true
    }
}

/// Rules by the texts and by the literal beginnings of their patterns.
private struct PatternTable {
    private var byText: [Key: [Int]] = [:]
    private var byPrefix: [ByteString: [Int]] = [:]
    /// Ascending.
    private var prefixes: [ByteString] = []
    private let wildcardNames: [ByteString]
    /// Their numbers are indexes of `wildcardNames`.
    private let wildcards: GroupWildcards

    private struct Key: Hashable {
        let text: ByteString
        let subject: Subject
    }

    init(_ rules: [AccessRule], where isIn: (AccessRule) -> Bool) {
        var wildcardNames: Set<ByteString> = []
        for (index, rule) in rules.enumerated() where isIn(rule) {
            let who = Set(rule.who)
            for case .group(let name) in who where name.hasWildcard { wildcardNames.insert(name) }
            for text in Set(rule.repositories.map(\.text)) {
                for subject in who {
                    byText[Key(text: text, subject: subject), default: []].append(index)
                }
            }
            for prefix in Set(rule.repositories.map(\.prefix)) {
                byPrefix[prefix, default: []].append(index)
            }
        }
        prefixes = byPrefix.keys.sorted()
        self.wildcardNames = Array(wildcardNames)
        wildcards = GroupWildcards(
            self.wildcardNames.enumerated().map {
                GroupWildcards.Wildcard(number: $0.offset, name: $0.element)
            }
        )
    }

    /// Those that may cover a rule with this pattern for `subject`: they have the same pattern, or
    /// everything below one of its beginnings, and are for that subject or more.
    func rules(asWideAs pattern: RepositoryPattern, for subject: Subject) -> [Int] {
        var texts: Set = [pattern.text, "**"]
        let prefix = pattern.prefix.bytes
        for index in prefix.indices where prefix[index] == UInt8(ascii: "/") {
            texts.insert(ByteString(prefix[...index] + Array("**".utf8)))
        }
        var wider: Set<Subject> = [subject, .anyone, .authenticated]
        if case .group(let name) = subject, !name.hasWildcard {
            wildcards.forEach(matching: name.span) { wider.insert(.group(wildcardNames[$0])) }
        }
        var found: Set<Int> = []
        for text in texts {
            for subject in wider {
                found.formUnion(byText[Key(text: text, subject: subject)] ?? [])
            }
        }
        return found.sorted()
    }

    /// Runs of those with a pattern that begins with a beginning of `prefix`, or that `prefix` is a
    /// beginning of: only they can match a name that a pattern with that prefix matches.
    func runs(near prefix: ByteString) -> [[Int]] {
        var runs = (0...prefix.count).compactMap {
            byPrefix[ByteString(Array(prefix.bytes[..<$0]))]
        }
        var low = 0
        var high = prefixes.count
        while low < high {
            let middle = (low + high) / 2
            if prefixes[middle] <= prefix { low = middle + 1 } else { high = middle }
        }
        while low < prefixes.count, prefixes[low].bytes.starts(with: prefix.bytes) {
            runs.append(byPrefix[prefixes[low]] ?? [])
            low += 1
        }
        return runs
    }
}

extension AccessRule {
    fileprivate var isDeny: Bool { if case .deny = effect { true } else { false } }

    /// With the implied pull where it allows.
    fileprivate var fullActions: Actions {
        switch effect {
        case .allow(let actions): actions.withImpliedPull
        case .deny(let actions): actions
        }
    }

    /// Whether this rule matches whenever `other` does, and names all its actions.
    fileprivate func covers(_ other: AccessRule) -> Bool {
        fullActions.isSuperset(of: other.fullActions)
            && except.allSatisfy { other.except.contains($0) }
            && condition.covers(other.condition)
            && coversTags(of: other)
            && other.who.allSatisfy { subject in who.contains { $0.covers(subject) } }
            && other.repositories.allSatisfy { pattern in
                repositories.contains { $0.covers(pattern) }
            }
            // `{group}` depends on who, so there only the same will do.
            && (who == other.who
                || !(repositories + other.repositories).contains(where: \.usesGroup))
    }

    private func coversTags(of other: AccessRule) -> Bool {
        guard let tags else { return true }
        guard let others = other.tags else { return false }
        return others.allSatisfy { tag in tags.contains { $0.text == tag.text } }
    }

    /// Whether there may be a request that both rules match, for one action of both.
    fileprivate func mayMeet(_ other: AccessRule) -> Bool {
        !fullActions.isDisjoint(with: other.fullActions)
            && who.contains { subject in other.who.contains { $0.mayMeet(subject) } }
            && repositories.contains { pattern in
                other.repositories.contains { $0.mayMeet(pattern) }
            }
    }
}

extension RuleCondition {
    fileprivate func covers(_ other: RuleCondition) -> Bool {
        if let until {
            guard let end = other.until, end <= until else { return false }
        }
        if from.isEmpty { return true }
        return !other.from.isEmpty
            && other.from.allSatisfy { network in
                from.contains {
                    $0.prefixLength <= network.prefixLength && $0.contains(network.address)
                }
            }
    }
}

extension Subject {
    /// Whether whoever is `other` is this, too.
    fileprivate func covers(_ other: Subject) -> Bool {
        if self == other { return true }
        switch (self, other) {
        case (.anyone, _): return true
        case (.authenticated, .user), (.authenticated, .group): return true
        case (.group(let pattern), .group(let name)):
            return !name.hasWildcard && pattern.matchesGroup(name.span)
        default: return false
        }
    }

    /// Whether somebody may be both.
    fileprivate func mayMeet(_ other: Subject) -> Bool {
        switch (self, other) {
        case (.user(let one), .user(let two)): one == two
        case (.anonymous, .user), (.anonymous, .group), (.anonymous, .authenticated),
            (.user, .anonymous), (.group, .anonymous), (.authenticated, .anonymous):
            false
        default: true
        }
    }
}

extension RepositoryPattern {
    /// The bytes that every match begins with.
    fileprivate var prefix: ByteString { ByteString(Array(code.prefix(of: compiled))) }

    /// Whether every name that `other` matches is matched by this, as far as it is easy to see.
    fileprivate func covers(_ other: RepositoryPattern) -> Bool {
        if text == other.text { return true }
        switch compiled.rest {
        case .nothing, .states: return false
        // One or more parts behind the prefix: what `other` has behind it is never nothing, as
        // long as no name ends with the prefix.
        case .anything:
            let own = prefix.bytes
            return other.prefix.bytes.starts(with: own)
                && (own.isEmpty || own.last == UInt8(ascii: "/"))
        }
    }

    /// Whether there may be a name that both match.
    fileprivate func mayMeet(_ other: RepositoryPattern) -> Bool {
        let (one, two) = (prefix.bytes, other.prefix.bytes)
        guard one.starts(with: two) || two.starts(with: one) else { return false }
        // Two whole names.
        if case .nothing = compiled.rest, case .nothing = other.compiled.rest { return one == two }
        return true
    }
}
