import AuditTrail
import Bytes
import NetIO

/// One loop's way to the audit desk. Belongs to the loop's thread.
final class LoopAudit {
    private let desk: AuditDesk
    private let encoder: RecordEncoder

    init(_ desk: AuditDesk) {
        self.desk = desk
        encoder = RecordEncoder(node: desk.node)
    }

    /// Whether changes may be made. As of the last attempt to write.
    var isWritable: Bool { desk.isWritable }

    /// Waits until the records are on the disk.
    ///
    /// - Returns: `false` if they are not: what they are about must not be acknowledged.
    func commit(_ records: [AuditRecord]) async -> Bool {
        await desk.commit(records.map { AuditEntry($0, encoder) })
    }

    /// For records that nobody waits for.
    func add(_ records: [AuditRecord]) { for record in records { add(record) } }

    func add(_ record: AuditRecord) { desk.add(AuditEntry(record, encoder)) }

    /// The same for those that may come in floods.
    func addCounted(_ record: AuditRecord, from source: ByteString, at now: Instant) {
        if desk.passes(record, from: source, at: now) { add(record) }
    }

    /// Has `record` wait for the blobs of its pull; another may come in exchange, and is written.
    func pulled(_ record: inout AuditRecord, by puller: PullLedger.Puller, at now: Instant) {
        if desk.swapIn(&record, by: puller, at: now) { add(record) }
    }

    /// To be followed by one `blobEnded`, however the blob ends.
    func blobBegan(by puller: PullLedger.Puller, at now: Instant) {
        desk.blobBegan(by: puller, at: now)
    }

    func blobEnded(_ byteCount: Int, by puller: PullLedger.Puller, at now: Instant) {
        desk.blobEnded(byteCount, by: puller, at: now)
    }

    /// The registry has told how many bytes of an upload it holds.
    func noteUpload(_ upload: UploadLedger.Upload, _ byteCount: Int) {
        desk.noteUpload(upload, byteCount)
    }

    /// How many it held; from here on that is not known until `noteUpload`.
    func takeUpload(_ upload: UploadLedger.Upload) -> Int? { desk.takeUpload(upload) }

    /// Whether a login that is checked each time was not seen for so many nanoseconds.
    func isNewLogin(_ name: ByteString, within lifetime: Int64, at now: Instant) -> Bool {
        desk.isNewLogin(name, within: lifetime, at: now)
    }

    /// To be called now and then.
    func tick(at now: Instant) { add(desk.due(at: now)) }
}
