import Bytes
import HTTPWire
import NetIO
import Synchronization

/// Takes connections from the listening sockets and hands each to the loop that has the fewest.
/// Lives on the first loop.
actor Reception {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // SAFETY: the loop lives as long as the actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }
    private let shared: SharedState
    private let workers: [Worker]
    private var openCounts: [Int]
    /// Connections by source, without those of trusted proxies.
    private var openBySource: [IPNetwork: Int] = [:]
    private var sockets: [ListeningSocket] = []
    private var adminSocket: ListeningSocket?
    private var isClosed = false
    private var adminCount = 0
    private static let adminLimit = 64

    init(shared: SharedState, workers: [Worker]) {
        loop = workers[0].loop
        self.shared = shared
        self.workers = workers
        openCounts = Array(repeating: 0, count: workers.count)
    }

    /// Takes connections until `close`. Returns when the last of them has ended.
    func receive(_ bound: BoundSocket, _ listener: Listener) async {
        guard let socket = admit(bound) else { return }
        var turns = Turns()
        await withDiscardingTaskGroup { group in
            while let accepted = await socket.accept() {
                await turns.take()
                guard let seat = takeSeat(for: accepted.peer, at: listener) else {
                    accepted.discard()
                    continue
                }
                group.addTask(executorPreference: workers[seat.index].loop) { [workers] in
                    await workers[seat.index].serve(accepted, for: listener)
                    await self.leave(seat)
                }
            }
        }
    }

    /// As `receive`, for the admin listener: its few connections stay on this loop, and it tells of
    /// the drain until the process ends. Further ones are closed, so that a flood here leaves
    /// clients their descriptors.
    func receive(_ bound: BoundSocket, admin: AdminService) async {
        guard let socket = try? ListeningSocket(adopting: bound, on: loop) else { return }
        adminSocket = socket
        var turns = Turns()
        await withDiscardingTaskGroup { group in
            while let accepted = await socket.accept() {
                await turns.take()
                guard adminCount < Self.adminLimit else {
                    accepted.discard()
                    continue
                }
                adminCount += 1
                group.addTask { await self.serve(accepted, admin: admin) }
            }
        }
    }

    /// Stops listening on every address that is for clients.
    func close() {
        isClosed = true
        for socket in sockets { socket.close() }
        sockets = []
    }

    /// Another process tells of the health from now on.
    func closeAdmin() {
        adminSocket?.close()
        adminSocket = nil
    }

    private func admit(_ bound: BoundSocket) -> ListeningSocket? {
        guard let socket = try? ListeningSocket(adopting: bound, on: loop) else { return nil }
        sockets.append(socket)
        if isClosed { socket.close() }
        return socket
    }

    private func serve(_ accepted: ListeningSocket.Accepted, admin: AdminService) async {
        defer { adminCount -= 1 }
        guard let channel = try? Channel(adopting: accepted.fd, on: loop) else { return }
        await AdminConnection(channel, service: admin).run()
    }

    /// The loop that a connection belongs to, and the source that it counts for.
    private struct Seat: Sendable {
        let index: Int
        let source: IPNetwork?
    }

    /// - Returns: `nil` beyond a limit: then the connection is closed before anything is read from
    ///   it.
    private func takeSeat(for peer: SocketAddress, at listener: Listener) -> Seat? {
        let settings = shared.generation.settings
        guard openCounts.reduce(0, +) < settings.limits.connections else {
            shared.connectionsRefused.add(1, ordering: .relaxed)
            return nil
        }
        let trusted = settings.trustedProxies(of: listener.index)
        let source = peer.ip.flatMap { trusted.contains($0) ? nil : $0.source }
        if let source {
            let limit = settings.limits.connectionsPerClient
            let count = openBySource[source, default: 0]
            if limit > 0, count >= limit {
                shared.connectionsRefusedPerClient.add(1, ordering: .relaxed)
                return nil
            }
            openBySource[source] = count + 1
        }
        let seat = Seat(index: leastBusy, source: source)
        openCounts[seat.index] += 1
        return seat
    }

    private func leave(_ seat: Seat) {
        openCounts[seat.index] -= 1
        guard let source = seat.source, let count = openBySource[source] else { return }
        openBySource[source] = count > 1 ? count - 1 : nil
    }

    private var leastBusy: Int {
        var index = 0
        for candidate in openCounts.indices where openCounts[candidate] < openCounts[index] {
            index = candidate
        }
        return index
    }
}
