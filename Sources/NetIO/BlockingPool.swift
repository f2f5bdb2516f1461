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
@safe public final class BlockingPool: Sendable {
    /// One piece of work. It may block, and must end.
    public typealias Job = @Sendable () -> Void

    private let queue: JobQueue

    /// How many threads run; fewer than asked for if the system gave no more.
    public let threadCount: Int

    /// - Parameters:
    ///   - name: what the threads are for, for error messages.
    ///   - queueLimit: how many jobs may wait, those that run not counted.
    ///   - niceness: how far the threads stand back where processors are short, for the loops most
    ///     of all (nice(2), on Linux about one thread). Where the system forbids it, they do not.
    public init(
        name: String,
        threadCount: Int,
        queueLimit: Int,
        niceness: Int32 = 0
    ) throws(BlockingPoolError) {
        precondition(threadCount > 0 && queueLimit > 0)
        let queue = JobQueue(limit: queueLimit)
        var started: [pthread_t] = []
        var code: Int32 = 0
        withSignalsBlocked {
            while started.count < threadCount, code == 0 {
                code = startThread(ThreadStart(queue, niceness)) { started.append($0) }
            }
        }
        guard !started.isEmpty else { throw BlockingPoolError(name: name, code: code) }
        self.queue = queue
        self.threadCount = started.count
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
/// A mutex and a condition of pthread, not `Synchronization.Mutex`: threads have to wait for jobs,
/// and the thread sanitizer does not see what Swift's mutex orders on Linux.
// SAFETY: the variables are touched under the mutex only; mutex and condition are made for several
// threads and live as long as `self`.
@safe private final class JobQueue: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let limit: Int
    private var jobs: [BlockingPool.Job] = []
    /// The jobs before this one have been taken; their places are given back now and then.
    private var first = 0
    private var isClosed = false
    private var threads: [pthread_t] = []

    init(limit: Int) {
        self.limit = limit
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe pthread_cond_init(condition, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    var count: Int { locked { jobs.count - first } }

    func add(_ job: @escaping BlockingPool.Job) -> Bool {
        locked {
            guard !isClosed, jobs.count - first < limit else { return false }
            jobs.append(job)
            unsafe pthread_cond_signal(condition)
            return true
        }
    }

    func remember(_ started: [pthread_t]) { locked { threads = started } }

    /// Takes no more jobs. The threads are the caller's to join or to detach; they are given once.
    func close() -> [pthread_t] {
        locked {
            isClosed = true
            unsafe pthread_cond_broadcast(condition)
            defer { threads = [] }
            return threads
        }
    }

    func run() {
        while let job = next() { job() }
    }

    /// Waits for a job; `nil` when the queue is closed and empty.
    private func next() -> BlockingPool.Job? {
        locked {
            while first == jobs.count {
                if isClosed { return nil }
                unsafe pthread_cond_wait(condition, mutex)
            }
            let job = jobs[first]
            first += 1
            if first == jobs.count || first > 1024 {
                jobs.removeFirst(first)
                first = 0
            }
            return job
        }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }
}

/// What a new thread gets.
private final class ThreadStart: Sendable {
    private let queue: JobQueue
    private let niceness: Int32

    init(_ queue: JobQueue, _ niceness: Int32) {
        self.queue = queue
        self.niceness = niceness
    }

    func run() {
        if niceness > 0 { _ = nice(niceness) }
        queue.run()
    }
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
