import Bytes
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
        shared: SharedState
    ) {
        let metrics = LoopMetrics()
        self.loop = loop
        self.metrics = metrics
        services = LoopServices(
            loop: loop,
            shared: shared,
            metrics: metrics
        )
    }

    /// Carries one downstream connection to its end.
    func serve(_ accepted: ListeningSocket.Accepted, for listener: Listener) async {
        guard let channel = try? Channel(adopting: accepted.fd, on: loop) else { return }
        var tls: TLSRecordLayer?
        var clientPolicy: ByteString?
        if let context = services.currentGeneration().certificates[listener.index] {
            tls = TLSRecordLayer(accepting: channel, with: context)
            guard tls != nil else { return channel.close() }
            clientPolicy = context.clientPolicy
        }
        services.metrics.connectionOpened(.downstream)
        let connection = Connection(
            channel,
            from: accepted.peer,
            on: listener.index,
            tls: tls,
            clientPolicy: clientPolicy,
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

    func handOverLog() {
        _ = services.currentGeneration()
        services.log.handOver()
    }

    /// Whether the registry takes a connection.
    func registryIsReachable() async -> Bool {
        let waiter = Waiter(on: loop)
        defer { waiter.retire() }
        _ = services.currentGeneration()
        let upstreams = services.upstreams
        if upstreams.hasOpenIdle { return true }
        do throws(StreamError) {
            upstreams.giveBack(try await upstreams.connect(for: waiter))
            return true
        } catch {
            services.shared.upstreamFaults.note(.unreachable, error.reason, at: loop.now)
            return false
        }
    }
}

/// One address that is listened on.
struct Listener: Sendable {
    /// Its place among the settings' listeners: how to serve it is in the generation in force.
    let index: Int
    /// The one that is bound, with its real port.
    let address: SocketAddress

    /// What clients connect to, as a URL.
    func url(in generation: Generation) -> String {
        if address.family == .unix { return address.authority }
        let scheme = generation.certificates[index] == nil ? "http" : "https"
        return "\(scheme)://\(address.authority)"
    }
}
