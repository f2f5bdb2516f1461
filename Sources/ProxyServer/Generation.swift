import AccessControl
public import Authentication
import Bytes
public import Logbook
import NetIO
public import NetTLS
import Secrets

/// One state of the configuration with all that was made of it: what a request is served by, from
/// its head to its end.
///
/// Immutable, so that no request sees a mix of two. A reload makes a new one (`Server.use`); the
/// old one lives until the last request that began with it has ended.
public final class Generation: Sendable {
    /// 1 at the start, one more with each reload.
    public let number: Int
    public let settings: ServerSettings
    /// For each of `settings.listeners` its certificate; `nil`: in the clear.
    public let certificates: [TLSContext?]
    /// `nil`: nobody can log in.
    public let logins: LoginDesk?
    public let accessLog: AccessLog
    /// Who issues and verifies tokens; `nil`: nobody, and there is no token endpoint.
    public let tokens: TokenService?
    /// Of the rules; other rules have another one.
    let rulesFingerprint: ByteString
    let upstreamAddresses: HostAddresses
    /// Differs from the previous generation's if connections to the registry that were made before
    /// must not be used any more.
    let upstreamRevision: Int
    /// What the registry has listed lately. Each generation asks anew: after a reload nobody is
    /// shown an old list.
    let catalog = CatalogCache()

    /// - Parameters:
    ///   - certificates: one for each of `settings.listeners`.
    ///   - previous: what is in use now; `nil` at the start.
    public init(
        _ settings: ServerSettings,
        certificates: [TLSContext?],
        logins: LoginDesk?,
        accessLog: AccessLog,
        tokens: TokenService? = nil,
        after previous: Generation? = nil
    ) {
        precondition(certificates.count == settings.listeners.count)
        self.settings = settings
        self.certificates = certificates
        self.logins = logins
        self.accessLog = accessLog
        self.tokens = tokens
        rulesFingerprint = settings.policy.fingerprint
        number = (previous?.number ?? 0) + 1
        if let previous, settings.leadsToSameRegistry(as: previous.settings) {
            upstreamAddresses = previous.upstreamAddresses
            upstreamRevision = previous.upstreamRevision
        } else {
            upstreamAddresses = settings.upstream.addresses
            upstreamRevision = (previous?.upstreamRevision ?? 0) + 1
        }
    }
}

/// Where the lines of the access log go, and what they look like.
public struct AccessLog: Sendable, Equatable {
    public let writer: LogWriter
    public let format: AccessLineEncoder.Format

    public init(_ writer: LogWriter, format: AccessLineEncoder.Format) {
        self.writer = writer
        self.format = format
    }

    /// Whether a line goes to the same place through either, in the same form.
    public static func == (left: AccessLog, right: AccessLog) -> Bool {
        left.writer === right.writer && left.format == right.format
    }
}

extension ServerSettings {
    /// Whether idle connections made under `other` are as good as new ones.
    fileprivate func leadsToSameRegistry(as other: ServerSettings) -> Bool {
        // Whom TLS trusts is read anew with each reload, so it is never known to be the same.
        upstream.place == other.upstream.place && upstream.tls === other.upstream.tls
            && timeouts.upstreamConnect.nanoseconds == other.timeouts.upstreamConnect.nanoseconds
    }
}

extension AccessPolicy {
    fileprivate var fingerprint: ByteString {
        ByteString(Array(SHA256.digest(of: canonicalText.span).hexadecimal.prefix(16)))
    }
}

extension ServerSettings.Upstream {
    var addresses: HostAddresses {
        switch place {
        case .host(let name, let port): HostAddresses(host: name, port: port)
        case .unix(let address): HostAddresses(fixed: address)
        }
    }
}
