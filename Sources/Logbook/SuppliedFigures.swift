/// The figures of `/metrics` that other modules know, as of the moment of asking. What is `nil` or
/// empty is left out of the page.
public struct SuppliedFigures: Sendable {
    /// Ended login attempts of one provider and result.
    public struct Logins: Sendable {
        public var provider: String
        public var result: String
        public var count: Int

        public init(provider: String, result: String, count: Int) {
            self.provider = provider
            self.result = result
            self.count = count
        }
    }

    /// When the certificate of a listener ends, in seconds since 1970.
    public struct CertificateExpiry: Sendable {
        public var listener: String
        public var seconds: Int

        public init(listener: String, seconds: Int) {
            self.listener = listener
            self.seconds = seconds
        }
    }

    /// Whether a directory server was heard last.
    public struct DirectoryServer: Sendable {
        public var server: String
        public var isUp: Bool

        public init(server: String, isUp: Bool) {
            self.server = server
            self.isUp = isUp
        }
    }

    public var logins: [Logins] = []
    public var directoryServers: [DirectoryServer] = []
    public var passwordHashes: Int?
    /// Hits of a cache that loops share; those of the loops' own are added.
    public var loginCacheHits = 0
    /// Password checks that wait.
    public var loginQueue: Int?
    /// Logins that were refused because of wrong passwords before.
    public var throttled: Int?
    /// Connections that were closed at once, by the limit that was reached.
    public var connectionsRefused: [(reason: String, count: Int)] = []
    /// Records of the audit trail that wait to be written.
    public var auditPending: Int?
    /// How often the audit trail was forced to the disk.
    public var auditFsyncs: Int?
    public var configGeneration: Int?
    public var configLastReloadSucceeded: Bool?
    public var certificateExpiries: [CertificateExpiry] = []

    public init() {}
}
