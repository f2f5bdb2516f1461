import Bytes
import Synchronization

/// Writes the access log on a thread of its own, so that neither a disk nor the reader of a pipe
/// can delay an event loop.
///
/// Loops hand over pages of whole lines (`LoopLog`). At most `queueLimit` pages wait; beyond that a
/// page is dropped, its lines are counted, and the operator log says how many, at most once in ten
/// seconds. Lines come out in the order of handing over, each whole.
public final class LogWriter: Sendable {
    /// What `log.access.path` offers.
    public enum Destination: Sendable, Equatable {
        case off
        case standardOutput
        /// A path: a file is appended to and created, a FIFO or device is written to.
        case file(String)
    }

    public let destination: Destination
    let shared: Monitor<LogQueue>

    /// Opens the destination and starts the thread. For `off` there is no thread.
    ///
    /// - Parameters:
    ///   - queueLimit: pages of `LoopLog.pageByteCount` bytes. 256 hold at least 64 Ki usual lines
    ///     and take at most 32 MiB, but only when the disk or reader does not keep up.
    ///   - operatorLog: is told of lost lines, failures and reopening.
    public convenience init(
        _ destination: Destination,
        queueLimit: Int = 256,
        operatorLog: OperatorLog
    ) throws(LogbookError) {
        try self.init(destination, queueLimit, operatorLog, standardOutput: 1)
    }

    /// As above, with another descriptor in the place of standard output.
    init(
        _ destination: Destination,
        _ queueLimit: Int,
        _ operatorLog: OperatorLog,
        standardOutput: Int32
    ) throws(LogbookError) {
        self.destination = destination
        let shared = Monitor(LogQueue(limit: queueLimit))
        self.shared = shared
        let output: LogOutput
        switch destination {
        case .off: return
        case .standardOutput: output = LogOutput(standardOutput: standardOutput)
        case .file(let path): output = try LogOutput(appendingTo: path)
        }
        let handover = LogHandover(output)
        let work = LogWork(shared, destination, operatorLog)
        try startThread { if let output = handover.take() { work.run(output) } }
    }

    /// Lets the thread write what was handed over, and end.
    deinit { shared.change { $0.isEnding = true } }

    /// Whether there is nothing to write to.
    public var isOff: Bool { destination == .off }

    /// Lines lost since the start: because the queue was full, or because writing failed.
    public var droppedLines: Int { shared.withLock { $0.droppedLines } }

    /// Opens the path anew, after the old file was renamed (`SIGUSR1`). Returns at once.
    ///
    /// Nothing is lost or doubled: pages are written whole, before it or after it. If the path
    /// cannot be opened, writing goes on to the old file and the operator log says so. Nothing to
    /// do for standard output.
    public func reopen() {
        guard case .file = destination else { return }
        shared.change { $0.wantsReopening = true }
    }

    /// Waits until everything that was handed over is written or given up. For the drain, not for a
    /// loop: it blocks.
    ///
    /// - Parameter deadline: monotonic nanoseconds (CLOCK_MONOTONIC).
    /// - Returns: `false` if the deadline came first.
    @discardableResult
    public func flush(until deadline: Int64) -> Bool {
        guard !isOff else { return true }
        return shared.wait(until: deadline) { $0.isIdle ? true : nil } ?? false
    }

    /// As `flush(until:)`, from now on.
    @discardableResult
    public func flush(within duration: Duration) -> Bool {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
        return flush(until: Clock.monotonic + nanoseconds)
    }

    /// Writes what was handed over, reports what was lost, and ends the thread. Later pages are
    /// dropped and counted. For the end of the process; it blocks.
    ///
    /// - Returns: `false` if it took longer. The thread then still ends as soon as it can.
    @discardableResult
    public func close(within duration: Duration) -> Bool {
        guard !isOff else { return true }
        let isWritten = flush(within: duration)
        shared.change { $0.isEnding = true }
        let deadline = Clock.monotonic + Self.endingNanoseconds
        return shared.wait(until: deadline) { $0.hasEnded ? true : nil } != nil && isWritten
    }

    /// What the thread gets to notice its end: more than one wait for a pipe.
    private static let endingNanoseconds: Int64 = 1_000_000_000

    func emptyPage() -> LogPage {
        shared.withLock { $0.spare.popLast() } ?? LogPage(Buffer(capacity: LoopLog.pageByteCount))
    }

    /// Takes a page of whole lines; never waits for the disk.
    func take(_ page: LogPage) { shared.change { $0.take(page) } }

    /// Whether so much waits that a page which is not yet full should wait for more lines.
    var isBehind: Bool { shared.withLock { $0.pages.count >= 8 } }
}

/// Carries the open output to the thread, which then is its only owner.
private final class LogHandover: Sendable {
    private let output: Mutex<LogOutput?>

    init(_ output: consuming LogOutput) { self.output = Mutex(output) }

    func take() -> LogOutput? { output.withLock { $0.take() } }
}

/// Lines on their way from a loop to the writer.
// SAFETY: `Buffer` is not safe to share, and is not shared: whoever hands a page over keeps no
// reference to it, and the monitor's lock orders the two owners' accesses.
struct LogPage: @unchecked Sendable {
    let buffer: Buffer
    var lineCount = 0

    init(_ buffer: Buffer) { self.buffer = buffer }
}

/// What loops and the writer's thread share.
struct LogQueue: Sendable {
    let limit: Int
    var pages: [LogPage] = []
    /// Empty pages for the loops; a few, so that they seldom allocate.
    var spare: [LogPage] = []
    var isWriting = false
    var wantsReopening = false
    var isEnding = false
    var hasEnded = false
    var droppedLines = 0
    /// Of the dropped lines, those that the operator log has been told of.
    var reportedLines = 0

    init(limit: Int) { self.limit = limit }

    var isIdle: Bool { pages.isEmpty && !isWriting && !wantsReopening }
    var unreportedLines: Int { droppedLines - reportedLines }

    /// Queues the page, or counts its lines as dropped.
    mutating func take(_ page: LogPage) {
        guard pages.count < limit, !isEnding else {
            droppedLines += page.lineCount
            recycle(page)
            return
        }
        pages.append(page)
    }

    mutating func recycle(_ page: LogPage) {
        guard spare.count < 4 else { return }
        page.buffer.clear()
        spare.append(LogPage(page.buffer))
    }
}
