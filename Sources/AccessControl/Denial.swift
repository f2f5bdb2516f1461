public import Bytes
public import RegistryAPI

/// Why not: for the client, the log and the operator.
///
/// To a request without credentials a denial is a reason to ask for them (401), else it is 403.
public struct Denial: Error, Sendable, Hashable {
    /// What was missing: one action, or `push` if neither part of it was granted. Empty if a login
    /// was missing, whatever its rights.
    public let action: Actions
    /// `nil` if the operation was on no repository.
    public let repository: RepositoryName?
    /// The deny rules that took the action away. Empty if no rule allowed it.
    public let ruleIDs: [ByteString]
    /// For the client: `requested access to the resource is denied: …`.
    public let message: ByteString

    /// What the error body's `detail` names; `nil` if the operation was on no repository.
    public var resource: ErrorBody.Resource? {
        guard let repository else { return nil }
        let word: ByteString =
            switch action {
            case .pull: "pull"
            case .delete: "delete"
            default: "push"
            }
        return ErrorBody.Resource(repository: repository.bytes, action: word)
    }

    /// A login is missing.
    static let loginRequired = Denial(
        action: [],
        repository: nil,
        ruleIDs: [],
        message: "authentication required"
    )

    init(action: Actions, repository: RepositoryName?, ruleIDs: [ByteString], message: ByteString) {
        self.action = action
        self.repository = repository
        self.ruleIDs = ruleIDs
        self.message = message
    }

    /// - Parameters:
    ///   - reference: shown as `name:tag` or `name@digest`.
    ///   - rules: the deny rules that took the action away.
    ///   - unallowed: what of the action no rule allows and none denies.
    init(
        of identity: Identity,
        _ action: Actions,
        _ repository: RepositoryName,
        _ reference: Reference?,
        by rules: [AccessRule],
        unallowed: Actions,
        contact: String?
    ) {
        self.init(
            action: action,
            repository: repository,
            ruleIDs: rules.map(\.logID),
            message: Self.message(
                identity, action, repository, reference, Self.reason(rules, unallowed), contact)
        )
    }

    /// A denial for another reason than a rule.
    init(
        of identity: Identity,
        _ action: Actions,
        _ repository: RepositoryName,
        _ reference: Reference?,
        reason: String,
        contact: String?
    ) {
        self.init(
            action: action,
            repository: repository,
            ruleIDs: [],
            message: Self.message(identity, action, repository, reference, reason, contact)
        )
    }

    private static func message(
        _ identity: Identity,
        _ action: Actions,
        _ repository: RepositoryName,
        _ reference: Reference?,
        _ reason: String,
        _ contact: String?
    ) -> ByteString {
        var text = Array("requested access to the resource is denied: ".utf8)
        text += (identity.user ?? "anonymous").bytes
        text += Array(" may not ".utf8)
        text += action.verb.bytes
        text.append(UInt8(ascii: " "))
        text += repository.bytes.bytes
        switch reference {
        case .tag(let tag): text += [UInt8(ascii: ":")] + tag.bytes.bytes
        case .digest(let digest): text += [UInt8(ascii: "@")] + digest.bytes.bytes
        case nil: break
        }
        text += Array(" (\(reason))".utf8)
        if let contact { text += Array("; \(contact)".utf8) }
        return ByteString(text)
    }

    /// A client shows the message on one line.
    private static let mostReasons = 4

    /// Of a push of which one part is denied and the other never allowed, both are said: whoever
    /// pushes a new tag shall not take the rule that guards old ones for the cause.
    private static func reason(_ rules: [AccessRule], _ unallowed: Actions) -> String {
        guard !rules.isEmpty else { return "no rule allows it" }
        let missing = unallowed.isEmpty ? "" : "no rule allows \(unallowed.verb); "
        let shown = rules.prefix(mostReasons).map { rule in
            rule.because.map { "rule \(rule.id): \($0)" } ?? "rule \(rule.id)"
        }
        let rest = rules.count - shown.count
        return missing + shown.joined(separator: "; ") + (rest > 0 ? "; and \(rest) more" : "")
    }
}
