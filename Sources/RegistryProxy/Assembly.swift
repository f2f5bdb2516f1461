import AccessControl
import Authentication
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
    /// `nil`: nobody can log in.
    let users: PasswordFile?
    let loginSettings: LoginSettings
    let logDestination: LogWriter.Destination
    let logFormat: AccessLineEncoder.Format
    /// What is not wrong but probably not meant.
    let warnings: [ConfigurationError]

    /// Everything that is wrong with what a configuration names; never empty.
    struct Problems: Error {
        let all: [ConfigurationError]
    }

    /// Reads all files that `configuration` names. Changes nothing anywhere.
    init(_ configuration: Configuration) throws(Problems) {
        var reading = FileReading()
        certificates = configuration.listen.map { $0.tls.flatMap { reading.certificate($0) } }
        users = configuration.auth.htpasswd.flatMap { reading.users($0.file) }
        reading.checkLog(configuration.log.access)
        settings = ServerSettings(configuration)
        reading.errors += configuration.access.failingTests(of: settings.policy)
        if let shadow = configuration.shadow, let policy = settings.shadow {
            reading.errors += shadow.failingTests(of: policy)
        }
        loginSettings = LoginSettings(configuration)
        logDestination = .init(configuration.log.access.path)
        logFormat = .init(configuration.log.access.format)
        warnings = reading.warnings
        guard reading.errors.isEmpty else { throw Problems(all: reading.errors) }
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
        return ((try? Assembly(configuration))?.warnings ?? [])
            + configuration.doubtsAboutRules(now: now)
    }
}

/// Putting it to use.
extension Assembly {
    /// Makes what the server is started with, or takes up after `previous`.
    ///
    /// With other users every remembered login is forgotten, at once. That is the one effect before
    /// `Server.use`, and the last thing that can fail.
    func makeGeneration(
        after previous: Generation? = nil,
        operatorLog: OperatorLog
    ) throws -> Generation {
        let accessLog = try accessLog(after: previous?.accessLog, operatorLog)
        return Generation(
            settings,
            certificates: certificates,
            logins: try logins(after: previous?.logins),
            accessLog: accessLog,
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

    private func logins(after previous: LoginDesk?) throws -> LoginDesk? {
        guard let users else { return nil }
        if let previous, previous.settings == loginSettings {
            try previous.replaceUsers(users)
            return previous
        }
        let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        return try LoginDesk(
            users: users,
            settings: loginSettings,
            pool: BlockingPool(
                name: "password",
                threadCount: min(4, max(1, cores / 4)),
                queueLimit: loginSettings.waiting
            ),
            clock: { Instant.now.nanoseconds }
        )
    }
}

/// Reads files and collects what is wrong with them, each at the key that names it.
private struct FileReading {
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
                minimum: tls.minimum
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

    mutating func checkLog(_ log: Configuration.AccessLog) {
        guard case .file(let file) = log.path, !LogWriter.mayAppend(to: file.path) else { return }
        errors.append(file.error("\(file.path): cannot be written (a file or a folder that can)"))
    }
}
