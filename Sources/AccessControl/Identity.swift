public import Bytes

/// Who makes a request, once the credentials have been verified.
public struct Identity: Sendable, Hashable {
    /// `nil` for anonymous. Compared byte for byte.
    public let user: ByteString?
    /// The groups that somebody else than the policy says the user is in. Those written under
    /// `access.groups` are added by the policy.
    public let groups: [GroupMembership]
    /// Who vouches for the user; `nil` for anonymous.
    public let provider: Provider?
    /// Of the token that was shown instead of the user's own login; `nil`: whatever the rules give.
    public let limits: TokenLimits?

    /// In the words of the access log's key `auth`.
    public enum Provider: Sendable, Hashable {
        case htpasswd, ldap, certificate, token
    }

    public init(
        user: ByteString,
        groups: [GroupMembership] = [],
        provider: Provider?,
        limits: TokenLimits? = nil
    ) {
        self.user = user
        self.groups = groups
        self.provider = provider
        self.limits = limits
    }

    private init() {
        user = nil
        groups = []
        provider = nil
        limits = nil
    }

    public static let anonymous = Identity()

    public var isAnonymous: Bool { user == nil }
}

/// One group that a user is in.
public struct GroupMembership: Sendable, Hashable {
    /// As rules name it; of the directory by `auth.ldap.groups.name`.
    public let name: ByteString
    /// Where the directory has it; `nil` if that is not known. Groups under `access.groups` may ask
    /// for it.
    public let distinguishedName: DistinguishedName?
    public let source: Source

    public enum Source: Sendable, Hashable {
        /// A directory's word. It says nothing about a group of that name under `access.groups`.
        case directory
        /// A question's "if": `--group` of `explain`, `in` of a rule test. Stands for the group of
        /// that name wherever it is defined.
        case argument
    }

    public init(
        name: ByteString,
        distinguishedName: DistinguishedName? = nil,
        source: Source = .directory
    ) {
        self.name = name
        self.distinguishedName = distinguishedName
        self.source = source
    }
}

/// A group under `access.groups`.
public struct WrittenGroup: Sendable, Hashable {
    public let name: ByteString
    public let users: [ByteString]
    /// Groups of the directory whose members are members of this one.
    public let directoryGroups: [DirectoryGroupReference]

    public init(
        name: ByteString,
        users: [ByteString] = [],
        directoryGroups: [DirectoryGroupReference] = []
    ) {
        self.name = name
        self.users = users
        self.directoryGroups = directoryGroups
    }
}

/// How `ldap:` of a group names a group of the directory.
public enum DirectoryGroupReference: Sendable, Hashable {
    case distinguishedName(DistinguishedName)
    /// The name by `auth.ldap.groups.name`, usually the CN; byte for byte.
    case name(ByteString)

    /// - Parameter text: a DN if it holds a `=`, else a name.
    /// - Returns: `nil` if it is empty, or holds a `=` and is no DN.
    public init?(parsing text: ByteString) {
        if text.span.firstIndex(of: UInt8(ascii: "=")) == nil {
            if text.isEmpty { return nil }
            self = .name(text)
        } else {
            guard let name = DistinguishedName(parsing: text) else { return nil }
            self = .distinguishedName(name)
        }
    }
}
