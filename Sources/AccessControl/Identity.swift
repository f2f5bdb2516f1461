public import Bytes

/// Who makes a request, once the credentials have been verified.
public struct Identity: Sendable, Hashable {
    /// `nil` for anonymous. Compared byte for byte.
    public let user: ByteString?
    /// The names of the groups that a directory says the user is in. Those written under
    /// `access.groups` are added by the policy, and keep out directory groups of the same name.
    public let groups: [ByteString]
    /// Who vouches for the user; `nil` for anonymous.
    public let provider: Provider?

    /// In the words of the access log's key `auth`.
    public enum Provider: Sendable, Hashable {
        case htpasswd, ldap, certificate, token
    }

    public init(user: ByteString, groups: [ByteString] = [], provider: Provider) {
        self.user = user
        self.groups = groups
        self.provider = provider
    }

    private init() {
        user = nil
        groups = []
        provider = nil
    }

    public static let anonymous = Identity()

    public var isAnonymous: Bool { user == nil }
}
