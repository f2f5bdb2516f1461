import AccessControl
import Authentication
import Bytes
import Glibc
import Logbook
import NetIO
import NetTLS
import ProxyConfig
import ProxyServer
import RegistryAPI

// How the configuration says things, and how the server's parts do.

extension ServerSettings {
    init(_ configuration: Configuration, upstream: Upstream) {
        let listeners = configuration.listen.compactMap(Listener.init)
        guard let challenge = Challenge(basicRealm: ByteString(configuration.auth.realm)),
            listeners.count == configuration.listen.count
        else { preconditionFailure("the configuration reader let a realm or address through") }
        self.init(
            listeners: listeners,
            admin: configuration.admin.flatMap { SocketAddress($0.address) },
            externalURL: configuration.externalURL.map(ExternalURL.init),
            upstream: upstream,
            challenge: challenge,
            policy: configuration.access.policy,
            loopCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        )
        shadow = configuration.shadow?.policy
        certificateUser = configuration.auth.certificateUser
        corsOrigins = configuration.cors.origins.map { ByteString($0.description) }
        limits = Limits(configuration.limits)
        timeouts = Timeouts(configuration.timeouts)
    }
}

extension Configuration.Auth {
    /// Which name of a certificate is its user; `nil`: none, a certificate is no login.
    fileprivate var certificateUser: TLSRecordLayer.ClientName? {
        guard order.contains(.clientCertificates), let clientCertificates else { return nil }
        return switch clientCertificates.user {
        case .commonName: .commonName
        case .email: .email
        case .dns: .dns
        }
    }
}

extension ServerSettings.Listener {
    /// `nil` for a unix path that is too long; the reader has refused those.
    init?(_ listener: Configuration.Listener) {
        guard let address = SocketAddress(listener.address) else { return nil }
        self.init(address: address)
        trustedProxies = listener.trustedProxies
        expectsProxyHeader = listener.proxyProtocol
    }
}

extension Configuration.TLS {
    var minimum: TLSContext.Version {
        switch minimumVersion {
        case .tls12: .tls12
        case .tls13: .tls13
        }
    }

    /// `nil`: clients are not asked for a certificate.
    var clients: TLSContext.Clients? {
        guard let clientCA, let clientCertificate else { return nil }
        return TLSContext.Clients(
            authorities: clientCA.path,
            revoked: clientCRL?.path,
            areRequired: clientCertificate == .required
        )
    }

    /// What is wrong, at the key that names the file.
    func error(_ error: TLSContext.LoadError) -> ConfigurationError {
        switch error {
        case .badChain(let reason):
            certificate.error("\(certificate.path): \(reason) (a PEM chain, leaf first)")
        case .badKey(let reason):
            privateKey.error("\(privateKey.path): \(reason) (a PEM private key, not encrypted)")
        case .keyMismatch:
            privateKey.error("\(privateKey.path): is not the key of \(certificate.path)")
        case .outsideValidity(let isOver):
            certificate.error("\(certificate.path): \(isOver ? "has expired" : "is not valid yet")")
        case .badClientAuthorities(let reason):
            (clientCA ?? certificate).error(
                "\(clientCA?.path ?? ""): \(reason) (PEM certificates, one or more)")
        case .badRevocationList(let reason):
            (clientCRL ?? certificate).error(
                "\(clientCRL?.path ?? ""): \(reason) (PEM revocation lists, one or more)")
        case .unavailable(let reason):
            certificate.error("no TLS context can be made: \(reason)")
        }
    }
}

extension SocketAddress {
    /// `nil` for a unix path that is too long; the reader has refused those.
    init?(_ endpoint: Endpoint) {
        switch endpoint {
        case .ip(let address, let port): self.init(address, port: port)
        case .unix(let path): self.init(unixPath: path)
        }
    }
}

extension ServerSettings.ExternalURL {
    init(_ url: WebAddress) {
        self.init(
            scheme: ByteString(url.scheme.rawValue),
            authority: ByteString(url.authority.lowercased())
        )
    }
}

extension ServerSettings.Upstream {
    init(_ address: UpstreamAddress) {
        let place: Place
        let authority: String
        switch address {
        case .web(let url):
            let host =
                switch url.host {
                case .ip(let address): address.description
                case .name(let name): name
                }
            place = .host(host, port: url.port)
            authority = url.authority.lowercased()
        case .unix(let path):
            guard let socket = SocketAddress(unixPath: path) else {
                preconditionFailure("the configuration reader let a path through")
            }
            place = .unix(socket)
            authority = "localhost"
        }
        self.init(place, authority: ByteString(authority))
    }
}

extension ServerSettings.Limits {
    init(_ limits: Configuration.Limits) {
        self.init()
        requestHead = limits.requestHead.bytes
        manifest = limits.manifest.bytes
        connections = limits.connections
        connectionsPerClient = limits.connectionsPerClient
        minimumRate = limits.minimumRate
        lingerBytes = limits.lingerBytes.bytes
    }
}

extension ServerSettings.Timeouts {
    init(_ timeouts: Configuration.Timeouts) {
        self.init()
        tlsHandshake = Timeout(.tlsHandshake, nanoseconds: timeouts.tlsHandshake.nanoseconds)
        requestHead = Timeout(.requestHead, nanoseconds: timeouts.requestHead.nanoseconds)
        idle = Timeout(.idle, nanoseconds: timeouts.idle.nanoseconds)
        stall = Timeout(.stall, nanoseconds: timeouts.stall.nanoseconds)
        upstreamConnect = Timeout(
            .upstreamConnect,
            nanoseconds: timeouts.upstreamConnect.nanoseconds
        )
        upstreamResponse = Timeout(
            .upstreamResponse,
            nanoseconds: timeouts.upstreamResponse.nanoseconds
        )
        manifestBody = Timeout(.manifestBody, nanoseconds: timeouts.manifestBody.nanoseconds)
        upstreamCommit = Timeout(
            .upstreamCommit,
            nanoseconds: timeouts.upstreamCommit.nanoseconds
        )
        linger = Timeout(.linger, nanoseconds: timeouts.linger.nanoseconds)
        drain = Timeout(.drain, nanoseconds: timeouts.drain.nanoseconds)
    }
}

extension OperatorLog.Level {
    init(_ level: Configuration.LogLevel) {
        self =
            switch level {
            case .debug: .debug
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
    }
}

extension LogWriter.Destination {
    init(_ destination: Configuration.LogDestination) {
        self =
            switch destination {
            case .standardOutput: .standardOutput
            case .file(let reference): .file(reference.path)
            case .off: .off
            }
    }
}

extension AccessLineEncoder.Format {
    init(_ format: Configuration.AccessLogFormat) {
        self =
            switch format {
            case .json: .json
            case .combined: .combined
            }
    }
}

extension LoginSettings {
    init(_ configuration: Configuration) {
        self.init()
        let cache = configuration.auth.cache
        lifetime = .nanoseconds(cache.lifetime.nanoseconds)
        ldapLifetime = .nanoseconds(cache.ldapLifetime.nanoseconds)
        if let directory = configuration.auth.ldap {
            staleWhileDown = .nanoseconds(directory.staleWhileDown.nanoseconds)
        }
        wrongLifetime = .nanoseconds(cache.wrongLifetime.nanoseconds)
        entries = cache.entries
        waiting = configuration.limits.loginsWaiting
        throttle.isEnabled = configuration.auth.throttle.enabled
        throttle.perUserAndNetwork = configuration.auth.throttle.perUserAndNetwork
        throttle.perNetwork = configuration.auth.throttle.perNetwork
    }
}
