import CLinux
import Glibc

// A few threads of our own for calls that block or compute long; an unsafe room (pthread).

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
/// For password hashes, names and files: never for the loops, and apart from Swift's own pool,
/// which has as many threads as cores and would stand still. The threads receive no signals.
///
/// A pool that stands back computes only where a processor has nothing else to do (SCHED_IDLE,
/// sched(7)): whoever else wakes up takes the processor from it at once. Where every processor is
/// busy its jobs would never begin: one more thread, an ordinary one, takes what has waited for
/// 250 ms. Where the system forbids to stand back, all threads are ordinary ones.
@safe public final class BlockingPool: Sendable {
    /// One piece of work. It may block, and must end.
    public typealias Job = @Sendable () -> Void

    private let queue: JobQueue

    /// How many threads run, the one for what has waited not counted; fewer than asked for if the
    /// system gave no more.
    public let threadCount: Int

    /// - Parameters:
    ///   - name: what the threads are for, for error messages.
    ///   - queueLimit: how many jobs may wait, those that run not counted.
    ///   - standsBack: whether the threads leave the processors to whoever else wants them.
    public init(
        name: String,
        threadCount: Int,
        queueLimit: Int,
        standsBack: Bool = false
    ) throws(BlockingPoolError) {
        precondition(threadCount > 0 && queueLimit > 0)
        let queue = JobQueue(limit: queueLimit)
        var started: [pthread_t] = []
        var code: Int32 = 0
        withSignalsBlocked {
            let part = standsBack ? ThreadStart.Part.back : .front
            while started.count < threadCount, code == 0 {
                code = startThread(ThreadStart(queue, part)) { started.append($0) }
            }
        }
        guard !started.isEmpty else { throw BlockingPoolError(name: name, code: code) }
        self.threadCount = started.count
        if standsBack {
            withSignalsBlocked {
                _ = startThread(ThreadStart(queue, .relief)) { started.append($0) }
            }
        }
        self.queue = queue
        queue.remember(started)
    }

    deinit {
        for thread in queue.close() { _ = pthread_detach(thread) }
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
        for thread in queue.close() { _ = pthread_join(thread, nil) }
    }
}

/// What the threads share with the pool. Outlives the pool until the last thread has ended.
///
/// A mutex and conditions of pthread, not `Synchronization.Mutex`: threads have to wait for jobs,
/// and the thread sanitizer does not see what Swift's mutex orders on Linux.
// SAFETY: the variables are touched under the mutex only; mutex and conditions are made for several
// threads and live as long as `self`.
@safe private final class JobQueue: @unchecked Sendable {
    private struct Entry {
        let job: BlockingPool.Job
        let submitted: Instant
    }

    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// There is a job, or the queue is closed.
    private let hasJob: UnsafeMutablePointer<pthread_cond_t>
    /// The same, for the thread that takes what has waited.
    private let hasFirstJob: UnsafeMutablePointer<pthread_cond_t>
    private let limit: Int
    private var jobs: [Entry] = []
    /// The jobs before this one have been taken; their places are given back now and then.
    private var first = 0
    private var isClosed = false
    private var threads: [pthread_t] = []

    init(limit: Int) {
        self.limit = limit
        unsafe mutex = .allocate(capacity: 1)
        unsafe hasJob = .allocate(capacity: 1)
        unsafe hasFirstJob = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(hasJob, &attributes)
        unsafe pthread_cond_init(hasFirstJob, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(hasJob)
        unsafe pthread_cond_destroy(hasFirstJob)
        unsafe pthread_mutex_destroy(mutex)
        unsafe hasJob.deallocate()
        unsafe hasFirstJob.deallocate()
        unsafe mutex.deallocate()
    }

    var count: Int { locked { jobs.count - first } }

    func add(_ job: @escaping BlockingPool.Job) -> Bool {
        locked {
            guard !isClosed, jobs.count - first < limit else { return false }
            if first == jobs.count { unsafe pthread_cond_signal(hasFirstJob) }
            jobs.append(Entry(job: job, submitted: .now))
            unsafe pthread_cond_signal(hasJob)
            return true
        }
    }

    func remember(_ started: [pthread_t]) { locked { threads = started } }

    /// Takes no more jobs. The threads are the caller's to join or to detach; they are given once.
    func close() -> [pthread_t] {
        locked {
            isClosed = true
            unsafe pthread_cond_broadcast(hasJob)
            unsafe pthread_cond_broadcast(hasFirstJob)
            defer { threads = [] }
            return threads
        }
    }

    /// Waits for a job; `nil` when the queue is closed and empty.
    func next() -> BlockingPool.Job? {
        locked {
            while first == jobs.count {
                if isClosed { return nil }
                unsafe pthread_cond_wait(hasJob, mutex)
            }
            return take()
        }
    }

    /// Waits for a job that has waited so many nanoseconds; `nil` when the queue is closed and
    /// empty.
    func next(afterWaiting patience: Int64) -> BlockingPool.Job? {
        locked {
            while true {
                guard first < jobs.count else {
                    if isClosed { return nil }
                    unsafe pthread_cond_wait(hasFirstJob, mutex)
                    continue
                }
                let due = jobs[first].submitted.advanced(by: patience)
                if isClosed || due <= .now { return take() }
                var time = timespec()
                time.tv_sec = Int(due.nanoseconds / 1_000_000_000)
                time.tv_nsec = Int(due.nanoseconds % 1_000_000_000)
                unsafe pthread_cond_timedwait(hasFirstJob, mutex, &time)
            }
        }
    }

    private func take() -> BlockingPool.Job {
        let job = jobs[first].job
        first += 1
        if first == jobs.count || first > 1024 {
            jobs.removeFirst(first)
            first = 0
        }
        return job
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }
}

/// What a new thread gets.
private final class ThreadStart: Sendable {
    /// Which jobs the thread takes, and how.
    enum Part {
        case front
        /// The same, where a processor has nothing else to do.
        case back
        /// Those that have waited too long for such a processor.
        case relief
    }

    private let queue: JobQueue
    private let part: Part

    init(_ queue: JobQueue, _ part: Part) {
        self.queue = queue
        self.part = part
    }

    func run() {
        if part == .relief {
            while let job = queue.next(afterWaiting: Self.patience) { job() }
        } else {
            if part == .back { _ = let_this_thread_stand_back() }
            while let job = queue.next() { job() }
        }
    }

    private static let patience: Int64 = 250_000_000
}

private func startThread(_ start: ThreadStart, _ started: (pthread_t) -> Void) -> Int32 {
    var thread = pthread_t()
    let start = unsafe Unmanaged.passRetained(start)
    // SAFETY: the thread takes over the retained start; if there is no thread, we take it back.
    let code = unsafe pthread_create(
        &thread,
        nil,
        { argument in
            guard let argument = unsafe argument else { return nil }
            let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
            start.run()
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

/// Threads inherit the mask of the one that starts them: signals belong to the program's own
/// thread.
private func withSignalsBlocked(_ body: () -> Void) {
    var all = sigset_t()
    var before = sigset_t()
    // SAFETY: both sets live through the calls.
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
    body()
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
}
