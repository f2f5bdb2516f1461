public import AccessControl
public import Bytes
public import NetIO
public import NetTLS
public import RegistryAPI
public import Secrets

/// All that the server is told, already checked. Times and sizes are those of the configuration.
public struct ServerSettings: Sendable {
    public struct Listener: Sendable {
        public var address: SocketAddress
        /// Of proxies in front that are believed when they say who the client is.
        public var trustedProxies: [IPNetwork] = []
        /// Whether those begin each connection with a PROXY header.
        public var expectsProxyHeader = false

        public init(address: SocketAddress) { self.address = address }
    }

    /// The registry behind.
    public struct Upstream: Sendable {
        /// What is connected to.
        public enum Place: Sendable, Equatable {
            /// A name, or a literal address without brackets.
            case host(String, port: UInt16)
            case unix(SocketAddress)
        }

        /// What is done with a redirect of a blob to storage.
        public enum Redirects: Sendable {
            case pass
            /// - Parameter: whom to trust there.
            case follow(TLSClientContext)
            case refuse
        }

        public var place: Place
        /// The `Host` it is asked for: as in `upstream.url`; `localhost` on a unix socket.
        public var authority: ByteString
        /// Who may vouch for its certificate; `nil`: in the clear.
        public var tls: TLSClientContext?
        public var redirects = Redirects.pass
        /// Where redirects may lead; empty: anywhere.
        public var redirectHosts: [HostPattern] = []
        /// The value of the proxy's own `Authorization` field; `nil`: it does not log in there.
        public var authorization: SecretBytes?

        public init(
            _ place: Place,
            authority: ByteString,
            tls: TLSClientContext? = nil,
            authorization: SecretBytes? = nil
        ) {
            self.place = place
            self.authority = authority
            self.tls = tls
            self.authorization = authorization
        }
    }

    /// What clients call this server, where it is not what they say themselves.
    public struct ExternalURL: Sendable {
        public var scheme: ByteString
        public var authority: ByteString

        public init(scheme: ByteString, authority: ByteString) {
            self.scheme = scheme
            self.authority = authority
        }
    }

    public struct Limits: Sendable {
        public var requestHead = 32 * 1024
        public var manifest = 4 * 1024 * 1024
        public var connections = 10_000
        /// 0: no limit of its own.
        public var connectionsPerClient = 0
        /// Bytes per second over `timeouts.stall`; 0: off.
        public var minimumRate = 0
        public var lingerBytes = 16 * 1024 * 1024

        public init() {}
    }

    public struct Timeouts: Sendable {
        public var tlsHandshake = Timeout(.tlsHandshake, seconds: 10)
        public var requestHead = Timeout(.requestHead, seconds: 10)
        public var idle = Timeout(.idle, seconds: 75)
        public var stall = Timeout(.stall, seconds: 60)
        public var upstreamConnect = Timeout(.upstreamConnect, seconds: 5)
        public var upstreamResponse = Timeout(.upstreamResponse, seconds: 60)
        /// Not a key: registries close at 60 s or later, and it is better to be first.
        public var upstreamIdle = Timeout(.upstreamIdle, seconds: 55)
        public var manifestBody = Timeout(.manifestBody, seconds: 30)
        public var upstreamCommit = Timeout(.upstreamCommit, seconds: 900)
        public var linger = Timeout(.linger, seconds: 10)
        public var drain = Timeout(.drain, seconds: 30)
        /// For others who change the same tag. Not in the configuration.
        public var lock = Timeout(.lock, seconds: 60)
        /// For the check of a login: longer than the providers' own limits. Not in the
        /// configuration.
        public var login = Timeout(.login, seconds: 120)
        /// For finding the tags of a digest. Not in the configuration.
        public var tagSearch = Timeout(.tagSearch, seconds: 10)

        public init() {}
    }

    public var listeners: [Listener]
    public var admin: SocketAddress?
    public var externalURL: ExternalURL?
    public var upstream: Upstream
    /// What a 401 asks for.
    public var challenge: Challenge
    /// Which name of a client's certificate is its user; `nil`: a certificate is no login.
    public var certificateUser: TLSRecordLayer.ClientName?
    public var policy: AccessPolicy
    /// Rules that are asked beside `policy`, and change nothing but the access log.
    public var shadow: AccessPolicy?
    /// Whose pages may read answers in a browser, as browsers write them: `https://ui.example`.
    public var corsOrigins: [ByteString] = []
    public var limits = Limits()
    public var timeouts = Timeouts()
    /// How many event loops; one per core is right.
    public var loopCount: Int

    public init(
        listeners: [Listener],
        admin: SocketAddress?,
        externalURL: ExternalURL?,
        upstream: Upstream,
        challenge: Challenge,
        policy: AccessPolicy,
        loopCount: Int
    ) {
        self.listeners = listeners
        self.admin = admin
        self.externalURL = externalURL
        self.upstream = upstream
        self.challenge = challenge
        self.policy = policy
        self.loopCount = loopCount
    }
}

extension Timeout {
    init(_ name: TimeoutName, seconds: Int64) {
        self.init(name, nanoseconds: seconds * 1_000_000_000)
    }
}
