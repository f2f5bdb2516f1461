import AccessControl
public import Authentication
public import Bytes

/// Users without their password, through the proxy's own account.
extension Directory: UserLookup {
    public var canLookUp: Bool { settings.service != nil }

    public func lookUp(_ user: ByteString) -> LoginVerdict {
        switch check(user, nil, progress: nil) {
        case .user(let found):
            .identity(
                Identity(
                    user: found.name,
                    groups: found.groups.map(\.membership),
                    provider: .ldap
                )
            )
        case .unknownUser, .refused: .unknownUser
        case .unavailable: .undecidable(retryAfter: Self.retryAfter)
        }
    }
}
