import Bytes
import Logbook
import NetIO
import Secrets
import Synchronization

/// What all loops share. Everything in it may be used from any thread.
final class SharedState: Sendable {
    private let inForce: Locked<Generation>
    private let numberInForce: Atomic<Int>
    let locks = RegistryLocks()
    let handshakes = HandshakeSeats()
    /// For request heads that have not come whole; each takes `Exchange.headShare`.
    let headMemory = MemoryBudget(byteCount: 64 * 1024 * 1024)
    let manifestMemory = MemoryBudget(byteCount: 64 * 1024 * 1024)
    /// For answers of the registry that are read whole, and the lists made of them until their
    /// clients have taken them.
    let answerMemory = MemoryBudget(byteCount: 64 * 1024 * 1024)
    let catalogCursors: CatalogCursors
    let operatorLog: OperatorLog
    /// `nil`: there is no audit trail.
    let audit: AuditDesk?
    let upstreamFaults: UpstreamFaults
    let storageAddresses = StorageAddresses()
    /// Connections closed at once because of `limits.connections`.
    let connectionsRefused = Atomic<Int>(0)
    /// The same because of `limits.connections_per_client`.
    let connectionsRefusedPerClient = Atomic<Int>(0)
    let isDraining = Atomic<Bool>(false)
    /// While it drains: whether connections have one more request.
    let isHandingOver = Atomic<Bool>(false)

    init(
        _ generation: Generation,
        operatorLog: OperatorLog,
        audit: AuditDesk? = nil
    ) throws(RandomnessError) {
        self.audit = audit
        catalogCursors = try CatalogCursors()
        inForce = Locked(generation)
        numberInForce = Atomic(generation.number)
        self.operatorLog = operatorLog
        upstreamFaults = UpstreamFaults(operatorLog)
    }

    /// What new requests are served by. Takes a lock: a loop asks `LoopServices` instead.
    var generation: Generation { inForce.withLock { $0 } }

    /// The number of `generation`, without a lock.
    var generationNumber: Int { numberInForce.load(ordering: .acquiring) }

    /// When it returns, every request whose head ends later is served by `generation`.
    func use(_ generation: Generation) {
        inForce.withLock { inForce in
            inForce = generation
            numberInForce.store(generation.number, ordering: .releasing)
        }
    }
}

/// Memory that all requests of one kind may hold together.
final class MemoryBudget: Sendable {
    private let free: Atomic<Int>

    private let byteCount: Int

    init(byteCount: Int) {
        self.byteCount = byteCount
        free = Atomic(byteCount)
    }

    /// Whether nothing is taken.
    var isWhole: Bool { free.load(ordering: .relaxed) == byteCount }

    /// - Returns: false if there is not that much left.
    func take(_ byteCount: Int) -> Bool {
        let (_, rest) = free.subtract(byteCount, ordering: .relaxed)
        if rest >= 0 { return true }
        give(byteCount)
        return false
    }

    func give(_ byteCount: Int) { free.add(byteCount, ordering: .relaxed) }
}

/// Bytes that are counted in a budget for as long as they are there.
final class CountedBytes {
    private let budget: MemoryBudget
    private var content: [UInt8] = []

    init(in budget: MemoryBudget) { self.budget = budget }

    deinit { budget.give(content.count) }

    var count: Int { content.count }
    /// To be looked at, not to be kept.
    var bytes: ByteString { ByteString(content) }

    /// - Returns: false if the budget has not that much left; then nothing was appended.
    func append(_ buffer: Buffer) -> Bool {
        guard budget.take(buffer.count) else { return false }
        content.append(copying: buffer.bytes)
        return true
    }

    func removeAll() {
        budget.give(content.count)
        content = []
    }
}

/// What one owner has taken of a budget. Ends with `giveBack`, when what it was taken for is gone.
struct MemoryShare: ~Copyable {
    private let budget: MemoryBudget
    private var byteCount = 0

    init(of budget: MemoryBudget) { self.budget = budget }

    /// Takes more of the budget, or gives some of it back.
    /// - Returns: false if there is not that much left; then all is as before.
    mutating func hold(_ wanted: Int) -> Bool {
        if wanted > byteCount, !budget.take(wanted - byteCount) { return false }
        if wanted < byteCount { budget.give(byteCount - wanted) }
        byteCount = wanted
        return true
    }

    mutating func grow(by more: Int) -> Bool { hold(byteCount + more) }

    mutating func giveBack() { _ = hold(0) }
}
