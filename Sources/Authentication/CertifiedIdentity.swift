public import AccessControl
public import Bytes

extension Identity {
    /// Whom a client's verified certificate names.
    ///
    /// - Returns: `nil` if the name cannot be a user's: too long, not UTF-8, with control bytes, or
    ///   a word of the rules.
    public init?(certifiedAs name: ByteString) {
        guard userNameProblem(name.span) == nil else { return nil }
        self.init(user: name, groups: [], provider: .certificate)
    }
}
