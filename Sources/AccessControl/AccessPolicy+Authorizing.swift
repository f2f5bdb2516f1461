import Bytes
public import RegistryAPI

extension AccessPolicy {
    /// Decides about one request. The only way to a `Permit`.
    ///
    /// - Parameter scratch: overwritten; one per loop.
    public func authorize(
        _ identity: Identity,
        _ operation: RegistryOperation,
        scratch: inout Decision
    ) -> Verdict {
        switch operation.requiredAccess {
        case .nothing:
            return .permitted(Permit(operation))
        case .login:
            return identity.isAnonymous ? .denied(.loginRequired) : .permitted(Permit(operation))
        case .listing:
            let isRefused = identity.isAnonymous && !letsAnonymousPullSomething
            return isRefused ? .denied(.loginRequired) : .permitted(Permit(operation))
        case .pull(let name):
            return verdict(identity, operation, .pull, on: name, &scratch)
        case .create(let name):
            return verdict(identity, operation, .create, on: name, &scratch)
        case .delete(let name):
            return verdict(identity, operation, .delete, on: name, &scratch)
        case .createOrOverwrite(let name):
            return verdict(identity, operation, .push, on: name, &scratch)
        case .mount(let name, let from):
            return mountVerdict(identity, operation, on: name, from: from, &scratch)
        }
    }

    /// - Parameter action: one of several suffices.
    private func verdict(
        _ identity: Identity,
        _ operation: RegistryOperation,
        _ action: Actions,
        on name: RepositoryName,
        _ scratch: inout Decision
    ) -> Verdict {
        decide(identity, name.bytes.span, into: &scratch)
        let granted = scratch.granted
        guard !granted.isDisjoint(with: action) else {
            return .denied(denial(identity, operation, action, on: name, scratch))
        }
        var otherwise: Denial?
        if operation.setsTags, let missing = granted.missingPartOfPush {
            otherwise = denial(identity, operation, missing, on: name, scratch)
        }
        return .permitted(
            Permit(
                operation,
                granted: granted,
                otherwise: otherwise,
                ruleIDs: allowing(granted.intersection(action), scratch)
            )
        )
    }

    /// A mount needs create on the target. If `from` may not be pulled, nobody learns whether the
    /// blob is there: the request becomes an ordinary upload (`protocol.md` 4.2).
    private func mountVerdict(
        _ identity: Identity,
        _ operation: RegistryOperation,
        on name: RepositoryName,
        from: RepositoryName,
        _ scratch: inout Decision
    ) -> Verdict {
        decide(identity, name.bytes.span, into: &scratch)
        let granted = scratch.granted
        guard granted.contains(.create) else {
            return .denied(denial(identity, operation, .create, on: name, scratch))
        }
        var ruleIDs = allowing(.create, scratch)
        decide(identity, from.bytes.span, into: &scratch)
        guard scratch.granted.contains(.pull) else {
            let upload = RegistryOperation.uploadStart(name, digest: nil, digestAlgorithm: nil)
            return .permitted(
                Permit(upload, isMountDowngraded: true, granted: granted, ruleIDs: ruleIDs)
            )
        }
        for id in allowing(.pull, scratch) where !ruleIDs.contains(id) { ruleIDs.append(id) }
        return .permitted(Permit(operation, granted: granted, ruleIDs: ruleIDs))
    }

    private func denial(
        _ identity: Identity,
        _ operation: RegistryOperation,
        _ action: Actions,
        on name: RepositoryName,
        _ scratch: borrowing Decision
    ) -> Denial {
        // Not allowed at all: no deny took it away. Of a push, each part counts for itself.
        var allowed: Actions = []
        for index in scratch.allow { allowed.formUnion(book.rules[index].actions) }
        let taken = allowed.intersection(action)
        var rules: [AccessRule] = []
        for index in scratch.deny where !book.rules[index].actions.isDisjoint(with: taken) {
            rules.append(self.rules[index])
        }
        return Denial(of: identity, action, name, operation.reference, by: rules)
    }

    /// The ids of the matching rules that allow any of `actions`.
    private func allowing(_ actions: Actions, _ scratch: borrowing Decision) -> [ByteString] {
        var ids: [ByteString] = []
        for index in scratch.allow where !book.rules[index].actions.isDisjoint(with: actions) {
            ids.append(rules[index].logID)
        }
        return ids
    }
}

extension RegistryOperation {
    /// Whether it is a PUT that makes or moves tags.
    fileprivate var setsTags: Bool {
        switch self {
        case .manifest(.put, _, .tag, _): true
        case .manifest(.put, _, .digest, let tags): !tags.isEmpty
        case .manifest, .base, .health, .options, .catalog, .ping, .search, .tags, .referrers,
            .blob, .uploadStart, .uploadMount, .upload:
            false
        }
    }
}

extension Actions {
    /// The part of `push` that is not here, if exactly one is.
    fileprivate var missingPartOfPush: Actions? {
        let missing = Actions.push.subtracting(self)
        return missing == .create || missing == .overwrite ? missing : nil
    }
}
