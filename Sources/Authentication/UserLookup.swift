public import AccessControl
public import Bytes

/// A place that can tell whether there is a user, and in which groups, without a password.
public protocol UserLookup: LoginProvider {
    /// May block, never for ever. Never answers `wrongPassword`.
    func lookUp(_ user: ByteString) -> LoginVerdict

    /// Whether it can answer at all: a directory needs an account of the proxy's own.
    var canLookUp: Bool { get }
}

extension PasswordFile: UserLookup {
    public var canLookUp: Bool { true }

    public func lookUp(_ user: ByteString) -> LoginVerdict {
        contains(user)
            ? .identity(Identity(user: user, groups: [], provider: .htpasswd)) : .unknownUser
    }
}

/// What tokens ask about users.
extension LoginDesk {
    /// Changes whenever users or their passwords may have changed.
    public var revision: UInt64 { generationNumber }

    /// Whether a user whom `provider` had vouched for may still be known there. A password file is
    /// sure; a directory is believed until the token ends.
    public func mayStillKnow(_ user: ByteString, from provider: Identity.Provider) -> Bool {
        switch provider {
        case .htpasswd: users?.contains(user) ?? false
        case .ldap: providers.contains { $0.provider == .ldap }
        case .certificate, .token: false
        }
    }

    /// Asks one provider after the other, as for a login. May block.
    ///
    /// - Returns: `unknownUser` also if nobody can tell without a password.
    public func lookUp(_ user: ByteString) -> LoginVerdict {
        for provider in providers where provider.mayKnow(user) {
            guard let provider = provider as? any UserLookup, provider.canLookUp else { continue }
            let verdict = provider.lookUp(user)
            if verdict != .unknownUser { return verdict }
        }
        return .unknownUser
    }
}
