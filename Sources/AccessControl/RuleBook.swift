import Bytes
import RegistryAPI

/// The compiled form of a policy: names become numbers, patterns become code, and all of it lies in
/// few flat arrays.
///
/// Who matches is found once per decision: one look at the user's entry gives the number of the
/// name and the groups. Then each rule costs a few comparisons of numbers, and only a rule for this
/// identity looks at the repository.
struct RuleBook: Sendable {
    /// One rule. Ranges are of `terms` and `patterns`.
    struct Rule {
        var isDeny: Bool
        var actions: Actions
        var who: Range<Int>
        var except: Range<Int>
        var patterns: Range<Int>
    }

    /// One subject, with names as numbers.
    enum Term {
        case anyone, anonymous, authenticated
        case user(Int)
        /// An index of `groupSubjects`.
        case group(Int)
    }

    struct User {
        /// Equal to that in `Term.user`.
        var number: Int
        /// The groups written for the user: a range of `memberships`.
        var memberships: Range<Int>
    }

    /// A group under `access.groups`.
    struct Group {
        var name: ByteString
        /// The group subjects that it satisfies: a range of `satisfied`.
        var satisfied: Range<Int>
    }

    var rules: [Rule] = []
    var terms: [Term] = []
    var patterns: [CompiledPattern] = []
    var code = PatternCode()
    var users: [ByteString: User] = [:]
    /// Indexes of `groups`.
    var memberships: [Int] = []
    var groups: [Group] = []
    /// Indexes of `groupSubjects`.
    var satisfied: [Int] = []
    var groupNames: Set<ByteString> = []
    /// The names in all `group:` subjects, each once.
    var groupSubjects: [ByteString] = []
    /// Those of them without `*`.
    var plainGroupSubjects: [ByteString: Int] = [:]
    /// Those with it.
    var wildcardGroupSubjects: [Int] = []

    func decide(
        _ identity: Identity,
        _ repository: borrowing Span<UInt8>,
        into decision: inout Decision
    ) {
        decision.reset(groupSubjectCount: groupSubjects.count)
        let user = identity.user.flatMap { users[$0] }
        markGroups(of: identity, user, in: &decision)
        var allowed: Actions = []
        var denied: Actions = []
        for index in rules.indices {
            let rule = rules[index]
            guard holds(rule.who, identity, user, decision),
                !holds(rule.except, identity, user, decision),
                matches(rule, identity, user, repository)
            else { continue }
            if rule.isDeny {
                denied.formUnion(rule.actions)
                decision.deny.append(index)
            } else {
                allowed.formUnion(rule.actions)
                decision.allow.append(index)
            }
        }
        decision.granted = allowed.subtracting(denied)
    }

    /// Notes which group subjects hold: by the groups written for the user, and by those of the
    /// directory whose names are not written.
    private func markGroups(of identity: Identity, _ user: User?, in decision: inout Decision) {
        if let user {
            for membership in user.memberships {
                for position in groups[memberships[membership]].satisfied {
                    decision.setGroupSubject(satisfied[position])
                }
            }
        }
        guard !groupSubjects.isEmpty else { return }
        for name in identity.groups where !groupNames.contains(name) {
            if let subject = plainGroupSubjects[name] { decision.setGroupSubject(subject) }
            for subject in wildcardGroupSubjects
            where groupSubjects[subject].matchesGroup(name.span) {
                decision.setGroupSubject(subject)
            }
        }
    }

    /// Whether one of the terms in `range` is this identity.
    private func holds(
        _ range: Range<Int>,
        _ identity: Identity,
        _ user: User?,
        _ decision: borrowing Decision
    ) -> Bool {
        for index in range {
            switch terms[index] {
            case .anyone: return true
            case .anonymous: if identity.isAnonymous { return true }
            case .authenticated: if !identity.isAnonymous { return true }
            case .user(let number): if let user, user.number == number { return true }
            case .group(let subject): if decision.hasGroupSubject(subject) { return true }
            }
        }
        return false
    }

    private func matches(
        _ rule: Rule,
        _ identity: Identity,
        _ user: User?,
        _ repository: borrowing Span<UInt8>
    ) -> Bool {
        let none = Span<UInt8>()
        for index in rule.patterns {
            let pattern = patterns[index]
            if pattern.usesGroup {
                if matchesWithAGroup(pattern, rule, identity, user, repository) { return true }
            } else if let name = identity.user {
                if code.matches(pattern, repository, user: name.span, group: none) { return true }
            } else if code.matches(pattern, repository, user: none, group: none) {
                return true
            }
        }
        return false
    }
}
