import Glibc
import Synchronization

/// What a loop's thread is to run: jobs of tasks that prefer the loop, and jobs of actors that live
/// on it.
///
/// The two are kept apart because the runtime compares where a job runs with where its code wants
/// to be, at every suspension: a task's job that ran in the name of an actor would be sent through
/// the queue once more before each wait and after it.
///
/// `add` and `isCurrent` may be called on any thread, everything else on the loop's own.
// SAFETY: `remote` and `thread` are synchronised; all other state is touched by the thread alone.
final class ReadyJobs: SerialExecutor, @unchecked Sendable {
    private struct Entry: Sendable {
        let job: UnownedJob
        let isOfActor: Bool
    }

    private let wakeup: Int32
    private let thread = Atomic<UInt>(0)
    private var ready: [Entry] = []
    private var running: [Entry] = []
    private let remote = Locked<[Entry]>([])

    /// - Parameter wakeup: raised when another thread has added a job; stays the loop's.
    init(wakeup: Int32) {
        self.wakeup = wakeup
        ready.reserveCapacity(256)
        running.reserveCapacity(256)
    }

    /// From here on the calling thread is the loop's.
    func adoptThread() { thread.store(UInt(pthread_self()), ordering: .relaxed) }

    /// Whether the caller runs on the loop's thread.
    var isCurrent: Bool { UInt(pthread_self()) == thread.load(ordering: .relaxed) }

    var isEmpty: Bool { ready.isEmpty }

    /// A job of a task that prefers the loop. Costs neither a lock nor a system call on the loop's
    /// own thread.
    func add(_ job: UnownedJob) { add(Entry(job: job, isOfActor: false)) }

    private func add(_ entry: Entry) {
        if isCurrent {
            ready.append(entry)
            return
        }
        let isFirst = remote.withLock { queue in
            queue.append(entry)
            return queue.count == 1
        }
        if isFirst { SystemCalls.raise(wakeup: wakeup) }
    }

    func takeRemote() {
        remote.withLock { queue in
            ready.append(contentsOf: queue)
            queue.removeAll(keepingCapacity: true)
        }
    }

    /// Runs the jobs that are ready now, each for whom it is. What they make ready is left.
    func runReady(of tasks: UnownedTaskExecutor) {
        let actors = unsafe asUnownedSerialExecutor()
        swap(&ready, &running)
        for entry in running {
            if entry.isOfActor {
                unsafe entry.job.runSynchronously(isolatedTo: actors, taskExecutor: tasks)
            } else {
                unsafe entry.job.runSynchronously(on: tasks)
            }
        }
        running.removeAll(keepingCapacity: true)
    }
}

/// As the executor of actors.
extension ReadyJobs {
    func enqueue(_ job: consuming ExecutorJob) {
        add(Entry(job: UnownedJob(job), isOfActor: true))
    }

    // SAFETY: an executor must outlive what runs on it; a started loop is held by its own thread.
    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }

    func checkIsolated() { precondition(isCurrent, "not on this event loop's thread") }
    func isIsolatingCurrentContext() -> Bool? { isCurrent }
}
