import CLinux
import Glibc
import Synchronization

/// One thread, one epoll set and one queue of ready jobs.
///
/// It is the executor of the actor that owns everything on this loop, and the task executor of the
/// tasks that actor starts, so that straight-line async code never leaves the thread.
///
/// Everything but `enqueue`, `isCurrent` and `start` may be called on the loop's own thread only.
// SAFETY: `jobs` is synchronised; all other state is touched by the thread alone.
public final class EventLoop: TaskExecutor, @unchecked Sendable {
    private let poller: Int32
    private let wakeup: Int32
    private let events = PollEvents()
    private let jobs: ReadyJobs
    private let stopping = Atomic<Bool>(false)

    private var channels: [Channel?] = Array(repeating: nil, count: 1024)
    private var nextGeneration: UInt32 = 0
    private var waiters: [Waiter] = []
    private var nextSweep = Instant.never
    private var nextTick = Instant.never
    private var tickers: [() -> Void] = []

    /// Private, and shown by `now`: what other modules see as stored is checked for overlapping
    /// access each time that they look.
    private var eventTime: Instant
    /// Memory for bytes in transit.
    public let buffers = BufferPool()

    /// Deadlines that fall into the same span are looked at together.
    private static let sweepInterval: Int64 = 20_000_000
    private static let tickInterval: Int64 = 500_000_000
    /// How many times at most ready jobs are run between two looks at the events.
    private static let rounds = 3
    private static let wakeupTag = UInt64.max

    public init() throws(SystemError) {
        poller = try SystemCalls.makePoller()
        wakeup = try SystemCalls.makeWakeup()
        jobs = ReadyJobs(wakeup: wakeup)
        eventTime = SystemCalls.now()
        guard poll_add_level(poller, wakeup, Self.wakeupTag) == 0 else {
            throw SystemError(call: "epoll_ctl", code: errno)
        }
    }

    deinit {
        close(poller)
        close(wakeup)
    }

    /// Starts the thread. It keeps the loop alive until `stop`.
    public func start(name: String) {
        let isStarted = SystemCalls.startThread(named: name) { self.run() }
        precondition(isStarted, "no thread for an event loop (see RLIMIT_NPROC)")
    }

    /// Ends the thread after the jobs that are ready now. Callable from any thread.
    public func stop() {
        stopping.store(true, ordering: .releasing)
        SystemCalls.raise(wakeup: wakeup)
    }

    /// The monotonic time when the current batch of events was taken up.
    public var now: Instant { eventTime }

    /// Whether the caller runs on this loop's thread. Callable from any thread.
    public var isCurrent: Bool { jobs.isCurrent }

    /// Calls `body` on the loop's thread about twice a second, for as long as the loop runs.
    public func onTick(_ body: @escaping () -> Void) {
        tickers.append(body)
        if tickers.count == 1 { nextTick = now.advanced(by: Self.tickInterval) }
    }

    private func run() {
        jobs.adoptThread()
        while !stopping.load(ordering: .acquiring) {
            runJobs()
            poll()
            eventTime = SystemCalls.now()
            if now >= nextSweep { sweep() }
            if now >= nextTick { tick() }
        }
        runJobs()
    }

    /// Runs what is ready, and what that makes ready. Further jobs wait for the next turn, so a
    /// task that never has to wait cannot keep the loop from its events.
    private func runJobs() {
        let tasks = unsafe asUnownedTaskExecutor()
        for _ in 0..<Self.rounds where !jobs.isEmpty { unsafe jobs.runReady(of: tasks) }
    }

    private func poll() {
        events.wait(on: poller, milliseconds: millisecondsToWait()) { tag, kinds in
            if tag == Self.wakeupTag {
                SystemCalls.clear(wakeup: wakeup)
                jobs.takeRemote()
            } else if let channel = channels[Int(truncatingIfNeeded: tag & 0xffff_ffff)],
                channel.generation == UInt32(tag >> 32)
            {
                channel.signal(kinds)
            }
        }
    }

    private func millisecondsToWait() -> Int32 {
        if !jobs.isEmpty { return 0 }
        let wake = min(nextSweep, nextTick)
        guard wake != .never else { return -1 }
        // Rounded up: to wake before the time would only mean to wait again.
        return Int32(clamping: max(0, (wake.nanoseconds(since: now) + 999_999) / 1_000_000))
    }

    private func tick() {
        nextTick = now.advanced(by: Self.tickInterval)
        buffers.trim()
        for body in tickers { body() }
    }
}

/// Work whose memory is not to be kept.
extension EventLoop {
    /// Runs `body` in a task of its own on this loop and waits for its end. The memory that it
    /// needed is free then; called directly, it would stay with the caller's task.
    public func apart(_ body: @escaping () async -> Void) async {
        precondition(isCurrent, "not on this event loop's thread")
        // SAFETY: the task runs where the caller does, on this thread, and the caller waits for it.
        nonisolated(unsafe) let body = body
        await Task(executorPreference: self) { await unsafe body() }.value
    }
}

/// What Swift's concurrency asks of executors.
extension EventLoop {
    public func enqueue(_ job: consuming ExecutorJob) { jobs.add(UnownedJob(job)) }

    // SAFETY: an executor must outlive what runs on it; a started loop is held by its own thread.
    public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        unsafe UnownedTaskExecutor(ordinary: self)
    }

    /// That of actors which live on the loop.
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe jobs.asUnownedSerialExecutor()
    }
}

/// Channels and waiters, as they come and go.
extension EventLoop {
    /// Every event of `channel` goes to it until `unregister`.
    func register(_ channel: Channel) throws(SystemError) {
        let index = Int(channel.fd)
        if index >= channels.count {
            let missing = max(index + 1 - channels.count, channels.count)
            channels.append(contentsOf: repeatElement(nil, count: missing))
        }
        nextGeneration = (nextGeneration &+ 1) & 0x7fff_ffff
        channel.generation = nextGeneration
        // The generation keeps an event for a closed descriptor from its successor of that number.
        let tag = UInt64(channel.generation) << 32 | UInt64(index)
        guard poll_add_edges(poller, channel.fd, tag) == 0 else {
            throw SystemError(call: "epoll_ctl", code: errno)
        }
        channels[index] = channel
    }

    /// Must come before the descriptor is closed: its number may be another's right after.
    func unregister(_ channel: Channel) { channels[Int(channel.fd)] = nil }

    /// Channels that are open.
    var channelCount: Int { channels.count { $0 != nil } }

    func add(_ waiter: Waiter) {
        waiter.index = waiters.count
        waiters.append(waiter)
    }

    func remove(_ waiter: Waiter) {
        let last = waiters.removeLast()
        guard last !== waiter else { return }
        waiters[waiter.index] = last
        last.index = waiter.index
    }

    func note(_ deadline: Instant) {
        if deadline < nextSweep { nextSweep = deadline }
    }

    /// Wakes every waiter whose deadline has passed, and finds out when to look again.
    private func sweep() {
        var earliest = Instant.never
        for waiter in waiters {
            if waiter.deadline <= now {
                waiter.wake()
            } else if waiter.deadline < earliest {
                earliest = waiter.deadline
            }
        }
        nextSweep =
            earliest == .never ? .never : max(earliest, now.advanced(by: Self.sweepInterval))
    }
}
