import Bytes
public import Logbook
public import NetIO
import NetTLS
public import Secrets
import Synchronization

/// The running proxy: loops, listeners and the way to stop them.
///
/// Every function may be called from any thread but a loop's own.
public final class Server: Sendable {
    private let shared: SharedState
    private let workers: [Worker]
    private let reception: Reception
    private let doors: Locked<Doors>

    /// What is listened on.
    private struct Doors: Sendable {
        var listeners: [Listener] = []
        var admin: SocketAddress?
        /// All of them, for a process that takes over.
        var sockets: [BoundSocket] = []
        /// Listeners whose last connection has not ended.
        var openCount = 0
        var lastReloadSucceeded = true
    }

    /// Why the server cannot start.
    public enum StartFailure: Error {
        /// The address cannot be bound.
        case address(SocketAddress, SystemError)
        /// A socket that was handed over listens where nothing should.
        case unasked(SocketAddress)
        /// The kernel refuses an event loop.
        case system(SystemError)
        /// There is no key to be had.
        case randomness(RandomnessError)
    }

    /// Makes the loops. Nothing listens before `start`.
    ///
    /// - Parameter audit: `nil`: there is no audit trail.
    public init(
        _ generation: Generation,
        operatorLog: OperatorLog,
        audit: AuditDesk? = nil
    ) throws(StartFailure) {
        do throws(RandomnessError) {
            shared = try SharedState(generation, operatorLog: operatorLog, audit: audit)
        } catch {
            throw .randomness(error)
        }
        var workers: [Worker] = []
        for _ in 0..<generation.settings.loopCount {
            do throws(SystemError) {
                let loop = try EventLoop()
                workers.append(Worker(loop: loop, shared: shared))
            } catch {
                throw .system(error)
            }
        }
        self.workers = workers
        reception = Reception(shared: shared, workers: workers)
        doors = Locked(Doors())
    }

    /// Binds every address and begins to take connections.
    ///
    /// - Parameters:
    ///   - inherited: sockets that listen already.
    ///   - isTakingOver: whether they are those of the process before: one that is at none of the
    ///     addresses any more is closed; else it is an error.
    ///   - whenStopped: called once, on a loop, when after `beginDrain` the last connection has
    ///     ended.
    public func start(
        inherited: [BoundSocket] = [],
        isTakingOver: Bool = false,
        whenStopped: @escaping @Sendable () -> Void
    ) throws(StartFailure) {
        let settings = shared.generation.settings
        var sockets = SocketSupply(inherited, areOfTheProcessBefore: isTakingOver)
        for (index, wanted) in settings.listeners.enumerated() {
            let socket = try sockets.socket(at: wanted.address)
            let listener = Listener(index: index, address: socket.address)
            doors.withLock {
                $0.listeners.append(listener)
                $0.sockets.append(socket)
                $0.openCount += 1
            }
            Task(executorPreference: reception.loop) { [reception] in
                await reception.receive(socket, listener)
                if self.doorClosed() { whenStopped() }
            }
        }
        if let address = settings.admin {
            let socket = try sockets.socket(at: address)
            doors.withLock {
                $0.admin = socket.address
                $0.sockets.append(socket)
            }
            let service = AdminService(shared: shared, workers: workers, server: self)
            Task(executorPreference: reception.loop) { [reception] in
                await reception.receive(socket, admin: service)
            }
        }
        for other in sockets.unused {
            guard isTakingOver else { throw .unasked(other.address) }
            other.discard()
        }
        for (index, worker) in workers.enumerated() { worker.loop.start(name: "loop-\(index)") }
    }

    /// - Returns: whether it was the last one.
    private func doorClosed() -> Bool {
        doors.withLock { doors in
            doors.openCount -= 1
            return doors.openCount == 0
        }
    }

    /// Where clients connect to, as URLs with the real ports.
    public var listenURLs: [String] {
        let generation = shared.generation
        return listeners.map { $0.url(in: generation) }
    }

    /// Calls `body` on a loop once every loop has turned.
    public func whenLoopsHaveTurned(_ body: @escaping @Sendable () -> Void) {
        Task(executorPreference: reception.loop) { [workers] in
            for worker in workers { await worker.turn() }
            body()
        }
    }

    /// Where metrics and health are, as a URL.
    public var adminURL: String? {
        doors.withLock { $0.admin }.map { address in
            address.family == .unix ? address.authority : "http://\(address.authority)"
        }
    }

    var listeners: [Listener] { doors.withLock { $0.listeners } }
}

/// While it runs.
extension Server {
    /// What new requests are served by.
    public var generation: Generation { shared.generation }

    /// Open connections of clients. Callable from any thread.
    public var connectionCount: Int {
        workers.reduce(0) { $0 + $1.metrics.openConnections(.downstream) }
    }

    /// Puts `generation` in force: when this returns, it serves every request whose head ends
    /// later, and every connection that is accepted later. What runs goes on as it began.
    ///
    /// - Precondition: its listeners are those of the start, in number and order.
    public func use(_ generation: Generation) {
        precondition(generation.certificates.count == listeners.count)
        shared.use(generation)
        doors.withLock { $0.lastReloadSucceeded = true }
    }

    /// A reload was refused; for the metrics.
    public func noteRefusedReload() { doors.withLock { $0.lastReloadSucceeded = false } }

    var lastReloadSucceeded: Bool { doors.withLock { $0.lastReloadSucceeded } }

    /// When each listener's certificate expires, in seconds since 1970.
    public var certificateExpiries: [(url: String, seconds: Int64)] {
        let generation = shared.generation
        return listeners.compactMap { listener in
            generation.certificates[listener.index].map {
                (url: listener.url(in: generation), seconds: $0.expiry)
            }
        }
    }

    /// Leaves what comes to the process that has taken over: stops listening. Connections that are
    /// there have one more request each, whose answer says that they close.
    public func beginHandOver() {
        shared.isHandingOver.store(true, ordering: .relaxed)
        shared.isDraining.store(true, ordering: .relaxed)
        Task(executorPreference: reception.loop) { [reception] in
            await reception.close()
            await reception.closeAdmin()
        }
    }

    /// Stops listening and closes idle connections. What runs goes on.
    public func beginDrain() {
        shared.isHandingOver.store(false, ordering: .relaxed)
        shared.isDraining.store(true, ordering: .relaxed)
        for worker in workers {
            Task(executorPreference: worker.loop) { await worker.beginDrain() }
        }
        Task(executorPreference: reception.loop) { [reception] in await reception.close() }
    }

    /// Ends what still runs.
    ///
    /// - Parameter report: called once with the number of exchanges that were cut.
    public func cutAll(report: @escaping @Sendable (Int) -> Void) {
        Task(executorPreference: reception.loop) { [workers] in
            var count = 0
            for worker in workers { count += await worker.cutAll() }
            report(count)
        }
    }

    /// Gives all finished lines of the access log to its writer.
    ///
    /// - Parameter done: called when they are with it.
    public func handOverLogs(done: @escaping @Sendable () -> Void) {
        Task(executorPreference: reception.loop) { [workers] in
            for worker in workers { await worker.handOverLog() }
            done()
        }
    }
}

/// Beside another process of the same installation, the one before or the one after this.
extension Server {
    /// What is listened on, for the process that takes over. Until `beginHandOver`.
    public var sockets: [BoundSocket] { doors.withLock { $0.sockets } }

    /// From now on no request here changes what one over there is changing; `nil`: nobody is there.
    public func lock(by neighbour: ByteLocks?) { shared.locks.lock(by: neighbour) }
}

/// The sockets to listen on: those that were handed over, and else new ones.
private struct SocketSupply {
    private(set) var unused: [BoundSocket]
    private let areOfTheProcessBefore: Bool

    init(_ inherited: [BoundSocket], areOfTheProcessBefore: Bool) {
        unused = inherited
        self.areOfTheProcessBefore = areOfTheProcessBefore
    }

    mutating func socket(at address: SocketAddress) throws(Server.StartFailure) -> BoundSocket {
        // By their text: the kernel does not say how long the path of a unix socket's room was.
        if let index = unused.firstIndex(where: { $0.address.authority == address.authority })
            ?? place(ofAnyPort: address)
        {
            return unused.remove(at: index)
        }
        do throws(SystemError) {
            return try BoundSocket(binding: address)
        } catch {
            throw .address(address, error)
        }
    }

    /// Where any port will do, it is the one that the process before had found, in the same order.
    private func place(ofAnyPort address: SocketAddress) -> Int? {
        guard areOfTheProcessBefore, address.port == 0, let ip = address.ip else { return nil }
        return unused.firstIndex { $0.address.ip == ip }
    }
}
