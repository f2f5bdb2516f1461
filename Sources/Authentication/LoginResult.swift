public import Bytes

/// What came out of a login, and what whoever waited for it has to know beside it.
public struct LoginResult: Sendable, Equatable {
    public let answer: LoginAnswer
    /// When the client may be told, in nanoseconds of the desk's clock. How long a wrong login
    /// takes says nothing about what is wrong with it, if it is told no sooner.
    public let notBefore: Int64
    /// True for exactly one of those who waited for a check: for what is to be noted once for each
    /// check, not for each request.
    public let isFirst: Bool
    /// Whether the directory could not be asked, and what it said before is believed a little
    /// longer.
    public let isStale: Bool

    init(
        _ answer: LoginAnswer,
        notBefore: Int64 = .min,
        isFirst: Bool = false,
        isStale: Bool = false
    ) {
        self.answer = answer
        self.notBefore = notBefore
        self.isFirst = isFirst
        self.isStale = isStale
    }
}

/// What happens to logins that an operator should hear of.
public enum LoginEvent: Sendable, Equatable {
    /// More than a hundred passwords of one user were wrong within a minute, from all sources
    /// together. Told once per siege.
    case besieged(user: ByteString)
}
