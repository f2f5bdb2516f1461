import AccessControl
import Authentication
import Bytes
import HTTPWire
import Logbook
import NetIO
import Synchronization
import Tokens

/// What the connections of one loop share. Belongs to the loop's thread: no lock anywhere but to
/// take up a reload.
final class LoopServices {
    let loop: EventLoop
    let shared: SharedState
    /// The newest that this loop has heard of; `currentGeneration` looks for a newer one.
    private(set) var generation: Generation
    /// Of the registry of `generation`.
    private(set) var upstreams: UpstreamPool
    /// Those of earlier generations that still have connections in use.
    private var earlierUpstreams: [UpstreamPool] = []
    /// In front of the desk of `generation`; `nil`: nobody can log in.
    private(set) var logins: LoginMemory?
    /// Tokens that this loop has verified, of the authority of `generation`; `nil`: there is none.
    private(set) var tokens: TokenMemory?
    private(set) var log: LoopLog
    /// `nil`: there is no audit trail.
    let audit: LoopAudit?
    let metrics: LoopMetrics
    var requestIDs = RequestIDGenerator()
    var date = HTTPDate()
    /// Memory that deciding works in.
    var decision = Decision()
    /// Who waits for a request, or is in one; to be told of the drain.
    private var connections: [ObjectIdentifier: Connection] = [:]

    init(loop: EventLoop, shared: SharedState, metrics: LoopMetrics) {
        self.loop = loop
        self.shared = shared
        self.metrics = metrics
        generation = shared.generation
        logins = generation.logins.map { LoginMemory($0) }
        tokens = generation.tokens.map { TokenMemory($0.authority) }
        log = LoopLog(generation.accessLog)
        audit = shared.audit.map { LoopAudit($0) }
        upstreams = UpstreamPool(loop: loop, generation, metrics: metrics)
        // The loop ends before what lives on it.
        loop.onTick { [unowned self] in tick() }
    }

    private func tick() {
        _ = currentGeneration()
        log.tick()
        audit?.tick(at: loop.now)
        generation.catalog.expire(at: loop.now)
        upstreams.trim(at: loop.now)
        earlierUpstreams.removeAll { $0.activeCount == 0 }
        let earlierCount = earlierUpstreams.reduce(0) { $0 + $1.activeCount }
        metrics.set(upstreamConnections: upstreams.activeCount + earlierCount, .busy)
        metrics.set(upstreamConnections: upstreams.idleCount, .idle)
    }

    var isDraining: Bool { shared.isDraining.load(ordering: .relaxed) }
    /// Whether a connection without a request has to close.
    var closesIdle: Bool { isDraining && !shared.isHandingOver.load(ordering: .relaxed) }

    /// Of answers; nobody sets them.
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

/// How a reload reaches the loop.
extension LoopServices {
    /// What is in force: for a request whose head is complete, a connection that was accepted.
    func currentGeneration() -> Generation {
        if shared.generationNumber != generation.number { takeUp(shared.generation) }
        return generation
    }

    private func takeUp(_ new: Generation) {
        if new.logins !== generation.logins { logins = new.logins.map { LoginMemory($0) } }
        if new.tokens?.authority != generation.tokens?.authority {
            tokens = new.tokens.map { TokenMemory($0.authority) }
        }
        if new.upstreamRevision != generation.upstreamRevision {
            upstreams.retire()
            earlierUpstreams.append(upstreams)
            upstreams = UpstreamPool(loop: loop, new, metrics: metrics)
        }
        // What the old one still holds it hands over as it goes.
        if new.accessLog != generation.accessLog { log = LoopLog(new.accessLog) }
        generation = new
        // Whoever comes back shows the certificate anew. Those in an exchange close after it.
        for connection in connections.values where connection.isIdle {
            if connection.hasOutdatedCertificate { connection.cancel() }
        }
    }
}

extension LoopLog {
    fileprivate convenience init(_ target: AccessLog) {
        self.init(target.writer, format: target.format)
    }
}

extension UpstreamPool {
    fileprivate convenience init(loop: EventLoop, _ generation: Generation, metrics: LoopMetrics) {
        self.init(
            loop: loop,
            generation.route,
            idleTimeout: generation.settings.timeouts.upstreamIdle,
            metrics: metrics
        )
    }
}
