import AccessControl
import Authentication
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI
import Synchronization

/// What the connections of one loop share. Belongs to the loop's thread: no lock anywhere.
final class LoopServices {
    let loop: EventLoop
    let shared: SharedState
    let upstreams: UpstreamPool
    /// `nil`: nobody can log in.
    let logins: LoginMemory?
    let log: LoopLog
    let metrics: LoopMetrics
    var requestIDs = RequestIDGenerator()
    /// Memory that deciding works in.
    var decision = Decision()
    let challenge: Challenge
    /// Who waits for a request, or is in one; to be told of the drain.
    private var connections: [ObjectIdentifier: Connection] = [:]

    init(loop: EventLoop, shared: SharedState, log: LoopLog, metrics: LoopMetrics) {
        self.loop = loop
        self.shared = shared
        self.log = log
        self.metrics = metrics
        challenge = shared.settings.challenge
        logins = shared.logins.map { LoginMemory($0) }
        upstreams = UpstreamPool(
            loop: loop,
            addresses: shared.upstreamAddresses,
            connectTimeout: shared.settings.timeouts.upstreamConnect,
            metrics: metrics
        )
        // The loop ends before what lives on it.
        loop.onTick { [unowned self] in
            log.tick()
            shared.tagLocks.expire(at: loop.now)
            metrics.set(upstreamConnections: upstreams.activeCount, .busy)
            metrics.set(upstreamConnections: upstreams.idleCount, .idle)
        }
    }

    var settings: ServerSettings { shared.settings }
    var timeouts: ServerSettings.Timeouts { shared.settings.timeouts }
    var isDraining: Bool { shared.isDraining.load(ordering: .relaxed) }

    /// Of requests. Answers have limits of their own, which nobody sets.
    var headLimits: HeadLimits { HeadLimits(section: shared.settings.limits.requestHead) }
    static let answerLimits = HeadLimits(section: 64 * 1024)

    func add(_ connection: Connection) { connections[ObjectIdentifier(connection)] = connection }
    func remove(_ connection: Connection) { connections[ObjectIdentifier(connection)] = nil }

    /// Closes the connections that wait for a request. Those in an exchange close after it.
    func beginDrain() {
        for connection in connections.values where connection.isIdle { connection.cancel() }
        upstreams.closeIdle()
    }

    /// Ends what still runs.
    /// - Returns: how many exchanges were cut.
    func cutAll() -> Int {
        let running = connections.values.filter { !$0.isIdle }
        for connection in connections.values { connection.cancel() }
        return running.count
    }
}
