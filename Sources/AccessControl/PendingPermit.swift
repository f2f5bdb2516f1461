public import Bytes
public import RegistryAPI

/// What a tag is before a push of it (`access.md`, "Tag semantics").
public enum TagState: Sendable, Hashable {
    /// The registry says 404.
    case new
    /// It points to the very bytes that are being pushed.
    case identical
    /// It points to something else.
    case other
}

/// A permit for the PUT of a manifest that lacks one fact: what its tags point to now.
///
/// Where some tag may be neither made nor moved, there is a denial instead. From before a tag's
/// state is asked until the registry has answered the push, the tag must be locked.
public struct PendingPush: ~Copyable, Sendable {
    public let operation: RegistryOperation
    public let repository: RepositoryName
    /// Of the rules that allow the rights there are.
    public let ruleIDs: [ByteString]
    let rights: [Right]

    struct Right: Sendable {
        let tag: Tag
        /// `create`, `overwrite` or both.
        let granted: Actions
        /// The answer if the other one is needed; `nil` if both are granted.
        let denial: Denial?
    }

    init(
        _ operation: RegistryOperation,
        _ repository: RepositoryName,
        rights: [Right],
        ruleIDs: [ByteString]
    ) {
        self.operation = operation
        self.repository = repository
        self.rights = rights
        self.ruleIDs = ruleIDs
    }

    /// All tags that the push sets, in byte order.
    public var tags: [Tag] { rights.map(\.tag) }

    /// Whether the state of the tag at `index` of `tags` makes a difference. Where it does not, any
    /// state may be given.
    public func depends(onTagAt index: Int) -> Bool { rights[index].denial != nil }

    /// - Parameter states: of each of `tags`, in that order.
    public consuming func settled(by states: [TagState]) throws(Denial) -> Permit {
        precondition(states.count == rights.count, "\(states.count) states for \(rights.count)")
        for (right, state) in zip(rights, states) {
            guard let denial = right.denial else { continue }
            let suffices: Actions =
                switch state {
                case .new: .create
                // Nothing changes, so what is less than moving a tag is enough.
                case .identical: .push
                case .other: .overwrite
                }
            if right.granted.isDisjoint(with: suffices) { throw denial }
        }
        return Permit(operation, ruleIDs: ruleIDs)
    }
}

/// A permit that lacks one fact: which tags the digest has that is to be deleted. The registry
/// removes all of them with it.
///
/// Between asking and the registry's answer to the delete, no tag of the repository may be set.
public struct PendingDeletion: ~Copyable, Sendable {
    private let request: AuthorizationRequest
    private let name: RepositoryName

    init(_ request: AuthorizationRequest, _ name: RepositoryName) {
        self.request = request
        self.name = name
    }

    public var operation: RegistryOperation { request.operation }

    /// - Parameter tags: all tags of the digest. None: as a blob is deleted.
    public consuming func settled(
        by tags: [Tag],
        scratch: inout Decision
    ) throws(Denial) -> Permit {
        if tags.isEmpty {
            if let denial = request.denial(of: .delete, on: name, &scratch) { throw denial }
            return Permit(request.operation, ruleIDs: request.allowing(.delete, scratch))
        }
        var ruleIDs: [ByteString] = []
        for tag in tags {
            request.decide(name, tag: tag, &scratch)
            guard scratch.granted.contains(.delete) else {
                throw request.denial(.delete, on: name, tag: tag, scratch)
            }
            for id in request.allowing(.delete, scratch) where !ruleIDs.contains(id) {
                ruleIDs.append(id)
            }
        }
        return Permit(request.operation, ruleIDs: ruleIDs)
    }

    /// The answer when the tags cannot be found out.
    ///
    /// - Parameter reason: one line for the client: `more than 1000 tags in the repository`.
    public consuming func denial(because reason: String) -> Denial {
        Denial(
            of: request.identity,
            .delete,
            name,
            request.operation.reference,
            reason: reason,
            contact: request.policy.contact
        )
    }
}
