import Glibc
import Synchronization

// A few threads of our own for calls that block or compute long; an unsafe room (pthread, sem_t).

/// Not one thread could be started.
public struct BlockingPoolError: Error, Equatable, CustomStringConvertible {
    /// The pool's name.
    public let name: String
    /// The number of pthread_create(3).
    public let code: Int32

    public var description: String {
        "no thread for \(name) could be started (error \(code); see RLIMIT_NPROC)"
    }
}

/// Threads that take jobs off one bounded queue, first come, first served.
///
/// For password hashes, names and files: never for the loops, and apart from Swift's own pool, which
/// has as many threads as cores and would stand still. The threads receive no signals.
@safe public final class BlockingPool: Sendable {
    /// One piece of work. It may block, and must end.
    public typealias Job = @Sendable () -> Void

    private let queue: JobQueue
    private let threads: Mutex<[pthread_t]>

    /// How many threads run; fewer than asked for if the system gave no more.
    public let threadCount: Int

    /// - Parameters:
    ///   - name: what the threads are for, for error messages.
    ///   - queueLimit: how many jobs may wait, those that run not counted.
    public init(
        name: String,
        threadCount: Int,
        queueLimit: Int
    ) throws(BlockingPoolError) {
        precondition(threadCount > 0 && queueLimit > 0)
        let queue = JobQueue(limit: queueLimit)
        var started: [pthread_t] = []
        var code: Int32 = 0
        withSignalsBlocked {
            while started.count < threadCount, code == 0 {
                code = startThread(queue: queue) { started.append($0) }
            }
        }
        guard !started.isEmpty else { throw BlockingPoolError(name: name, code: code) }
        self.queue = queue
        self.threadCount = started.count
        let all = started
        threads = Mutex(all)
    }

    deinit {
        queue.close(waking: threadCount)
        // Threads that were joined by `shutdown` are no longer in the list.
        for thread in threads.withLock({ $0 }) { _ = pthread_detach(thread) }
    }

    /// Hands over a job.
    ///
    /// - Returns: `false`, and the job will not run, if the queue is full or the pool has been shut
    ///   down.
    public func submit(_ job: @escaping Job) -> Bool { queue.add(job) }

    /// How many jobs wait.
    public var waitingCount: Int { queue.count }

    /// Takes no more jobs, runs those that wait to their end, and waits for the threads. Blocks.
    public func shutdown() {
        queue.close(waking: threadCount)
        let running = threads.withLock { list in
            defer { list = [] }
            return list
        }
        // SAFETY: each thread was taken off the list, so it is joined once.
        for thread in running { _ = pthread_join(thread, nil) }
    }
}

/// What the threads share with the pool. Outlives the pool until the last thread has ended.
@safe private final class JobQueue: @unchecked Sendable {
    private let state = Mutex(JobState())
    private let limit: Int
    // SAFETY: `@unchecked Sendable`: a semaphore is made for several threads, and lives as long as
    // `self`.
    private let semaphore: UnsafeMutablePointer<sem_t>

    init(limit: Int) {
        self.limit = limit
        unsafe semaphore = .allocate(capacity: 1)
        unsafe semaphore.initialize(to: sem_t())
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    var count: Int { state.withLock { $0.jobs.count - $0.first } }

    func add(_ job: @escaping BlockingPool.Job) -> Bool {
        let added = state.withLock { state in
            guard !state.isClosed, state.jobs.count - state.first < limit else { return false }
            state.jobs.append(job)
            return true
        }
        if added { _ = unsafe sem_post(semaphore) }
        return added
    }

    func close(waking threadCount: Int) {
        state.withLock { $0.isClosed = true }
        for _ in 0..<threadCount { _ = unsafe sem_post(semaphore) }
    }

    func run() {
        while let job = next() { job() }
    }

    /// Waits for a job; `nil` when the queue is closed and empty.
    private func next() -> BlockingPool.Job? {
        while true {
            // A signal handler may interrupt the wait (EINTR); the state decides in any case.
            _ = unsafe sem_wait(semaphore)
            let (job, isOver) = state.withLock { $0.take() }
            if let job { return job }
            if isOver { return nil }
        }
    }
}

/// The waiting jobs are those from `first` on; the places before it are given back now and then.
private struct JobState {
    var jobs: [BlockingPool.Job] = []
    var first = 0
    var isClosed = false

    mutating func take() -> (BlockingPool.Job?, isOver: Bool) {
        guard first < jobs.count else { return (nil, isClosed) }
        let job = jobs[first]
        first += 1
        if first == jobs.count || first > 1024 {
            jobs.removeFirst(first)
            first = 0
        }
        return (job, false)
    }
}

/// What a new thread gets.
private final class ThreadStart: Sendable {
    let queue: JobQueue
    init(queue: JobQueue) { self.queue = queue }
}

private func startThread(
    queue: JobQueue,
    _ started: (pthread_t) -> Void
) -> Int32 {
    var thread = pthread_t()
    let start = unsafe Unmanaged.passRetained(ThreadStart(queue: queue))
    // SAFETY: the thread takes over the retained start; if there is no thread, we take it back.
    let code = unsafe pthread_create(
        &thread,
        nil,
        { argument in
            guard let argument = unsafe argument else { return nil }
            let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
            start.queue.run()
            return nil
        },
        start.toOpaque()
    )
    guard code == 0 else {
        unsafe start.release()
        return code
    }
    started(thread)
    return 0
}

/// Threads inherit the mask of the one that starts them: signals belong to the program's own thread.
private func withSignalsBlocked(_ body: () -> Void) {
    var all = sigset_t()
    var before = sigset_t()
    // SAFETY: both sets live through the calls.
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    body()
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
}
