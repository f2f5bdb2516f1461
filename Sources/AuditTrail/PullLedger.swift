public import Bytes

/// Counts the bytes of blobs to the manifest that they were fetched for: a pull is one record, made
/// when nothing more has come for a moment. Pure: it is told the time.
public struct PullLedger: Sendable {
    /// Who pulls, and from where: blobs of the same two belong to the newest manifest.
    public struct Puller: Sendable, Hashable {
        /// A user; of a request without login, the client's address.
        public let who: ByteString
        public let isAnonymous: Bool
        public let repository: ByteString

        public init(who: ByteString, isAnonymous: Bool, repository: ByteString) {
            self.who = who
            self.isAnonymous = isAnonymous
            self.repository = repository
        }
    }

    private struct Pull {
        var record: AuditRecord
        /// Blobs that are on their way.
        var running = 0
        var touched: Int64

        mutating func finishBlob(_ byteCount: Int, at now: Int64) {
            record.what.size = (record.what.size ?? 0) + byteCount
            running = max(0, running - 1)
            touched = now
        }
    }

    /// How long after its last blob a pull is taken to be over; nanoseconds.
    static let patience: Int64 = 1_000_000_000
    /// Pulls that are open at once; beyond, each is a record at once.
    static let limit = 10_000

    private var pulls: [Puller: Pull] = [:]

    public init() {}

    /// A manifest has been pulled. `record` changes places with that of the puller's manifest
    /// before it, since records are large to copy.
    ///
    /// - Parameter now: monotonic nanoseconds; so below.
    /// - Returns: whether `record` is to be written now: it is the one before, or still this one
    ///   because there are too many.
    public mutating func swapIn(
        _ record: inout AuditRecord,
        by puller: Puller,
        at now: Int64
    ) -> Bool {
        guard let open = pulls.index(forKey: puller) else {
            if pulls.count >= Self.limit { return true }
            pulls[puller] = Pull(record: record, touched: now)
            return false
        }
        swap(&pulls.values[open].record, &record)
        pulls.values[open].touched = now
        return true
    }

    /// A blob begins to be sent.
    public mutating func blobBegan(by puller: Puller, at now: Int64) {
        guard let open = pulls.index(forKey: puller) else { return }
        pulls.values[open].running += 1
        pulls.values[open].touched = now
    }

    /// A blob has been sent, whole or not.
    public mutating func blobEnded(_ byteCount: Int, by puller: Puller, at now: Int64) {
        guard let open = pulls.index(forKey: puller) else { return }
        pulls.values[open].finishBlob(byteCount, at: now)
    }

    /// The pulls that are over.
    public mutating func due(at now: Int64) -> [AuditRecord] {
        let over = pulls.filter { $0.value.running == 0 && now - $0.value.touched >= Self.patience }
        for puller in over.keys { pulls[puller] = nil }
        return over.values.map(\.record).sorted { $0.time < $1.time }
    }

    /// All of them, for the end of the process.
    public mutating func flush() -> [AuditRecord] {
        defer { pulls = [:] }
        return pulls.values.map(\.record).sorted { $0.time < $1.time }
    }
}
