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
    private var sockets: [ListeningSocket] = []
    private var isClosed = false

    init(shared: SharedState, workers: [Worker]) {
        loop = workers[0].loop
        self.shared = shared
        self.workers = workers
        openCounts = Array(repeating: 0, count: workers.count)
    }

    /// Takes connections until `close`. Returns when the last of them has ended.
    func receive(_ bound: BoundSocket, _ listener: Listener) async {
        guard let socket = admit(bound) else { return }
        await withDiscardingTaskGroup { group in
            while let accepted = await socket.accept() {
                guard hasRoom else {
                    accepted.discard()
                    continue
                }
                let index = leastBusy
                openCounts[index] += 1
                group.addTask(executorPreference: workers[index].loop) { [workers] in
                    await workers[index].serve(accepted, for: listener)
                    await self.connectionEnded(index)
                }
            }
        }
    }

    /// As `receive`, for the admin listener: its few connections stay on this loop, and it tells of
    /// the drain until the process ends.
    func receive(_ bound: BoundSocket, admin: AdminService) async {
        guard let socket = try? ListeningSocket(adopting: bound, on: loop) else { return }
        await withDiscardingTaskGroup { group in
            while let accepted = await socket.accept() {
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

    private func admit(_ bound: BoundSocket) -> ListeningSocket? {
        guard let socket = try? ListeningSocket(adopting: bound, on: loop) else { return nil }
        sockets.append(socket)
        if isClosed { socket.close() }
        return socket
    }

    private func serve(_ accepted: ListeningSocket.Accepted, admin: AdminService) async {
        guard let channel = try? Channel(adopting: accepted.fd, on: loop) else { return }
        await AdminConnection(channel, service: admin).run()
    }

    /// Beyond `limits.connections` a connection is closed before anything is read from it.
    private var hasRoom: Bool {
        if openCounts.reduce(0, +) < shared.generation.settings.limits.connections { return true }
        shared.connectionsRefused.add(1, ordering: .relaxed)
        return false
    }

    private var leastBusy: Int {
        var index = 0
        for candidate in openCounts.indices where openCounts[candidate] < openCounts[index] {
            index = candidate
        }
        return index
    }

    private func connectionEnded(_ index: Int) { openCounts[index] -= 1 }
}
