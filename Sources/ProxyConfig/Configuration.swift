public import AccessControl
public import Bytes

/// What the operator wrote, checked, with the defaults filled in.
///
/// Only `ConfigurationReader` makes one. The nested types mirror the sections of the file; what
/// each key means, why it exists and what happens when it fires is in `docs/configuration.md`.
public struct Configuration: Sendable {
    /// The file it was read from, as given.
    public internal(set) var file = ""
    /// At least one.
    public internal(set) var listen: [Listener] = []
    /// `nil`: the listener's scheme and the request's `Host`.
    public internal(set) var externalURL: WebAddress?
    public internal(set) var upstream = Upstream()
    public internal(set) var auth = Auth()
    public internal(set) var access = Access()
    /// The rules in the file that `access.shadow` names; `nil` without the key.
    public internal(set) var shadow: Access?
    public internal(set) var cors = CORS()
    public internal(set) var log = Log()
    /// `nil`: no admin listener.
    public internal(set) var admin: Admin?
    public internal(set) var limits = Limits()
    public internal(set) var timeouts = Timeouts()
    /// The file as it was written, for telling what changed.
    var written: YAMLNode?
}

extension Configuration {
    /// One socket for clients.
    public struct Listener: Sendable, Hashable {
        public internal(set) var address = Endpoint.ip(.loopback, port: 0)
        /// `nil`: plain HTTP. The reader has made sure that the address is local or `plaintext`
        /// set.
        public internal(set) var tls: TLS?
        public internal(set) var plaintext = false
        /// Of proxies that are believed when they say who the client is.
        public internal(set) var trustedProxies: [IPNetwork] = []
        /// Whether those begin each connection with a PROXY header.
        public internal(set) var proxyProtocol = false
        /// Where `address` is written, for what only binding can find wrong.
        public internal(set) var position = SourcePosition(file: "", line: 1, column: 1)
    }

    public struct TLS: Sendable, Hashable {
        /// The chain, leaf first, PEM.
        public internal(set) var certificate = FileReference.none
        public internal(set) var privateKey = FileReference.none
        public internal(set) var minimumVersion = TLSVersion.tls12
        /// Who may vouch for clients, PEM. There exactly if `clientCertificate` is.
        public internal(set) var clientCA: FileReference?
        public internal(set) var clientCertificate: ClientCertificate?
        /// Revocation lists, PEM.
        public internal(set) var clientCRL: FileReference?
    }

    public enum ClientCertificate: String, Sendable, CaseIterable {
        case optional, required
    }

    public enum TLSVersion: String, Sendable, CaseIterable {
        case tls12 = "1.2"
        case tls13 = "1.3"
    }

    public struct Upstream: Sendable, Hashable {
        public internal(set) var url = UpstreamAddress.none
        /// Who may vouch for the registry's certificate, PEM. There exactly for `https`.
        public internal(set) var ca: FileReference?
        /// There exactly if `passwordFile` is: 1 to 128 bytes without a colon.
        public internal(set) var username: String?
        public internal(set) var passwordFile: SecretReference?
        public internal(set) var redirects = Redirects.pass
        /// Where redirects may lead; empty: anywhere.
        public internal(set) var redirectHosts: [HostPattern] = []
        /// Where `upstream.url` is written.
        public internal(set) var position = SourcePosition(file: "", line: 1, column: 1)
    }

    /// What is done with a redirect of a blob to storage.
    public enum Redirects: String, Sendable, CaseIterable {
        case pass, follow, refuse
    }

    public struct Auth: Sendable, Hashable {
        /// Printable ASCII without `"` and `\`, so that it can stand in a challenge as it is.
        public internal(set) var realm = "Registry"
        public internal(set) var challenge = ChallengeKind.auto
        /// `nil`: there are no password users.
        public internal(set) var htpasswd: Htpasswd?
        /// Who is asked, in this order; those without a section of their own are passed over. No
        /// source twice.
        public internal(set) var order = LoginSource.allCases
        /// `nil`: there is no directory.
        public internal(set) var ldap: Directory?
        /// `nil`: certificates of clients are no login.
        public internal(set) var clientCertificates: ClientCertificates?
        public internal(set) var cache = LoginCache()
        public internal(set) var throttle = LoginThrottle()
        public internal(set) var token = Token()
        /// `nil`: there are no robot tokens.
        public internal(set) var robots: Robots?
    }

    /// What a 401 asks for.
    public enum ChallengeKind: String, Sendable, CaseIterable {
        /// A token if the rules let anybody do anything without a login, else a password.
        case auto
        case basic, bearer
    }

    public struct Token: Sendable, Hashable {
        /// `nil`: a key in memory, which no other instance has.
        public internal(set) var keyFile: SecretReference?
        public internal(set) var lifetime = TimeSpan.minutes(5)
        /// Printable ASCII without `"` and `\`.
        public internal(set) var service = "registry-proxy"
    }

    public struct Robots: Sendable, Hashable {
        public internal(set) var file = FileReference.none
    }

    public struct Htpasswd: Sendable, Hashable {
        public internal(set) var file = FileReference.none
    }

    public struct ClientCertificates: Sendable, Hashable {
        /// What a certificate calls its user.
        public enum Name: String, Sendable, CaseIterable {
            case commonName = "cn"
            case email, dns
        }

        public internal(set) var user = Name.commonName
    }

    public struct LoginCache: Sendable, Hashable {
        public internal(set) var lifetime = TimeSpan.minutes(5)
        public internal(set) var ldapLifetime = TimeSpan.seconds(60)
        public internal(set) var wrongLifetime = TimeSpan.seconds(10)
        public internal(set) var entries = 10_000
    }

    /// How guessing is slowed. Counts are of distinct wrong passwords.
    public struct LoginThrottle: Sendable, Hashable {
        public internal(set) var enabled = true
        public internal(set) var perUserAndNetwork = 5
        public internal(set) var perNetwork = 30
    }

    public struct Access: Sendable {
        /// In the order of the file; no name twice.
        public internal(set) var groups: [WrittenGroup] = []
        /// In the order of the file; no id twice.
        public internal(set) var rules: [AccessRule] = []
        /// In the order of the file.
        public internal(set) var server: [ServerGrant] = []
        /// In the order of the file.
        public internal(set) var tests: [RuleTest] = []
        /// Where everything stands that is not in the parts above.
        var places = AccessPlaces()
        /// Whether repositories that somebody may not pull look to them as if they did not exist.
        public internal(set) var hide = false
        /// Whom the denied may ask.
        public internal(set) var contact: String?
        /// A file with rules that are only tried; read into `Configuration.shadow`.
        public internal(set) var shadow: FileReference?

        /// The groups and rules, made ready to decide. Compiles the rules: ask once per
        /// configuration.
        public var policy: AccessPolicy {
            AccessPolicy(
                groups: groups,
                rules: rules,
                server: server,
                contact: contact,
                hidesRepositories: hide
            )
        }
    }

    public struct CORS: Sendable, Hashable {
        /// Whose pages may read answers in a browser. `description` is how browsers write them.
        public internal(set) var origins: [WebAddress] = []
    }

    public struct Log: Sendable, Hashable {
        /// Of the proxy's own events.
        public internal(set) var level = LogLevel.info
        public internal(set) var access = AccessLog()
        /// `nil`: there is no audit trail.
        public internal(set) var audit: Audit?
    }

    public enum LogLevel: String, Sendable, CaseIterable {
        case debug, info, warning, error
    }

    public struct AccessLog: Sendable, Hashable {
        public internal(set) var path = LogDestination.standardOutput
        public internal(set) var format = AccessLogFormat.json
    }

    public enum LogDestination: Sendable, Hashable {
        case standardOutput
        case file(FileReference)
        case off
    }

    public enum AccessLogFormat: String, Sendable, CaseIterable {
        case json, combined
    }

    public struct Audit: Sendable, Hashable {
        public internal(set) var path = FileReference.none
        public internal(set) var sync = AuditSync.group
        public internal(set) var rotateSize = ByteCount.mebibytes(256)
        public internal(set) var rotateAge = TimeSpan.hours(24)
        /// A file goes when its newest record is older than so many times `rotateAge`.
        public internal(set) var keep = 90
        public internal(set) var compress = true
        /// How many records lie at most between two checkpoints.
        public internal(set) var checkpoint = 1000
        /// `nil`: there are no checkpoints. A file that is not there is made.
        public internal(set) var signingKeyFile: SecretReference?
    }

    /// What an answer waits for.
    public enum AuditSync: String, Sendable, CaseIterable {
        /// The record is on the disk; one fsync may cover many.
        case group
    }

    public struct Admin: Sendable, Hashable {
        public internal(set) var address = Endpoint.ip(.loopback, port: 0)
        /// Where `admin.address` is written.
        public internal(set) var position = SourcePosition(file: "", line: 1, column: 1)
    }

    public struct Limits: Sendable, Hashable {
        public internal(set) var requestHead = ByteCount.kibibytes(32)
        public internal(set) var manifest = ByteCount.mebibytes(4)
        public internal(set) var connections = 10_000
        /// 0: no limit of its own.
        public internal(set) var connectionsPerClient = 0
        /// Bytes per second; 0: off.
        public internal(set) var minimumRate = 0
        public internal(set) var loginsWaiting = 256
        public internal(set) var lingerBytes = ByteCount.mebibytes(16)
    }

    public struct Timeouts: Sendable, Hashable {
        public internal(set) var tlsHandshake = TimeSpan.seconds(10)
        public internal(set) var requestHead = TimeSpan.seconds(10)
        public internal(set) var idle = TimeSpan.seconds(75)
        public internal(set) var stall = TimeSpan.seconds(60)
        public internal(set) var upstreamConnect = TimeSpan.seconds(5)
        public internal(set) var upstreamResponse = TimeSpan.seconds(60)
        public internal(set) var manifestBody = TimeSpan.seconds(30)
        public internal(set) var upstreamCommit = TimeSpan.minutes(15)
        public internal(set) var linger = TimeSpan.seconds(10)
        public internal(set) var drain = TimeSpan.seconds(30)
    }
}

/// A file that the configuration names, and where it does, for messages about what is in it.
public struct FileReference: Sendable, Hashable {
    /// Relative paths have become relative to the configuration file's folder.
    public let path: String
    public let position: SourcePosition
    /// The key that names it: `auth.htpasswd.file`.
    public let key: String

    /// Stands where a required key has not been read yet; no finished configuration holds it.
    static let none = FileReference(
        path: "",
        position: SourcePosition(file: "", line: 1, column: 1),
        key: ""
    )

    /// An error at the place that names the file.
    ///
    /// - Parameter message: what is wrong, then in parentheses what is allowed.
    public func error(_ message: String) -> ConfigurationError {
        ConfigurationError(at: position, key: key, message: message)
    }
}
