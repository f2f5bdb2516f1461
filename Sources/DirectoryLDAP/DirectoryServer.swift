import Bytes
import NetIO
import Secrets

/// One server of the directory: how to connect to it, the connections that wait for the next
/// search, and whether it is worth asking. Callable from any thread.
final class DirectoryServer: Sendable {
    let server: DirectorySettings.Server
    private let settings: DirectorySettings
    private let addresses: HostAddresses
    private let report: @Sendable (DirectoryEvent) -> Void
    private let state = Locked(State())

    private struct State: Sendable {
        var breaker = Breaker()
        var idle: [Idle] = []
        /// When the operator was last told that the service account is refused.
        var lastAlarm: Int64?
    }

    private struct Idle: Sendable {
        let connection: LDAPConnection
        let since: Instant
    }

    /// Connections that wait. More threads than this rarely search at once.
    private static let mostIdle = 8
    /// Firewalls forget quiet connections; one that was quiet for longer is not trusted.
    private static let longestIdle: Int64 = 30_000_000_000
    private static let alarmInterval: Int64 = 60_000_000_000

    init(
        _ server: DirectorySettings.Server,
        _ settings: DirectorySettings,
        report: @escaping @Sendable (DirectoryEvent) -> Void
    ) {
        self.server = server
        self.settings = settings
        self.report = report
        addresses = HostAddresses(host: server.host, port: server.port)
    }

    // MARK: Connections

    /// A connection on which nobody has logged in.
    func connect(by deadline: Instant, _ trace: Trace) throws(LDAPError) -> LDAPConnection {
        let limit = Instant.now.advanced(by: settings.connectTimeout)
        let deadline = min(limit, deadline)
        let found = addresses.wait(until: deadline)
        guard !found.isEmpty else { throw LDAPError(.resolve, .noAddress) }
        let socket: BlockingSocket
        do throws(StreamError) {
            socket = try .connect(to: found, by: Deadline(name: .connect, instant: deadline))
        } catch {
            throw LDAPError(.connect, .stream(error))
        }
        let connection = try LDAPConnection(socket, to: server)
        trace.done(.connect, server.url)
        guard let trust = settings.trust else { return connection }
        switch server.security {
        case .none: return connection
        case .tls: try connection.beginTLS(with: trust, by: deadline)
        case .startTLS: try connection.startTLS(with: trust, by: deadline)
        }
        trace.done(.tls, "the certificate names \(server.host)")
        return connection
    }

    /// A connection for searches: one that waits, or a new one with the service account logged in.
    ///
    /// - Returns: the connection, and whether it had been used before.
    func borrow(
        by deadline: Instant,
        _ trace: Trace,
        fresh: Bool = false
    ) throws(LDAPError) -> (connection: LDAPConnection, isUsed: Bool) {
        while !fresh, let idle = state.withLock({ $0.idle.popLast() }) {
            let age = Instant.now.nanoseconds(since: idle.since)
            if age < Self.longestIdle, idle.connection.isUsable { return (idle.connection, true) }
            idle.connection.close()
        }
        let connection = try connect(by: deadline, trace)
        if let service = settings.service {
            try bind(connection, service, by: deadline)
            trace.done(.serviceBind, service.dn.description)
        }
        return (connection, false)
    }

    /// Gives back a connection whose last answer was complete.
    func giveBack(_ connection: LDAPConnection) {
        let isKept = state.withLock { state in
            guard state.idle.count < Self.mostIdle else { return false }
            state.idle.append(Idle(connection: connection, since: .now))
            return true
        }
        if !isKept { connection.close() }
    }

    private func bind(
        _ connection: LDAPConnection,
        _ service: DirectorySettings.ServiceAccount,
        by deadline: Instant
    ) throws(LDAPError) {
        let limit = min(deadline, Instant.now.advanced(by: settings.operationTimeout))
        let result = try connection.bind(
            dn: service.dn,
            password: service.password.bytes,
            as: .serviceBind,
            by: limit
        )
        guard result.code == ResultCode.success else {
            let error = LDAPError(
                .serviceBind, .result(code: result.code, diagnostic: result.diagnostic))
            alarm(error)
            throw error
        }
    }

    /// Tells that nobody can log in because the proxy itself cannot; once a minute.
    private func alarm(_ error: LDAPError) {
        let now = Instant.now.nanoseconds
        let isDue = state.withLock { state in
            if let last = state.lastAlarm, now - last < Self.alarmInterval { return false }
            state.lastAlarm = now
            return true
        }
        if isDue { report(.serviceRefused(server: server.url, reason: error.description)) }
    }

    // MARK: Whether it is worth asking

    var isUp: Bool { state.withLock { $0.breaker.isUp } }
    var isOpen: Bool { state.withLock { $0.breaker.isOpen } }
    var probeTime: Int64? { state.withLock { $0.breaker.probeTime } }

    func noteAnswer() {
        let hasRisen = state.withLock { $0.breaker.noteAnswer() }
        if hasRisen { report(.up(server: server.url)) }
    }

    func noteFailure(_ error: LDAPError) {
        let now = Instant.now.nanoseconds
        let (hasFallen, idle) = state.withLock { state in
            defer { state.idle = [] }
            return (state.breaker.noteFailure(at: now), state.idle)
        }
        // Outside the lock: letting go of a connection closes descriptors.
        _ = consume idle
        if hasFallen { report(.down(server: server.url, reason: error.description)) }
    }

    /// Connects as a search would, if it is time to; a connection that works is kept.
    func probe(at now: Int64) {
        let isDue = state.withLock { state in
            guard let time = state.breaker.probeTime, now >= time else { return false }
            state.breaker.noteProbe(at: now)
            return true
        }
        guard isDue else { return }
        let limit = settings.connectTimeout + settings.operationTimeout
        let deadline = Instant.now.advanced(by: limit)
        do throws(LDAPError) {
            let (connection, _) = try borrow(by: deadline, .silent, fresh: true)
            try settings.check(connection, by: deadline)
            giveBack(connection)
            noteAnswer()
        } catch {
            noteFailure(error)
        }
    }
}

extension DirectorySettings {
    /// A server that accepts and says nothing is not up: without a service account nothing has been
    /// answered yet.
    func check(_ connection: LDAPConnection, by deadline: Instant) throws(LDAPError) {
        guard service == nil else { return }
        let root = LDAPSearch(
            base: "", isSubtree: false, filter: "(objectClass=*)", attributes: ["1.1"], limit: 1)
        let limit = min(deadline, Instant.now.advanced(by: operationTimeout))
        _ = try connection.search(root, as: .search, by: limit)
    }
}
