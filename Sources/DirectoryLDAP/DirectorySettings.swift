public import Bytes
public import NetTLS
public import Secrets

/// Which directory is asked, and how (`auth.ldap`; the names of the configuration in brackets).
public struct DirectorySettings: Sendable {
    /// One server.
    public struct Server: Sendable, Hashable {
        /// A DNS name, or a literal address without brackets.
        public var host: String
        public var isAddress: Bool
        public var port: UInt16
        public var security: Security
        /// As written, for messages and metrics: `ldaps://ldap1.example.com`.
        public var url: String

        public init(
            host: String, isAddress: Bool, port: UInt16, security: Security, url: String
        ) {
            self.host = host
            self.isAddress = isAddress
            self.port = port
            self.security = security
            self.url = url
        }
    }

    /// How passwords are kept from the network.
    public enum Security: Sendable, Hashable {
        /// TLS from the first byte (`ldaps://`).
        case tls
        /// TLS after a first request in the clear (`start_tls`).
        case startTLS
        /// Not at all (`insecure: true`).
        case none
    }

    /// The account that searches (`bind_dn`, `bind_password_file`).
    public struct ServiceAccount: Sendable {
        public var dn: ByteString
        public var password: SecretBytes

        public init(dn: ByteString, password: SecretBytes) {
            self.dn = dn
            self.password = password
        }
    }

    /// How a user's entry is found (`users`).
    public struct Users: Sendable, Hashable {
        /// `users.base` and `users.filter`.
        public struct Search: Sendable, Hashable {
            public var base: String
            public var filter: String

            public init(base: String, filter: String) {
                self.base = base
                self.filter = filter
            }
        }

        /// What the user's password is tried with.
        public enum Login: Sendable, Hashable {
            /// The name of the entry that a search finds.
            case found(by: Search)
            /// A name made of the user's (`users.dn`).
            case dn(String)
            /// A login name that is none of an entry, such as `{user}@corp.example`; the entry is
            /// searched for afterwards.
            case name(String, Search)
        }

        public var login: Login
        /// The attribute whose value is the user (`users.attribute`).
        public var attribute: String

        public init(login: Login, attribute: String) {
            self.login = login
            self.attribute = attribute
        }
    }

    /// How a user's groups are found (`groups`).
    public struct Groups: Sendable, Hashable {
        public enum Strategy: String, Sendable, CaseIterable {
            case memberOf = "member_of"
            case search
            case none
        }

        public enum Nesting: String, Sendable, CaseIterable {
            case off, chain, walk
        }

        public var strategy = Strategy.none
        public var base = ""
        /// Of a search for groups; `{dn}` and `{user}` stand for the member.
        public var filter = "(member={dn})"
        /// The attribute whose value is the group's name.
        public var name = "cn"
        public var nested = Nesting.off
        /// How many groups one user may be in.
        public var limit = 1000

        public init() {}
    }

    /// In the order of preference; at least one.
    public var servers: [Server]
    /// `nil`: no server uses TLS.
    public var trust: TLSClientContext?
    /// Changes when whoever is trusted changes.
    public var trustDigest: ByteString = ""
    /// `nil`: searches are anonymous.
    public var service: ServiceAccount?
    public var users: Users
    public var groups = Groups()
    /// Nanoseconds until a server must have taken a connection, TLS included.
    public var connectTimeout: Int64 = 3_000_000_000
    /// Nanoseconds that one answer may take.
    public var operationTimeout: Int64 = 5_000_000_000

    public init(servers: [Server], users: Users) {
        precondition(!servers.isEmpty)
        self.servers = servers
        self.users = users
    }
}

extension DirectorySettings: Equatable {
    /// Whether what one says of a login the other would say too.
    public static func == (left: DirectorySettings, right: DirectorySettings) -> Bool {
        left.servers == right.servers && left.users == right.users && left.groups == right.groups
            && left.connectTimeout == right.connectTimeout
            && left.operationTimeout == right.operationTimeout
            && left.trustDigest == right.trustDigest
            && (left.trust == nil) == (right.trust == nil) && left.service == right.service
    }
}

extension DirectorySettings.ServiceAccount: Equatable {
    public static func == (left: Self, right: Self) -> Bool {
        left.dn == right.dn && left.password.bytes.equalsInConstantTime(right.password.bytes)
    }
}
