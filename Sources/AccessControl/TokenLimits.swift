public import Bytes
import RegistryAPI

/// What a token narrows its owner's rights to: never more than the rules give, and never anything
/// of the server's own.
///
/// It is one allow rule beside the rules. A decision is made by both, and what only one of them
/// grants is not granted.
public final class TokenLimits: Sendable {
    /// Of the token.
    public let id: ByteString
    /// The token's name, for denials.
    public let name: ByteString
    private let policy: AccessPolicy

    /// - Parameters:
    ///   - tags: as the `tags` of a rule; `nil`: all, and what has none.
    ///   - networks: where it may be used from; empty: anywhere.
    public init(
        id: ByteString,
        name: ByteString,
        actions: Actions,
        repositories: [RepositoryPattern],
        tags: [TagPattern]?,
        networks: [IPNetwork]
    ) {
        self.id = id
        self.name = name
        let rule = AccessRule(
            id: "token",
            who: [.anyone],
            repositories: repositories,
            tags: tags,
            effect: .allow(actions),
            condition: RuleCondition(from: networks),
            position: SourcePosition(file: "", line: 1, column: 1)
        )
        policy = AccessPolicy(rules: [rule])
    }

    /// Takes out of what the rules have decided what the token is not for.
    func cut(
        _ decision: inout Decision,
        _ identity: Identity,
        _ repository: borrowing Span<UInt8>,
        _ tag: Tag?,
        _ circumstances: Circumstances
    ) {
        var own = Decision()
        policy.book.decide(identity, repository, tag, circumstances, into: &own)
        decision.cut = decision.granted.subtracting(own.granted)
        decision.granted.formIntersection(own.granted)
        decision.grantedForSomeTag.formIntersection(own.grantedForSomeTag)
        decision.dependsOnTag.formUnion(own.dependsOnTag)
    }

    /// Why something was denied that the rules allow.
    var reason: String { "the token \(name) is not for it" }
}

/// A token is known by its id.
extension TokenLimits: Hashable {
    public static func == (left: TokenLimits, right: TokenLimits) -> Bool { left.id == right.id }
    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
