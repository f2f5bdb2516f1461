public import AccessControl
public import Bytes
public import Secrets

/// One place where users are known: a password file, a directory.
///
/// Asked in the order of `auth.order`, on threads that may block. Only *unknown user* goes on to
/// the next provider: a wrong password is wrong, and an answer that nobody can give is never taken
/// for one (product.md 4).
public protocol LoginProvider: Sendable {
    /// What the access log and the metrics call it; also says on whose threads `verify` runs.
    var provider: Identity.Provider { get }

    /// False if it is certain, without asking anybody, that the user is not known here.
    func mayKnow(_ user: ByteString) -> Bool

    /// The servers that it depends on, as they were heard last.
    var health: [LoginServerHealth] { get }

    /// How much of the work of its dearest check the check of this user takes; 1 where it is not
    /// known.
    func weight(of user: ByteString) -> Double

    /// Checks a login. May block, never for ever.
    ///
    /// - Parameter password: at least one byte.
    func verify(_ user: ByteString, _ password: SecretBytes) -> LoginVerdict
}

extension LoginProvider {
    public func weight(of user: ByteString) -> Double { 1 }
}

/// Whether a server that decides logins answers.
public struct LoginServerHealth: Sendable, Equatable {
    /// By its URL.
    public let server: String
    public let isUp: Bool

    public init(server: String, isUp: Bool) {
        self.server = server
        self.isUp = isUp
    }
}

/// What a provider says to a login.
public enum LoginVerdict: Sendable, Equatable {
    case identity(Identity)
    case wrongPassword
    case unknownUser
    /// It cannot tell now; worth another try in so many seconds.
    case undecidable(retryAfter: Int)
}

extension PasswordFile: LoginProvider {
    public var provider: Identity.Provider { .htpasswd }

    public var health: [LoginServerHealth] { [] }

    public func mayKnow(_ user: ByteString) -> Bool { contains(user) }

    public func weight(of user: ByteString) -> Double {
        Double((hashes[user] ?? strongest).effort) / Double(strongest.effort)
    }

    /// Computes one hash, also for a user who is not in the file.
    public func verify(_ user: ByteString, _ password: SecretBytes) -> LoginVerdict {
        switch verify(user, password.bytes) {
        case .right: .identity(Identity(user: user, groups: [], provider: .htpasswd))
        case .wrong: .wrongPassword
        case .unknownUser: .unknownUser
        }
    }
}
