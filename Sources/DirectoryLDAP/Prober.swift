import NetIO

/// Asks servers that are down, until they are up again: one thread that sleeps otherwise.
final class Prober: Sendable {
    private let pool: BlockingPool
    private let state = Locked(State())

    private struct State: Sendable {
        var servers: [DirectoryServer] = []
        var isRunning = false
        /// Closed when the thread shall end.
        var stopSignal: WakeSignal?
        var isStopped = false
    }

    init() throws(BlockingPoolError) {
        pool = try BlockingPool(name: "ldap-probe", threadCount: 1, queueLimit: 1)
    }

    func watch(_ servers: [DirectoryServer]) { state.withLock { $0.servers = servers } }

    /// To be called when a server has gone down.
    func start() {
        guard let signal = WakeSignal() else { return }
        let mustStart = state.withLock { state in
            guard !state.isRunning, !state.isStopped else { return false }
            state.isRunning = true
            state.stopSignal = signal
            return true
        }
        guard mustStart else { return }
        if !pool.submit({ [self] in run(signal) }) { state.withLock { $0.isRunning = false } }
    }

    func stop() {
        let signal = state.withLock { state in
            state.isStopped = true
            state.servers = []
            return state.stopSignal
        }
        signal?.raise()
    }

    private func run(_ signal: WakeSignal) {
        while let time = nextProbe() {
            if signal.wait(until: Instant(nanoseconds: time)) { return }
            let servers = state.withLock { $0.servers }
            let now = Instant.now.nanoseconds
            for server in servers { server.probe(at: now) }
        }
    }

    /// When the next server is to be asked. `nil`, and the thread has ended, if all are up.
    private func nextProbe() -> Int64? {
        state.withLock { state in
            let time = state.servers.compactMap(\.probeTime).min()
            if time == nil {
                state.isRunning = false
                state.stopSignal = nil
            }
            return time
        }
    }
}
