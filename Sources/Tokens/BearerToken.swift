public import AccessControl
public import Bytes

/// What a signed token says. Whether it counts is decided anew at each use.
///
/// On the wire it is a JWT (RFC 7519) with HMAC-SHA-256, because clients and those who look at them
/// expect one. Nothing in it chooses how it is verified.
public struct BearerToken: Sendable, Hashable {
    /// `nil`: nobody; such a token says that no login was needed.
    public let user: ByteString?
    /// Who vouched for the user when it was issued; `nil` for nobody.
    public let provider: Identity.Provider?
    /// As they were when it was issued.
    public let groups: [GroupMembership]
    /// The rules' fingerprint, where not all groups had room: under other rules the token is void.
    public let rules: ByteString?
    public let access: TokenAccess
    /// The robot token that it was issued for.
    public let robot: ByteString?
    /// Seconds since 1970.
    public let issued: Int64
    /// From that second on it is no longer good; seconds since 1970.
    public let expiry: Int64
    /// Its own, for logs.
    public let id: ByteString

    public init(
        user: ByteString?,
        provider: Identity.Provider?,
        groups: [GroupMembership] = [],
        rules: ByteString? = nil,
        access: TokenAccess,
        robot: ByteString? = nil,
        issued: Int64,
        expiry: Int64,
        id: ByteString
    ) {
        self.user = user
        self.provider = provider
        self.groups = groups
        self.rules = rules
        self.access = access
        self.robot = robot
        self.issued = issued
        self.expiry = expiry
        self.id = id
    }

    public var isAnonymous: Bool { user == nil }
}

/// Why a token does not count. The client sees 401 `invalid_token` in every case.
public enum TokenFlaw: Error, Sendable, Equatable {
    /// No token of ours: another form, too long, cut short, signed by a key that is not ours.
    case foreign
    /// Signed by us, for another service.
    case otherAudience
    /// Its time has not come: a clock is wrong.
    case early

    /// For the error body; says nothing about the token.
    public var reason: StaticString {
        switch self {
        case .foreign: "the token is none of this registry's"
        case .otherAudience: "the token was issued for another service"
        case .early: "the token is not valid yet"
        }
    }
}
