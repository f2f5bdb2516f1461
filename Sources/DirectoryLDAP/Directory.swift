public import AccessControl
public import Authentication
public import Bytes
public import NetIO
public import Secrets

/// A directory of users and groups (LDAP version 3, RFC 4511), as one place where logins are known.
///
/// Every call blocks its thread, never longer than the two time-outs together; callable from any
/// number of threads. Servers are asked in their order, those that were heard last before those
/// that were not; what one says is final, and only a server that says nothing is followed by the
/// next.
public final class Directory: LoginProvider {
    public let settings: DirectorySettings
    private let servers: [DirectoryServer]
    private let prober: Prober
    private let report: @Sendable (DirectoryEvent) -> Void

    public init(
        _ settings: DirectorySettings,
        report: @escaping @Sendable (DirectoryEvent) -> Void
    ) throws(BlockingPoolError) {
        LDAPHandle.prepareLibrary()
        self.settings = settings
        self.report = report
        let prober = try Prober()
        let servers = settings.servers.map { server in
            DirectoryServer(server, settings) { event in
                if case .down = event { prober.start() }
                report(event)
            }
        }
        prober.watch(servers)
        self.servers = servers
        self.prober = prober
    }

    deinit { prober.stop() }

    public var provider: Identity.Provider { .ldap }

    /// Whether each server answered last, by its URL as written (`ldap_up`).
    public var health: [LoginServerHealth] {
        servers.map { LoginServerHealth(server: $0.server.url, isUp: $0.isUp) }
    }

    /// A name of blanks equals an empty one, and is nobody's.
    public func mayKnow(_ user: ByteString) -> Bool {
        user.bytes.contains { $0 != UInt8(ascii: " ") }
    }

    public func verify(_ user: ByteString, _ password: SecretBytes) -> LoginVerdict {
        // RFC 4513 section 5.1.2: without a password a bind asks for an anonymous session, and
        // succeeds.
        guard !password.bytes.isEmpty, mayKnow(user) else { return .unknownUser }
        do throws(LDAPError) {
            switch try ask(user, password, .silent) {
            case .user(let found):
                return .identity(
                    Identity(
                        user: found.name,
                        groups: found.groups.map(\.membership),
                        provider: .ldap
                    )
                )
            case .unknownUser: return .unknownUser
            case .refused(let refusal):
                report(.refused(user: user, reason: refusal.rawValue))
                return .wrongPassword
            }
        } catch {
            if error.reason != .allDown {
                report(.undecided(user: user, reason: error.description))
            }
            return .undecidable(retryAfter: Self.retryAfter)
        }
    }

    static let retryAfter = 5

    /// What `ldap-check` found out.
    public enum CheckOutcome: Sendable, Equatable {
        case user(DirectoryUser)
        case unknownUser
        case refused(LoginRefusal)
        case unavailable(String)
    }

    /// Does a login, or without a password only looks the user up, and tells each step.
    public func check(
        _ user: ByteString,
        _ password: SecretBytes?,
        progress: (@Sendable (DirectoryProgress) -> Void)?
    ) -> CheckOutcome {
        do throws(LDAPError) {
            switch try ask(user, password, Trace(progress)) {
            case .user(let user): return .user(user)
            case .unknownUser: return .unknownUser
            case .refused(let refusal): return .refused(refusal)
            }
        } catch {
            return .unavailable(error.description)
        }
    }

    /// Connects to every server as a search would.
    ///
    /// - Returns: what is wrong with each, `nil` where nothing is.
    public func probe() -> [(server: String, problem: String?)] {
        servers.map { server in
            do throws(LDAPError) {
                let limit = settings.connectTimeout + settings.operationTimeout
                let deadline = Instant.now.advanced(by: limit)
                let (connection, _) = try server.borrow(by: deadline, .silent, fresh: true)
                try settings.check(connection, by: deadline)
                server.giveBack(connection)
                return (server.server.url, nil)
            } catch {
                return (server.server.url, error.description)
            }
        }
    }

    /// Asks one server after another until one answers.
    private func ask(
        _ user: ByteString,
        _ password: SecretBytes?,
        _ trace: Trace
    ) throws(LDAPError) -> DirectoryAnswer {
        let limit = settings.connectTimeout + settings.operationTimeout
        let deadline = Instant.now.advanced(by: limit)
        var failure = LDAPError(.connect, .allDown)
        for server in servers.filter(\.isUp) + servers.filter({ !$0.isUp && !$0.isOpen }) {
            do throws(LDAPError) {
                let login = DirectoryLogin(
                    settings: settings,
                    server: server,
                    user: user,
                    password: password,
                    deadline: deadline,
                    trace: trace
                )
                let answer = try login.run()
                server.noteAnswer()
                return answer
            } catch {
                failure = error
                guard error.isServersFault else { throw error }
                server.noteFailure(error)
                if error.isAfterBind || deadline <= .now { throw error }
            }
        }
        throw failure
    }
}
