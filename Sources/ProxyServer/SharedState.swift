import Authentication
import Bytes
import Logbook
import NetIO
import Synchronization

/// What all loops share. Everything in it may be used from any thread.
final class SharedState: Sendable {
    let settings: ServerSettings
    /// `nil`: nobody can log in.
    let logins: LoginDesk?
    let upstreamAddresses: HostAddresses
    let tagLocks = TagLocks()
    let manifestMemory = MemoryBudget(byteCount: 64 * 1024 * 1024)
    let operatorLog: OperatorLog
    /// Connections closed at once because of `limits.connections`.
    let connectionsRefused = Atomic<Int>(0)
    let isDraining = Atomic<Bool>(false)

    init(settings: ServerSettings, logins: LoginDesk?, operatorLog: OperatorLog) {
        self.settings = settings
        self.logins = logins
        self.operatorLog = operatorLog
        upstreamAddresses = HostAddresses(
            host: settings.upstream.host,
            port: settings.upstream.port
        )
    }
}

/// Memory that all requests of one kind may hold together.
final class MemoryBudget: Sendable {
    private let free: Atomic<Int>

    init(byteCount: Int) { free = Atomic(byteCount) }

    /// - Returns: false if there is not that much left.
    func take(_ byteCount: Int) -> Bool {
        let (_, rest) = free.subtract(byteCount, ordering: .relaxed)
        if rest >= 0 { return true }
        give(byteCount)
        return false
    }

    func give(_ byteCount: Int) { free.add(byteCount, ordering: .relaxed) }
}
