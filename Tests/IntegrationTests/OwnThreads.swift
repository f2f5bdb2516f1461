// Integration tests wait for sockets and programs. They do so on threads of their own: on the
// threads of the runner they would hold up every asynchronous test beside them.

import Foundation
import Testing

/// Runs each test of a suite on one of a few threads that are there to wait.
struct OwnThreads: SuiteTrait, TestTrait, TestScoping {
    /// Whether this is one of the threads.
    static var isWaiting: Bool { Thread.current.threadDictionary["waiting"] != nil }

    let isRecursive = true

    @concurrent func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(WaitingThreads.shared) { try await function() }
    }
}

extension Trait where Self == OwnThreads {
    /// For a suite whose tests block the thread they run on.
    static var ownThreads: Self { OwnThreads() }
}

/// As many threads as tests may wait at once; further tests wait for one of them.
private final class WaitingThreads: TaskExecutor, @unchecked Sendable {
    // SAFETY: `jobs` is read and written under `condition`.
    static let shared = WaitingThreads(count: 4)

    private let condition = NSCondition()
    private var jobs: [UnownedJob] = []

    init(count: Int) {
        for _ in 0..<count {
            let thread = Thread { [self] in work() }
            thread.start()
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        unsafe UnownedTaskExecutor(ordinary: self)
    }

    private func work() {
        Thread.current.threadDictionary["waiting"] = true
        // SAFETY: the executor is a constant of the program, so it outlives every reference.
        let executor = unsafe asUnownedTaskExecutor()
        while true {
            let job = condition.withLock {
                while jobs.isEmpty { condition.wait() }
                return jobs.removeFirst()
            }
            unsafe job.runSynchronously(on: executor)
        }
    }
}
