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
import Secrets

/// Turns what the operator wrote into what the server is made of. The only place that knows both.
enum Assembly {
    /// What is wrong with the files that the configuration names. For `check`, and for `serve`
    /// before anything listens.
    static func problems(in configuration: Configuration) -> [ConfigurationError] {
        var problems: [ConfigurationError] = []
        for listener in configuration.listen {
            if let tls = listener.tls { problems += self.problems(in: tls) }
        }
        if case .file(let file) = configuration.log.access.path,
            !LogWriter.mayAppend(to: file.path)
        {
            problems.append(
                file.error("\(file.path): cannot be written (a file or a folder that can)"))
        }
        if let file = configuration.auth.htpasswd?.file {
            do throws(PasswordFileErrors) {
                _ = try PasswordFile.load(path: file.path)
            } catch {
                problems += error.all.map { file.error($0.description) }
            }
        }
        return problems
    }

    /// What is not wrong but probably not meant.
    static func warnings(in configuration: Configuration) -> [ConfigurationError] {
        guard let file = configuration.auth.htpasswd?.file,
            let users = try? PasswordFile.load(path: file.path)
        else { return [] }
        return users.warnings.map { file.error($0.description) }
    }

    private static func problems(in tls: Configuration.TLS) -> [ConfigurationError] {
        do throws(SecretFileError) {
            _ = try SecretFile.read(path: tls.privateKey.path)
        } catch {
            return [tls.privateKey.error("\(tls.privateKey.path): \(error)")]
        }
        do throws(TLSContext.LoadError) {
            _ = try TLSContext(
                chain: tls.certificate.path,
                key: tls.privateKey.path,
                minimum: tls.minimum
            )
            return []
        } catch {
            return [tls.error(error)]
        }
    }

    static func settings(from configuration: Configuration) -> ServerSettings? {
        guard
            let challenge = Challenge(basicRealm: ByteString(configuration.auth.realm)),
            let listeners = Self.listeners(configuration)
        else { return nil }
        let groups = configuration.access.groups.map { ($0.name, $0.users) }
        var settings = ServerSettings(
            listeners: listeners,
            admin: configuration.admin.flatMap { SocketAddress($0.address) },
            externalURL: configuration.externalURL.map(ServerSettings.ExternalURL.init),
            upstream: ServerSettings.Upstream(configuration.upstream.url),
            challenge: challenge,
            policy: AccessPolicy(
                groups: Dictionary(uniqueKeysWithValues: groups),
                rules: configuration.access.rules
            ),
            loopCount: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        )
        settings.limits = ServerSettings.Limits(configuration.limits)
        settings.timeouts = ServerSettings.Timeouts(configuration.timeouts)
        return settings
    }

    private static func listeners(_ configuration: Configuration) -> [ServerSettings.Listener]? {
        var listeners: [ServerSettings.Listener] = []
        for listener in configuration.listen {
            guard let address = SocketAddress(listener.address) else { return nil }
            let files = listener.tls.map {
                ServerSettings.CertificateFiles(
                    chain: $0.certificate.path,
                    key: $0.privateKey.path,
                    minimum: $0.minimum
                )
            }
            listeners.append(ServerSettings.Listener(address: address, certificate: files))
        }
        return listeners
    }

    static func logins(from configuration: Configuration) throws -> LoginDesk? {
        guard let file = configuration.auth.htpasswd?.file else { return nil }
        var settings = LoginSettings()
        settings.lifetime = .nanoseconds(configuration.auth.cache.lifetime.nanoseconds)
        settings.wrongLifetime = .nanoseconds(configuration.auth.cache.wrongLifetime.nanoseconds)
        settings.entries = configuration.auth.cache.entries
        settings.waiting = configuration.limits.loginsWaiting
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return try LoginDesk(
            users: PasswordFile.load(path: file.path),
            settings: settings,
            pool: BlockingPool(
                name: "password",
                threadCount: min(4, max(1, cores / 4)),
                queueLimit: settings.waiting
            ),
            clock: { Instant.now.nanoseconds }
        )
    }
}

extension Configuration.TLS {
    var minimum: TLSContext.Version {
        switch minimumVersion {
        case .tls12: .tls12
        case .tls13: .tls13
        }
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
    init(_ url: WebAddress) {
        let host =
            switch url.host {
            case .ip(let address): address.description
            case .name(let name): name
            }
        self.init(host: host, port: url.port, authority: ByteString(url.authority.lowercased()))
    }
}

extension ServerSettings.Limits {
    init(_ limits: Configuration.Limits) {
        self.init()
        requestHead = limits.requestHead.bytes
        manifest = limits.manifest.bytes
        connections = limits.connections
        lingerBytes = limits.lingerBytes.bytes
    }
}

extension ServerSettings.Timeouts {
    init(_ timeouts: Configuration.Timeouts) {
        self.init()
        tlsHandshake = Timeout("tls_handshake", nanoseconds: timeouts.tlsHandshake.nanoseconds)
        requestHead = Timeout("request_head", nanoseconds: timeouts.requestHead.nanoseconds)
        idle = Timeout("idle", nanoseconds: timeouts.idle.nanoseconds)
        stall = Timeout("stall", nanoseconds: timeouts.stall.nanoseconds)
        upstreamConnect = Timeout(
            "upstream_connect",
            nanoseconds: timeouts.upstreamConnect.nanoseconds
        )
        upstreamResponse = Timeout(
            "upstream_response",
            nanoseconds: timeouts.upstreamResponse.nanoseconds
        )
        manifestBody = Timeout("manifest_body", nanoseconds: timeouts.manifestBody.nanoseconds)
        upstreamCommit = Timeout(
            "upstream_commit",
            nanoseconds: timeouts.upstreamCommit.nanoseconds
        )
        linger = Timeout("linger", nanoseconds: timeouts.linger.nanoseconds)
        drain = Timeout("drain", nanoseconds: timeouts.drain.nanoseconds)
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
