public import Bytes

extension AccessPolicy {
    /// The users whom rules, grants and groups name, each with its place, as often as they do.
    ///
    /// Where all users are known, one that is not among them is probably misspelt: a deny that
    /// should take something from somebody then takes nothing from nobody.
    public var namedUsers: [(place: LintFinding.Place, user: ByteString)] {
        var found: [(place: LintFinding.Place, user: ByteString)] = []
        func look(at subjects: [Subject], _ place: (Int) -> LintFinding.Place) {
            for (position, subject) in subjects.enumerated() {
                if case .user(let name) = subject { found.append((place(position), name)) }
            }
        }
        for (index, group) in groups.enumerated() {
            found += group.users.map { (.group(index), $0) }
        }
        for (index, rule) in rules.enumerated() {
            look(at: rule.who) { .who(rule: index, $0) }
            look(at: rule.except) { .except(rule: index, $0) }
        }
        for (index, grant) in server.enumerated() {
            look(at: grant.who) { .grantWho(grant: index, $0) }
            look(at: grant.except) { .grantExcept(grant: index, $0) }
        }
        return found
    }
}

extension AccessPolicy {
    /// The groups that rules and grants name, some of them with `*`, and those under
    /// `access.groups`; each once.
    public var namedGroups: Set<ByteString> {
        let subjects = rules.flatMap { $0.who + $0.except } + server.flatMap { $0.who + $0.except }
        let named = subjects.compactMap { subject -> ByteString? in
            guard case .group(let name) = subject else { return nil }
            return name
        }
        return Set(named + groups.map(\.name))
    }

    /// Whether being in the group makes a difference to any of `named`.
    public static func isNamed(_ group: ByteString, by named: Set<ByteString>) -> Bool {
        named.contains(group)
            || named.contains { $0.hasWildcard && $0.matchesGroup(group.span) }
    }
}
