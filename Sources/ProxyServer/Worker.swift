import Logbook
import NetIO
import NetTLS
import RegistryAPI

/// Owns everything on one event loop. Its executor is the loop, so that what it calls stays there.
actor Worker {
    nonisolated let loop: EventLoop
    nonisolated let metrics: LoopMetrics
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop lives as long as the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }
    private let services: LoopServices

    /// To be called before the loop is started.
    init(
        loop: EventLoop,
        shared: SharedState,
        logWriter: LogWriter,
        logFormat: AccessLineEncoder.Format
    ) {
        let metrics = LoopMetrics()
        self.loop = loop
        self.metrics = metrics
        services = LoopServices(
            loop: loop,
            shared: shared,
            log: LoopLog(logWriter, format: logFormat),
            metrics: metrics
        )
    }

    /// Carries one downstream connection to its end.
    func serve(_ accepted: ListeningSocket.Accepted, for listener: Listener) async {
        guard let channel = try? Channel(adopting: accepted.fd, on: loop) else { return }
        var tls: TLSRecordLayer?
        if let context = listener.context {
            tls = TLSRecordLayer(accepting: channel, with: context)
            guard tls != nil else { return channel.close() }
        }
        services.metrics.connectionOpened(.downstream)
        let connection = Connection(
            channel,
            from: accepted.peer,
            tls: tls,
            services: services
        )
        await connection.run()
        services.metrics.connectionClosed(.downstream)
    }

    /// Does nothing but need the loop to turn.
    func turn() {}

    func beginDrain() { services.beginDrain() }

    /// - Returns: how many exchanges were cut.
    func cutAll() -> Int { services.cutAll() }

    func handOverLog() { services.log.handOver() }

    /// Whether the registry takes a connection.
    func registryIsReachable() async -> Bool {
        let waiter = Waiter(on: loop)
        defer { waiter.retire() }
        if let idle = services.upstreams.takeIdle(for: waiter, peeking: true) {
            services.upstreams.giveBack(idle)
            return true
        }
        guard let fresh = try? await services.upstreams.connect(for: waiter) else { return false }
        services.upstreams.giveBack(fresh)
        return true
    }
}

/// One address that is listened on, with the certificate in use there.
final class Listener: Sendable {
    let address: SocketAddress
    let files: ServerSettings.CertificateFiles?
    private let current: Locked<TLSContext?>

    /// - Parameter address: the one that is bound, with its real port.
    init(
        _ wanted: ServerSettings.Listener,
        at address: SocketAddress
    ) throws(Server.StartFailure) {
        self.address = address
        files = wanted.certificate
        do throws(TLSContext.LoadError) {
            current = Locked(try wanted.certificate.map(TLSContext.init))
        } catch {
            throw .certificate(wanted.certificate!, error)
        }
    }

    /// `nil`: in the clear.
    var context: TLSContext? { current.withLock { $0 } }

    /// What clients connect to, as a URL.
    var url: String {
        if address.family == .unix { return address.authority }
        return (files == nil ? "http://" : "https://") + address.authority
    }

    /// From now on. Running connections keep the certificate that they have.
    func use(_ context: TLSContext) { current.withLock { $0 = context } }
}

extension TLSContext {
    convenience init(_ files: ServerSettings.CertificateFiles) throws(LoadError) {
        try self.init(chain: files.chain, key: files.key, minimum: files.minimum)
    }
}
