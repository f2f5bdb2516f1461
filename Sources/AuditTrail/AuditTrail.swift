public import Bytes
public import Logbook
public import Secrets
import Synchronization

/// The audit trail: a chain of records in a file, and behind it the thread that writes it.
///
/// Safe from any thread. A record of a change is on the disk before `commit` says so; other records
/// follow within `Self.patience`. While the trail cannot be written, changes must not be made
/// (`isWritable`); records of changes that were made nevertheless wait in memory and come first,
/// all others are counted, and a `gap` record says how many there were.
public final class AuditTrail: Sendable {
    public struct Settings: Sendable {
        public var path: String
        /// The name of this machine or instance, in every record.
        public var node: ByteString
        /// Bytes, after which the file is closed and another one begun.
        public var rotateSize = 256 * 1024 * 1024
        /// Nanoseconds, after which the same happens.
        public var rotateAge: Int64 = 24 * 3600 * 1_000_000_000
        /// A rotated file goes when its newest record is older than so many times `rotateAge`.
        public var keep = 90
        /// Whether rotated files become gzip.
        public var compresses = true
        /// How many records lie at most between two checkpoints.
        public var checkpointInterval = 1000
        /// `nil`: there are no checkpoints.
        public var signingKey: SigningKey?
        /// Who else writes at the beginning.
        public var company = Company.nobody

        public init(path: String, node: ByteString) {
            self.path = path
            self.node = node
        }
    }

    /// Who else writes to the same trail, for a while: then each batch is written under a lock, and
    /// behind what the other one has written meanwhile.
    public enum Company: Sendable {
        case nobody
        /// The process that this one takes over from; it has the trail until it ends.
        case predecessor
        /// The process that takes over.
        case successor
    }

    private let queue: Monitor<AuditQueue>
    private let figures: AuditFigures

    /// How long a record that nobody waits for may wait for company, in nanoseconds.
    static let patience: Int64 = 200_000_000
    /// How long a change waits for others to follow it, so that one fsync serves them, and how long
    /// the first of them waits at most. In nanoseconds.
    static let pause: Int64 = 2_000_000
    static let gathering: Int64 = 5_000_000
    /// After how long a commit gives up waiting for the disk.
    static let commitLimit: Int64 = 30_000_000_000
    /// Records that may wait; what comes beyond is counted as lost, unless it is a change.
    static let queueLimit = 65_536

    /// Opens the trail, goes on where it ended, and starts the thread.
    ///
    /// A last line without its newline, left by a crash, is moved into a file of its own beside it.
    public init(_ settings: Settings, operatorLog: OperatorLog) throws(AuditError) {
        let queue = Monitor(AuditQueue())
        let figures = AuditFigures()
        let scribe = try Scribe(settings, operatorLog, figures)
        let handover = Mutex<Scribe?>(scribe)
        let work = AuditWork(queue, figures, operatorLog)
        let start = ScribeHandover(handover)
        do throws(LogbookError) {
            try startThread { if let scribe = start.take() { work.run(scribe) } }
        } catch {
            throw .noThread(error.description)
        }
        self.queue = queue
        self.figures = figures
    }

    deinit { queue.change { $0.isEnding = true } }

    /// Whether changes may be made. As of the last attempt to write.
    public var isWritable: Bool { figures.isWritable.load(ordering: .acquiring) }
    /// Records that wait to be written.
    public var pendingCount: Int { queue.withLock { $0.entries.count } + figures.pending }
    public var fsyncCount: Int { figures.fsyncs.load(ordering: .relaxed) }

    /// Hands over a record that nobody waits for.
    public func add(_ entry: AuditEntry) {
        if queue.withLock({ $0.add(entry, isWritable: isWritable) }) { queue.wakeAll() }
    }

    /// Hands over records, and waits until they are on the disk.
    ///
    /// - Returns: `false` if they could not be written in time. They will be, as soon as that is
    ///   possible; but what they are about must not be acknowledged. `false` at once after `close`:
    ///   then they never are.
    public func commit(_ entries: [AuditEntry]) async -> Bool {
        let ticket = CommitTicket(deadline: Clock.monotonic + Self.commitLimit)
        return await withCheckedContinuation { continuation in
            ticket.wait(continuation)
            let wakesWriter = queue.withLock { queue -> Bool? in
                guard !queue.hasEnded else { return nil }
                queue.tickets.append(ticket)
                var wakesWriter = false
                for entry in entries {
                    if queue.add(entry, isWritable: isWritable) { wakesWriter = true }
                }
                return wakesWriter
            }
            guard let wakesWriter else { return ticket.resume(false) }
            if wakesWriter { queue.wakeAll() }
        }
    }

    /// Ends the waits whose time is over. To be called now and then, by any thread.
    public func expireCommits() {
        let now = Clock.monotonic
        let late = queue.withLock { queue in
            queue.tickets.filter { $0.deadline < now } + queue.writing.filter { $0.deadline < now }
        }
        for ticket in late { ticket.resume(false) }
    }

    /// Opens the path anew, after the file was renamed (`SIGUSR1`). Returns at once.
    public func reopen() { queue.change { $0.wantsReopening = true } }

    /// Another process has come to write here, or has gone. Blocks until the writer knows.
    ///
    /// - Returns: `false` if that took too long.
    public func keep(_ company: Company, within nanoseconds: Int64) -> Bool {
        queue.change { $0.newCompany = company }
        let deadline = Clock.monotonic + nanoseconds
        return queue.wait(until: deadline) { $0.newCompany == nil ? true : nil } ?? false
    }

    /// From now on records are written, but nothing waits until the disk has them, and no commit
    /// succeeds. For the end of a process whose time is over: what was written outlives it, and the
    /// system brings it to the disk.
    public func stopWaitingForDisk() { queue.change { $0.waitsForDisk = false } }

    /// Writes what was handed over and ends the thread. For the end of the process; it blocks.
    ///
    /// - Returns: whether everything was written in time.
    @discardableResult
    public func close(within nanoseconds: Int64) -> Bool {
        queue.change { $0.isEnding = true }
        let deadline = Clock.monotonic + nanoseconds
        return queue.wait(until: deadline) { $0.hasEnded ? $0.endedWhole : nil } ?? false
    }
}

/// A record on its way to the trail.
public struct AuditEntry: Sendable {
    let inside: ByteString
    /// Whether it must not be lost, whatever happens to the disk.
    let isChange: Bool

    /// - Parameter encoder: one per thread.
    public init(_ record: AuditRecord, _ encoder: RecordEncoder) {
        inside = encoder.encode(record)
        isChange = record.isChange
    }
}

/// Somebody who waits for a commit. Resumed exactly once, by whoever comes first.
final class CommitTicket: Sendable {
    /// Monotonic nanoseconds.
    let deadline: Int64
    private let waiting = Monitor<CheckedContinuation<Bool, Never>?>(nil)

    init(deadline: Int64) { self.deadline = deadline }

    func wait(_ continuation: CheckedContinuation<Bool, Never>) {
        waiting.withLock { $0 = continuation }
    }

    func resume(_ isDone: Bool) {
        let continuation = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        continuation?.resume(returning: isDone)
    }
}

/// Figures of the writer's thread for everybody.
final class AuditFigures: Sendable {
    let isWritable = Atomic<Bool>(true)
    let fsyncs = Atomic<Int>(0)
    private let waitingChanges = Atomic<Int>(0)

    /// Changes in the hands of the thread.
    var pending: Int {
        get { waitingChanges.load(ordering: .relaxed) }
        set { waitingChanges.store(newValue, ordering: .relaxed) }
    }
}

/// What the thread and all others share.
struct AuditQueue: Sendable {
    /// So many records are written without waiting for more.
    static let fullBatch = 4096

    var entries: [AuditEntry] = []
    /// Who waits for `entries`, and for what the thread is writing.
    var tickets: [CommitTicket] = []
    var writing: [CommitTicket] = []
    /// Records that were not taken, and when that began.
    var lost = 0
    var lostSince: WallTime?
    /// When the first and the last change came that wait; monotonic nanoseconds.
    var firstChange: Int64?
    var lastChange: Int64 = 0
    var firstEntry: Int64?
    var wantsReopening = false
    /// Until the writer knows.
    var newCompany: AuditTrail.Company?
    var waitsForDisk = true
    var isEnding = false
    var hasEnded = false
    var endedWhole = false

    /// When the records that wait should be written; monotonic nanoseconds, `.max` if none wait.
    var due: Int64 {
        var due = Int64.max
        if let firstChange {
            due = min(firstChange + AuditTrail.gathering, lastChange + AuditTrail.pause)
        }
        if let firstEntry { due = min(due, firstEntry + AuditTrail.patience) }
        return due
    }

    var isFull: Bool { entries.count >= Self.fullBatch }

    /// - Returns: whether the writer must be woken, since it has to write earlier than it knows of.
    mutating func add(_ entry: AuditEntry, isWritable: Bool) -> Bool {
        let now = Clock.monotonic
        let (dueBefore, wasFull) = (due, isFull)
        if entry.isChange {
            firstChange = firstChange ?? now
            lastChange = now
        } else if !isWritable || entries.count >= AuditTrail.queueLimit {
            lose(1)
            return false
        }
        firstEntry = firstEntry ?? now
        entries.append(entry)
        return due < dueBefore || isFull && !wasFull
    }

    mutating func lose(_ count: Int) {
        guard count > 0 else { return }
        lost += count
        lostSince = lostSince ?? .now
    }
}

/// Carries the scribe to the thread, which then is its only owner.
private final class ScribeHandover: Sendable {
    private let scribe: Mutex<Scribe?>

    init(_ scribe: consuming Mutex<Scribe?>) { self.scribe = scribe }

    func take() -> Scribe? { scribe.withLock { $0.take() } }
}
