import Bytes

extension RuleBook {
    /// Whether a pattern with `{group}` matches for one of the groups by which the rule's `who`
    /// holds, each in turn.
    func matchesWithAGroup(
        _ pattern: CompiledPattern,
        _ rule: Rule,
        _ identity: Identity,
        _ user: User?,
        _ repository: borrowing Span<UInt8>
    ) -> Bool {
        // Alternatives without a group match without one.
        if matches(pattern, identity, "", repository) { return true }
        if let user {
            for membership in user.memberships {
                let name = groups[memberships[membership]].name
                guard names(rule.who, name) else { continue }
                if matches(pattern, identity, name, repository) { return true }
            }
        }
        for name in identity.groups where !groupNames.contains(name) && names(rule.who, name) {
            if matches(pattern, identity, name, repository) { return true }
        }
        return false
    }

    private func matches(
        _ pattern: CompiledPattern,
        _ identity: Identity,
        _ group: ByteString,
        _ repository: borrowing Span<UInt8>
    ) -> Bool {
        guard let user = identity.user else {
            return code.matches(pattern, repository, user: Span(), group: group.span)
        }
        return code.matches(pattern, repository, user: user.span, group: group.span)
    }

    /// Whether one of the terms in `range` is the group of this name.
    private func names(_ range: Range<Int>, _ name: ByteString) -> Bool {
        for index in range {
            guard case .group(let subject) = terms[index] else { continue }
            if groupSubjects[subject].matchesGroup(name.span) { return true }
        }
        return false
    }
}
