public import AuditTrail
public import Bytes
import Logbook
import NetIO
import Synchronization

/// Where everything that happens comes together on its way to the audit trail: one desk for all
/// loops, which each have a `LoopAudit` in front of it.
///
/// Changes go straight to the trail, and their answers wait until they are on the disk. Refusals
/// and logins pass a gate that counts what comes too often; pulls wait in a ledger for their blobs.
public final class AuditDesk: Sendable {
    private let trail: AuditTrail
    private let gate = Locked(FloodGate())
    private let ledger = Locked(PullLedger())
    private let uploads = Locked(UploadLedger())
    private let logins = Locked(NotedLogins())
    /// When to look for what is over; nanoseconds of the loops' clock.
    private let nextLook = Atomic<Int64>(0)
    let node: ByteString

    private static let lookInterval: Int64 = 1_000_000_000

    /// - Parameter node: as in the settings of `trail`.
    public init(_ trail: AuditTrail, node: ByteString) {
        self.trail = trail
        self.node = node
    }

    /// Whether changes may be made. As of the last attempt to write.
    var isWritable: Bool { trail.isWritable }
    var pendingCount: Int { trail.pendingCount }
    var fsyncCount: Int { trail.fsyncCount }

    /// Records something that no request has done. From any thread.
    public func note(_ record: AuditRecord) { note([record]) }

    private func note(_ records: [AuditRecord]) {
        let encoder = RecordEncoder(node: node)
        for record in records { trail.add(AuditEntry(record, encoder)) }
    }

    /// Opens the file anew, after it was renamed. Returns at once.
    public func reopen() { trail.reopen() }

    /// Another process has come to write to the trail, or has gone. Blocks until the writer knows.
    ///
    /// - Returns: `false` if that took too long.
    public func keep(_ company: AuditTrail.Company, within nanoseconds: Int64) -> Bool {
        trail.keep(company, within: nanoseconds)
    }

    /// From now on nothing waits for the disk, and no change is acknowledged; see `AuditTrail`.
    public func stopWaitingForDisk() { trail.stopWaitingForDisk() }

    /// Writes everything that waits and is counted, then `server.stopped`, and ends the trail. For
    /// the end of the process; it blocks.
    ///
    /// - Returns: whether everything was written in time.
    public func close(within nanoseconds: Int64) -> Bool {
        let rest = gate.withLock { $0.flush() } + ledger.withLock { $0.flush() }
        note(rest + [AuditRecord(.serverStopped)])
        return trail.close(within: nanoseconds)
    }
}

/// For the loops.
extension AuditDesk {
    func commit(_ entries: [AuditEntry]) async -> Bool { await trail.commit(entries) }

    func add(_ entry: AuditEntry) { trail.add(entry) }

    /// Whether a refusal or login is a record of its own; if not, it is counted.
    func passes(_ record: AuditRecord, from source: ByteString, at now: Instant) -> Bool {
        gate.withLock { $0.passes(record, from: source, at: now.nanoseconds) }
    }

    /// - Returns: whether `record` is now one to be written: that of a pull which is over.
    func swapIn(
        _ record: inout AuditRecord,
        by puller: PullLedger.Puller,
        at now: Instant
    ) -> Bool {
        ledger.withLock { $0.swapIn(&record, by: puller, at: now.nanoseconds) }
    }

    func blobBegan(by puller: PullLedger.Puller, at now: Instant) {
        ledger.withLock { $0.blobBegan(by: puller, at: now.nanoseconds) }
    }

    func blobEnded(_ byteCount: Int, by puller: PullLedger.Puller, at now: Instant) {
        ledger.withLock { $0.blobEnded(byteCount, by: puller, at: now.nanoseconds) }
    }

    func noteUpload(_ upload: UploadLedger.Upload, _ byteCount: Int) {
        uploads.withLock { $0.note(byteCount, of: upload) }
    }

    func takeUpload(_ upload: UploadLedger.Upload) -> Int? {
        uploads.withLock { $0.take(upload) }
    }

    func isNewLogin(_ name: ByteString, within lifetime: Int64, at now: Instant) -> Bool {
        logins.withLock { $0.isNew(name, within: lifetime, at: now.nanoseconds) }
    }

    /// What is over, for whichever loop comes first in its second. Also ends the waits for a disk
    /// that does not answer.
    func due(at now: Instant) -> [AuditRecord] {
        let next = nextLook.load(ordering: .relaxed)
        let later = now.nanoseconds + Self.lookInterval
        guard now.nanoseconds >= next,
            nextLook.compareExchange(expected: next, desired: later, ordering: .relaxed).exchanged
        else { return [] }
        trail.expireCommits()
        return gate.withLock { $0.due(at: now.nanoseconds) }
            + ledger.withLock { $0.due(at: now.nanoseconds) }
    }
}
