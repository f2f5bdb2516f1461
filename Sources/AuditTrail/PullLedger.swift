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
    }

    /// How long after its last blob a pull is taken to be over; nanoseconds.
    static let patience: Int64 = 1_000_000_000
    /// Pulls that are open at once; beyond, each is a record at once.
    static let limit = 10_000

    private var pulls: [Puller: Pull] = [:]

    public init() {}

    /// A manifest has been pulled.
    ///
    /// - Parameter now: monotonic nanoseconds; so below.
    /// - Returns: a record to be written now: the puller's manifest before this one, or this one if
    ///   there are too many.
    public mutating func add(
        _ record: AuditRecord,
        by puller: Puller,
        at now: Int64
    ) -> AuditRecord? {
        if pulls[puller] == nil, pulls.count >= Self.limit { return record }
        let before = pulls[puller]
        pulls[puller] = Pull(record: record, running: before?.running ?? 0, touched: now)
        return before?.record
    }

    /// A blob begins to be sent.
    public mutating func blobBegan(by puller: Puller, at now: Int64) {
        pulls[puller]?.running += 1
        pulls[puller]?.touched = now
    }

    /// A blob has been sent, whole or not.
    public mutating func blobEnded(_ byteCount: Int, by puller: Puller, at now: Int64) {
        guard var pull = pulls[puller] else { return }
        pull.running = max(0, pull.running - 1)
        pull.touched = now
        pull.record.what.size = (pull.record.what.size ?? 0) + byteCount
        pulls[puller] = pull
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
