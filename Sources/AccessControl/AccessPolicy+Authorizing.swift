import Bytes
public import RegistryAPI

extension AccessPolicy {
    /// Decides about one request. The only way to a `Permit`.
    ///
    /// - Parameter scratch: overwritten; one per loop.
    public func authorize(
        _ identity: Identity,
        _ operation: RegistryOperation,
        in circumstances: Circumstances,
        scratch: inout Decision
    ) -> Verdict {
        let request = AuthorizationRequest(self, identity, operation, circumstances)
        switch operation.requiredAccess {
        case .nothing:
            return .permitted(Permit(operation))
        case .login:
            return identity.isAnonymous ? .denied(.loginRequired) : .permitted(Permit(operation))
        case .listing:
            return listing(request, &scratch)
        case .mount(let name, let from):
            return request.mount(on: name, from: from, &scratch)
        case .pull(let name):
            return request.verdict(.pull, on: name, &scratch)
        case .delete(let name):
            return request.deletion(on: name, &scratch)
        case .create(let name):
            if let denial = request.denial(of: .create, on: name, &scratch) {
                return .denied(denial)
            }
            let ruleIDs = request.allowing(.create, scratch)
            guard case .manifest = operation else {
                return .permitted(Permit(operation, ruleIDs: ruleIDs))
            }
            return request.push(on: name, ruleIDs: ruleIDs, &scratch)
        case .createOrOverwrite(let name):
            return request.push(on: name, ruleIDs: [], &scratch)
        }
    }

    private func listing(_ request: AuthorizationRequest, _ scratch: inout Decision) -> Verdict {
        let mayListAll = serverActions(of: request.identity, scratch: &scratch).contains(.catalog)
        if request.identity.isAnonymous, !letsAnonymousPullSomething, !mayListAll {
            return .denied(.loginRequired)
        }
        return .permitted(Permit(request.operation, showsWholeCatalog: mayListAll))
    }
}

/// One request to be decided about.
struct AuthorizationRequest: Sendable {
    let policy: AccessPolicy
    let identity: Identity
    let operation: RegistryOperation
    let circumstances: Circumstances

    init(
        _ policy: AccessPolicy,
        _ identity: Identity,
        _ operation: RegistryOperation,
        _ circumstances: Circumstances
    ) {
        self.policy = policy
        self.identity = identity
        self.operation = operation
        self.circumstances = circumstances
    }

    func decide(_ name: RepositoryName, tag: Tag? = nil, _ scratch: inout Decision) {
        policy.decide(identity, name.bytes.span, tag: tag, in: circumstances, into: &scratch)
    }

    func verdict(
        _ action: Actions,
        on name: RepositoryName,
        _ scratch: inout Decision
    ) -> Verdict {
        if let denial = denial(of: action, on: name, &scratch) { return .denied(denial) }
        return .permitted(Permit(operation, ruleIDs: allowing(action, scratch)))
    }

    /// Decides about an action that is about no tag. `nil`: it is granted.
    func denial(
        of action: Actions,
        on name: RepositoryName,
        _ scratch: inout Decision
    ) -> Denial? {
        decide(name, &scratch)
        return scratch.granted.contains(action) ? nil : denial(action, on: name, scratch)
    }

    /// A mount needs create on the target. If `from` may not be pulled, nobody learns whether the
    /// blob is there: the request becomes an ordinary upload (`protocol.md` 4.2).
    func mount(
        on name: RepositoryName,
        from: RepositoryName,
        _ scratch: inout Decision
    ) -> Verdict {
        if let denial = denial(of: .create, on: name, &scratch) { return .denied(denial) }
        var ruleIDs = allowing(.create, scratch)
        decide(from, &scratch)
        guard scratch.granted.contains(.pull) else {
            let upload = RegistryOperation.uploadStart(name, digest: nil, digestAlgorithm: nil)
            return .permitted(Permit(upload, isMountDowngraded: true, ruleIDs: ruleIDs))
        }
        ruleIDs.appendNew(allowing(.pull, scratch))
        return .permitted(Permit(operation, ruleIDs: ruleIDs))
    }

    /// A delete needs the right on every tag that goes with it.
    func deletion(on name: RepositoryName, _ scratch: inout Decision) -> Verdict {
        if case .manifest(_, _, .tag(let tag), _) = operation {
            decide(name, tag: tag, &scratch)
            guard scratch.granted.contains(.delete) else {
                return .denied(denial(.delete, on: name, tag: tag, scratch))
            }
            return .permitted(Permit(operation, ruleIDs: allowing(.delete, scratch)))
        }
        decide(name, &scratch)
        if case .manifest = operation, scratch.dependsOnTag.contains(.delete),
            scratch.grantedForSomeTag.contains(.delete)
        {
            return .deletion(PendingDeletion(self, name))
        }
        guard scratch.granted.contains(.delete) else {
            return .denied(denial(.delete, on: name, scratch))
        }
        return .permitted(Permit(operation, ruleIDs: allowing(.delete, scratch)))
    }

    /// The PUT of a manifest needs `create` or `overwrite` for every tag it sets, depending on what
    /// is there.
    ///
    /// - Parameter ruleIDs: of the rules that allow what is pushed beside the tags.
    func push(
        on name: RepositoryName,
        ruleIDs: [ByteString],
        _ scratch: inout Decision
    ) -> Verdict {
        var ruleIDs = ruleIDs
        var rights: [PendingPush.Right] = []
        for tag in operation.tagsBeingSet {
            decide(name, tag: tag, &scratch)
            if scratch.granted.isDisjoint(with: .push) {
                return .denied(denial(.push, on: name, tag: tag, scratch))
            }
            rights.append(right(to: tag, on: name, scratch))
            ruleIDs.appendNew(allowing(scratch.granted.intersection(.push), scratch))
        }
        return .push(PendingPush(operation, name, rights: rights, ruleIDs: ruleIDs))
    }

    private func right(
        to tag: Tag,
        on name: RepositoryName,
        _ scratch: borrowing Decision
    ) -> PendingPush.Right {
        let granted = scratch.granted.intersection(.push)
        let missing = Actions.push.subtracting(granted)
        return PendingPush.Right(
            tag: tag,
            granted: granted,
            denial: missing.isEmpty ? nil : denial(missing, on: name, tag: tag, scratch)
        )
    }

    func denial(
        _ action: Actions,
        on name: RepositoryName,
        tag: Tag? = nil,
        _ scratch: borrowing Decision
    ) -> Denial {
        // Also where no rule would have allowed it: a denial that has a reason gives it. Of a push,
        // each part counts for itself.
        var rules: [AccessRule] = []
        for match in scratch.deny where !match.actions.isDisjoint(with: action) {
            rules.append(policy.rules[match.rule])
        }
        let reference = tag.map(Reference.tag) ?? operation.reference
        if rules.isEmpty, let limits = identity.limits, !scratch.cut.isDisjoint(with: action) {
            return Denial(
                of: identity,
                action,
                name,
                reference,
                reason: limits.reason,
                contact: policy.contact
            )
        }
        return Denial(
            of: identity,
            action,
            name,
            reference,
            by: rules,
            unallowed: action.subtracting(scratch.denied).subtracting(scratch.cut),
            contact: policy.contact
        )
    }

    /// The ids of the matching rules that allow any of `actions`.
    func allowing(_ actions: Actions, _ scratch: borrowing Decision) -> [ByteString] {
        var ids: [ByteString] = []
        for match in scratch.allow where !match.actions.isDisjoint(with: actions) {
            ids.append(policy.rules[match.rule].logID)
        }
        return ids
    }
}

extension RegistryOperation {
    /// The tags that a PUT of a manifest makes or moves, in byte order, so that two pushes never
    /// wait for each other's locks.
    fileprivate var tagsBeingSet: [Tag] {
        guard case .manifest(.put, _, let reference, var tags) = self else { return [] }
        if case .tag(let tag) = reference, !tags.contains(tag) { tags.append(tag) }
        return tags.sorted { $0.bytes < $1.bytes }
    }
}

extension [ByteString] {
    fileprivate mutating func appendNew(_ others: [ByteString]) {
        for other in others where !contains(other) { append(other) }
    }
}
