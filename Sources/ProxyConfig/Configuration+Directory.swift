public import AccessControl

extension Configuration {
    /// Who may be asked about a login, in the words of `auth.order`.
    public enum LoginSource: String, Sendable, CaseIterable {
        case clientCertificates = "client_certificates"
        case htpasswd
        case ldap
    }

    /// A directory of users and groups.
    public struct Directory: Sendable, Hashable {
        /// `ldap://` or `ldaps://`, in the order of preference; at least one.
        public internal(set) var servers: [WebAddress] = []
        public internal(set) var startTLS = false
        /// Passwords may cross the network readable. The reader has made sure that nothing else
        /// protects them where it is set.
        public internal(set) var isInsecure = false
        /// Who may vouch for the servers, PEM; `nil`: whom the system trusts.
        public internal(set) var ca: FileReference?
        /// There exactly if `bindPasswordFile` is.
        public internal(set) var bindDN: String?
        public internal(set) var bindPasswordFile: SecretReference?
        public internal(set) var users = DirectoryUsers()
        public internal(set) var groups = DirectoryGroups()
        public internal(set) var timeouts = DirectoryTimeouts()
        public internal(set) var staleWhileDown = TimeSpan.seconds(0)
        /// Where `servers` is written.
        public internal(set) var position = SourcePosition(file: "", line: 1, column: 1)

        public var usesTLS: Bool { startTLS || servers.contains { $0.scheme == .ldaps } }
    }

    public struct DirectoryUsers: Sendable, Hashable {
        /// Where users are searched; `nil` only if `dn` is the name of an entry.
        public internal(set) var base: String?
        /// Has `{user}` in it.
        public internal(set) var filter = "(uid={user})"
        public internal(set) var attribute = "uid"
        /// Has `{user}` in it: the name of an entry, or without `=` a login name.
        public internal(set) var dn: String?

        /// Whether `dn` is a login name such as `{user}@corp.example`.
        public var isLoginName: Bool { dn.map { !$0.utf8.contains(UInt8(ascii: "=")) } ?? false }
    }

    public struct DirectoryGroups: Sendable, Hashable {
        public enum Strategy: String, Sendable, CaseIterable {
            case memberOf = "member_of"
            case search, none
        }

        public enum Nesting: String, Sendable, CaseIterable {
            case off, chain, walk
        }

        public internal(set) var strategy = Strategy.none
        /// There where groups are searched.
        public internal(set) var base: String?
        /// Has `{dn}` or `{user}` in it.
        public internal(set) var filter = "(member={dn})"
        public internal(set) var name = "cn"
        public internal(set) var nested = Nesting.off
        public internal(set) var limit = 1000
    }

    public struct DirectoryTimeouts: Sendable, Hashable {
        public internal(set) var connect = TimeSpan.seconds(3)
        public internal(set) var operation = TimeSpan.seconds(5)
    }
}
