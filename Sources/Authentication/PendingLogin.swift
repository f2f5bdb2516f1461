public import AccessControl
public import Bytes
import Secrets

/// What a loop knows at once about an `Authorization` value.
public enum Lookup: Sendable {
    /// Verified within the lifetime of the cache.
    case known(Identity)
    /// Well formed; `LoginDesk.verify` has to be asked.
    case check(PendingLogin)
    /// No login at all; 401.
    case malformed(MalformedCredentials)
}

/// A login that waits for its check. Holds the password until it is let go, and then wipes it.
public struct PendingLogin: Sendable {
    /// Who it claims to be.
    public let user: ByteString
    let password: SecretBytes
    /// Valid only together with the generation of this number.
    let code: Code32
    let generation: UInt64
}

extension PendingLogin: CustomReflectable {
    public var customMirror: Mirror { Mirror(self, children: ["user": user.description]) }
}

/// What came out of a login.
public enum LoginAnswer: Sendable, Equatable {
    case identity(Identity)
    /// Definitely wrong, or no such user: 401. Carries who it claimed to be, for the log, and who
    /// has said so.
    case wrong(user: ByteString, by: Identity.Provider = .htpasswd)
    /// Whoever would know does not answer: 503 with `Retry-After`, in seconds; never 401.
    case undecidable(retryAfter: Int, by: Identity.Provider = .ldap)
    /// Too many checks are waiting: 503 with `Retry-After`.
    case busy
    /// Too many wrong passwords came from there: 429 with `Retry-After`, in seconds. Nobody was
    /// asked.
    case guessing(retryAfter: Int)
}
