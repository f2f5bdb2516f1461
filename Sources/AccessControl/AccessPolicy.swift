import Bytes
public import RegistryAPI

/// All rules, ready to decide (`access.md`). Grants add up, a deny always wins, order never
/// matters, nothing matched means denied.
///
/// Immutable; shared between loops, callable from any thread. A changed configuration makes a new
/// one.
public final class AccessPolicy: Sendable {
    public let groups: [WrittenGroup]
    public let rules: [AccessRule]
    public let server: [ServerGrant]
    /// Added to every denial: whom to ask. One line.
    public let contact: String?
    /// Whether repositories that an identity may not pull look to it as if they did not exist.
    public let hidesRepositories: Bool
    /// Whether any allow rule lets a request without login pull anything; denies and `when` are not
    /// counted against it. Without it, the catalog asks for a login.
    public let letsAnonymousPullSomething: Bool

    let book: RuleBook

    /// - Parameters:
    ///   - groups: those under `access.groups`; no name twice.
    ///   - rules: in any order. `problems(in:)` says what makes no sense; such a rule may never
    ///     match.
    public init(
        groups: [WrittenGroup] = [],
        rules: [AccessRule],
        server: [ServerGrant] = [],
        contact: String? = nil,
        hidesRepositories: Bool = false
    ) {
        self.groups = groups
        self.rules = rules
        self.server = server
        self.contact = contact
        self.hidesRepositories = hidesRepositories
        book = RuleBook(groups: groups, rules: rules, grants: server)
        letsAnonymousPullSomething = book.letsAnonymousPullSomething
    }

    /// Denies everything: what holds without a configuration.
    public static let empty = AccessPolicy(rules: [])

    /// Decides what `identity` may do with `repository`.
    ///
    /// - Parameters:
    ///   - repository: a whole name; one that breaks the grammar may match, so check it first.
    ///   - tag: what is made, moved or deleted. `nil`: something without a tag, a blob or a
    ///     manifest by digest.
    ///   - decision: overwritten; keep one and pass it again, then nothing is allocated.
    public func decide(
        _ identity: Identity,
        _ repository: borrowing Span<UInt8>,
        tag: Tag? = nil,
        in circumstances: Circumstances,
        into decision: inout Decision
    ) {
        book.decide(identity, repository, tag, circumstances, into: &decision)
        guard let limits = identity.limits else { return }
        limits.cut(&decision, identity, repository, tag, circumstances)
    }

    /// Whether the catalog shows `repository` to `identity`: the same decision as for a pull.
    public func mayPull(
        _ identity: Identity,
        _ repository: borrowing Span<UInt8>,
        in circumstances: Circumstances,
        scratch: inout Decision
    ) -> Bool {
        guard RepositoryName.isValid(repository) else { return false }
        decide(identity, repository, in: circumstances, into: &scratch)
        return scratch.granted.contains(.pull)
    }

    /// What `identity` may do to the server itself; with a narrower token, nothing.
    public func serverActions(of identity: Identity, scratch: inout Decision) -> ServerActions {
        guard identity.limits == nil else { return [] }
        book.table.resolve(identity, into: &scratch.held)
        var granted: ServerActions = []
        for grant in book.grants
        where book.holds(grant.who, scratch.held) && !book.holds(grant.except, scratch.held) {
            granted.formUnion(grant.actions)
        }
        return granted
    }

    /// Whether any rule, grant or group under `access.groups` names this group, by itself or by a
    /// wildcard. Another group makes no difference to any decision.
    public func names(_ group: GroupMembership) -> Bool { book.table.names(group) }
}
