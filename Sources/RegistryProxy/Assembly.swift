import AccessControl
import Authentication
import Bytes
import DirectoryLDAP
import Glibc
import Logbook
import NetIO
import NetTLS
import ProxyConfig
import ProxyServer
import Secrets

/// What an operator's configuration was made into: everything that it names was read and checked,
/// and nothing is in use yet. `check` makes one and lets it go; `serve` makes one at the start and
/// for each reload. The only place that knows both the configuration and the server's parts.
struct Assembly {
    let settings: ServerSettings
    /// For each listener; `nil`: in the clear.
    let certificates: [TLSContext?]
    /// `nil`: there is no password file.
    let users: PasswordFile?
    /// `nil`: no directory is asked.
    let directory: DirectorySettings?
    /// Who is asked about a login, in this order.
    let order: [Configuration.LoginSource]
    let loginSettings: LoginSettings
    let tokens: TokenSettings
    let logDestination: LogWriter.Destination
    let logFormat: AccessLineEncoder.Format
    /// What is not wrong but probably not meant.
    let warnings: [ConfigurationError]

    /// Everything that is wrong with what a configuration names; never empty.
    struct Problems: Error {
        let all: [ConfigurationError]
        /// What is not wrong but probably not meant, as far as it could be found out.
        var warnings: [ConfigurationError] = []
    }

    /// Reads all files that `configuration` names. Changes nothing anywhere.
    init(_ configuration: Configuration) throws(Problems) {
        var reading = FileReading()
        certificates = configuration.listen.map { $0.tls.flatMap { reading.certificate($0) } }
        users = configuration.auth.htpasswd.flatMap { reading.users($0.file) }
        directory = configuration.auth.ldap.flatMap { reading.directory($0) }
        order = configuration.auth.order
        tokens = TokenSettings(configuration, &reading)
        reading.checkLog(configuration.log.access)
        reading.errors += configuration.log.audit?.problems ?? []
        settings = ServerSettings(
            configuration,
            upstream: reading.upstream(configuration.upstream)
        )
        reading.errors += configuration.access.failingTests(of: settings.policy)
        if let shadow = configuration.shadow, let policy = settings.shadow {
            reading.errors += shadow.failingTests(of: policy)
        }
        loginSettings = LoginSettings(configuration)
        logDestination = .init(configuration.log.access.path)
        logFormat = .init(configuration.log.access.format)
        let known = configuration.onlyUsersFile == nil ? nil : users?.users
        let policy = settings.policy
        warnings =
            reading.warnings
            + (known.map { configuration.doubtsAboutUsers(known: $0, in: policy) } ?? [])
        guard reading.errors.isEmpty else {
            throw Problems(all: reading.errors, warnings: warnings)
        }
    }

    /// Only what a login needs, for commands that serve nothing: other files may be unreadable.
    static func loginParts(
        of configuration: Configuration
    ) throws(Problems) -> (users: PasswordFile?, directory: DirectorySettings?) {
        var reading = FileReading()
        let users = configuration.auth.htpasswd.flatMap { reading.users($0.file) }
        let directory = configuration.auth.ldap.flatMap { reading.directory($0) }
        guard reading.errors.isEmpty else { throw Problems(all: reading.errors) }
        return (users, directory)
    }

    /// What is wrong with the files that the configuration names; for `check`.
    static func problems(in configuration: Configuration) -> [ConfigurationError] {
        do throws(Problems) {
            _ = try Assembly(configuration)
            return []
        } catch {
            return error.all
        }
    }

    /// What is not wrong but probably not meant; for `check`.
    static func warnings(in configuration: Configuration) -> [ConfigurationError] {
        let now = Moment(secondsSince1970: WallTime.now.nanoseconds / 1_000_000_000)
        let found: [ConfigurationError]
        do throws(Problems) {
            found = try Assembly(configuration).warnings
        } catch {
            found = error.warnings
        }
        return found + configuration.doubtsAboutRules(now: now)
    }
}

/// Putting it to use.
extension Assembly {
    /// Makes what the server is started with, or takes up after `previous`.
    ///
    /// With other users every remembered login is forgotten, at once. That is the one effect before
    /// `Server.use`, and the last thing that can fail.
    ///
    /// - Parameters:
    ///   - operatorLog: is told what happens to the directory and the access log.
    ///   - audit: is told what happens to the directory and to robot tokens.
    func makeGeneration(
        after previous: Generation? = nil,
        operatorLog: OperatorLog,
        audit: AuditDesk?
    ) throws -> Generation {
        let accessLog = try accessLog(after: previous?.accessLog, operatorLog)
        let tokens = try tokens.makeService(after: previous?.tokens) { audit?.note($0) }
        return Generation(
            settings,
            certificates: certificates,
            logins: try logins(after: previous?.logins, operatorLog, audit),
            accessLog: accessLog,
            tokens: tokens,
            after: previous
        )
    }

    private func accessLog(
        after previous: AccessLog?,
        _ operatorLog: OperatorLog
    ) throws -> AccessLog {
        if let previous, previous.writer.destination == logDestination {
            return AccessLog(previous.writer, format: logFormat)
        }
        let writer = try LogWriter(logDestination, operatorLog: operatorLog)
        return AccessLog(writer, format: logFormat)
    }

    private func logins(
        after previous: LoginDesk?,
        _ log: OperatorLog,
        _ audit: AuditDesk?
    ) throws -> LoginDesk? {
        let providers = try providers(after: previous) { (event: DirectoryEvent) in
            log.log(event)
            audit?.note(event)
        }
        guard !providers.isEmpty else { return nil }
        if let previous, previous.settings == loginSettings {
            try previous.replaceIfOther(providers)
            return previous
        }
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return try LoginDesk(
            providers: providers,
            settings: loginSettings,
            pools: LoginPools(
                hashing: BlockingPool(
                    name: "password",
                    threadCount: min(4, max(1, cores / 4)),
                    queueLimit: loginSettings.waiting,
                    standsBack: true
                ),
                asking: BlockingPool(
                    name: "directory",
                    threadCount: Self.directoryThreadCount,
                    queueLimit: loginSettings.waiting
                )
            ),
            clock: { Instant.now.nanoseconds },
            tell: { log.log($0) }
        )
    }

    /// So many logins can be at the directory at once; each waits most of the time.
    private static let directoryThreadCount = 8

    /// A directory whose settings are the same is the same: its connections go on.
    private func providers(
        after previous: LoginDesk?,
        tell: @escaping @Sendable (DirectoryEvent) -> Void
    ) throws -> [any LoginProvider] {
        try order.compactMap { source in
            switch source {
            case .clientCertificates: return nil
            case .htpasswd: return users
            case .ldap:
                guard let directory else { return nil }
                let before = previous?.providers.lazy.compactMap { $0 as? Directory }.first
                if let before, before.settings == directory { return before }
                return try Directory(directory, report: tell)
            }
        }
    }
}

extension LoginDesk {
    /// Takes these, unless they are those in force: then nobody has to log in again.
    fileprivate func replaceIfOther(_ new: [any LoginProvider]) throws {
        let isSame = providers.elementsEqual(new) { old, new in
            switch (old, new) {
            case (let old as PasswordFile, let new as PasswordFile): old == new
            case (let old as Directory, let new as Directory): old === new
            default: false
            }
        }
        if !isSame { try replaceProviders(new) }
    }
}

/// Reads files and collects what is wrong with them, each at the key that names it.
struct FileReading {
    var errors: [ConfigurationError] = []
    var warnings: [ConfigurationError] = []

    mutating func certificate(_ tls: Configuration.TLS) -> TLSContext? {
        do throws(SecretFileError) {
            _ = try SecretFile.read(path: tls.privateKey.path)
        } catch {
            errors.append(tls.privateKey.error("\(tls.privateKey.path): \(error)"))
            return nil
        }
        do throws(TLSContext.LoadError) {
            let context = try TLSContext(
                chain: tls.certificate.path,
                key: tls.privateKey.path,
                minimum: tls.minimum,
                clients: tls.clients
            )
            let expiry = Expiry(context.expiry)
            if expiry.isNear {
                let advice = "renew it \(Expiry.warningDays) days before"
                warnings.append(
                    tls.certificate.error("\(tls.certificate.path): \(expiry) (\(advice))")
                )
            }
            return context
        } catch {
            errors.append(tls.error(error))
            return nil
        }
    }

    mutating func upstream(_ upstream: Configuration.Upstream) -> ServerSettings.Upstream {
        var made = ServerSettings.Upstream(upstream.url)
        if let ca = upstream.ca { made.tls = authorities(.file(ca.path), at: ca) }
        made.authorization = authorization(upstream)
        made.redirectHosts = upstream.redirectHosts
        switch upstream.redirects {
        case .pass: made.redirects = .pass
        case .refuse: made.redirects = .refuse
        case .follow:
            let trusted = upstream.ca.map { TLSClientContext.Authorities.systemAndFile($0.path) }
            guard upstream.ca == nil || made.tls != nil else { break }
            let there = authorities(trusted ?? .system, at: upstream.ca)
            made.redirects = there.map { .follow($0) } ?? .refuse
        }
        return made
    }

    private mutating func authorities(
        _ authorities: TLSClientContext.Authorities,
        at file: FileReference?
    ) -> TLSClientContext? {
        do throws(TLSClientContext.LoadError) {
            return try TLSClientContext(trusting: authorities)
        } catch {
            if let file {
                let wrong = "\(file.path): \(error.reason) (PEM certificates, one or more)"
                errors.append(file.error(wrong))
            }
            return nil
        }
    }

    mutating func authorization(_ upstream: Configuration.Upstream) -> SecretBytes? {
        guard let user = upstream.username, let secret = upstream.passwordFile else { return nil }
        do throws(SecretFileError) {
            let password = try SecretFile.password(in: secret.read())
            return SecretBytes(basicUser: ByteString(user), password: password)
        } catch {
            errors.append(secret.error("\(error)"))
            return nil
        }
    }

    mutating func users(_ file: FileReference) -> PasswordFile? {
        do throws(PasswordFileErrors) {
            let users = try PasswordFile.load(path: file.path)
            warnings += users.warnings.map { file.error($0.description) }
            return users
        } catch {
            errors += error.all.map { file.error($0.description) }
            return nil
        }
    }

    mutating func directory(_ directory: Configuration.Directory) -> DirectorySettings? {
        let trust = directory.usesTLS ? self.trust(in: directory) : nil
        let password = directory.bindPasswordFile.flatMap { self.password($0) }
        guard errors.isEmpty else { return nil }
        return DirectorySettings(directory, trust: trust, password: password)
    }

    private mutating func trust(
        in directory: Configuration.Directory
    ) -> (context: TLSClientContext, digest: ByteString)? {
        do throws(TLSClientContext.LoadError) {
            guard let ca = directory.ca else {
                return (try TLSClientContext(trusting: .system), "system")
            }
            let context = try TLSClientContext(trusting: .file(ca.path))
            return (context, context.digest)
        } catch {
            if let ca = directory.ca {
                let allowed = "a PEM file with at least one certificate"
                errors.append(ca.error("\(ca.path): \(error.reason) (\(allowed))"))
            } else {
                let message = "the system's authorities: \(error.reason)"
                errors.append(
                    ConfigurationError(
                        at: directory.position, key: "auth.ldap.servers", message: message))
            }
            return nil
        }
    }

    private mutating func password(_ secret: SecretReference) -> SecretBytes? {
        do throws(SecretFileError) {
            guard let password = try secret.read().asPassword else {
                let allowed = "1 to 256 bytes without control characters, and one line break"
                errors.append(secret.error("is no password (\(allowed))"))
                return nil
            }
            return password
        } catch {
            errors.append(secret.error("\(error)"))
            return nil
        }
    }

    mutating func checkLog(_ log: Configuration.AccessLog) {
        guard case .file(let file) = log.path, !LogWriter.mayAppend(to: file.path) else { return }
        errors.append(file.error("\(file.path): cannot be written (a file or a folder that can)"))
    }
}

extension SecretBytes {
    /// These bytes without one line break at their end, if what is left can be a password.
    fileprivate var asPassword: SecretBytes? {
        let all = bytes
        let endsLine = all.count > 0 && all[all.count - 1] == UInt8(ascii: "\n")
        let password = all.extracting(0..<(endsLine ? all.count - 1 : all.count))
        guard (1...256).contains(password.count) else { return nil }
        for index in 0..<password.count where password[index] < 0x20 || password[index] == 0x7F {
            return nil
        }
        return SecretBytes(copying: password)
    }
}
