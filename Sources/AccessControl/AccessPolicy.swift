public import Bytes
import RegistryAPI

/// All rules, ready to decide (`access.md`). Grants add up, a deny always wins, order never
/// matters, nothing matched means denied.
///
/// Immutable; shared between loops. A changed configuration makes a new one.
public struct AccessPolicy: Sendable {
    public let rules: [AccessRule]
    /// Whether any allow rule lets a request without login pull anything; denies are not counted
    /// against it. Without it, the catalog asks for a login.
    public let letsAnonymousPullSomething: Bool

    let book: RuleBook

    /// - Parameters:
    ///   - groups: those under `access.groups`, with the users written there. A name in it means
    ///     those users only.
    ///   - rules: in any order. `problems(in:)` says what makes no sense; such a rule never
    ///     matches.
    public init(groups: [ByteString: [ByteString]], rules: [AccessRule]) {
        self.rules = rules
        book = RuleBook(groups: groups, rules: rules)
        letsAnonymousPullSomething = book.letsAnonymousPullSomething
    }

    /// Denies everything: what holds without a configuration.
    public static let empty = AccessPolicy(groups: [:], rules: [])

    /// Decides what `identity` may do with `repository`.
    ///
    /// - Parameters:
    ///   - repository: a whole name; one that breaks the grammar may match, so check it first.
    ///   - decision: overwritten; keep one and pass it again, then nothing is allocated.
    public func decide(
        _ identity: Identity,
        _ repository: borrowing Span<UInt8>,
        into decision: inout Decision
    ) {
        book.decide(identity, repository, into: &decision)
    }

    /// Whether the catalog shows `repository` to `identity`: the same decision as for a pull.
    public func mayPull(
        _ identity: Identity,
        _ repository: borrowing Span<UInt8>,
        scratch: inout Decision
    ) -> Bool {
        guard RepositoryName.isValid(repository) else { return false }
        book.decide(identity, repository, into: &scratch)
        return scratch.granted.contains(.pull)
    }
}
