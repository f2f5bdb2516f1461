import Bytes
import RegistryAPI
import Testing

@testable import NetIO
@testable import ProxyServer

private func key(_ repository: String, _ tag: String) throws -> TagLocks.Key {
    let name = Array(repository.utf8)
    let text = Array(tag.utf8)
    return TagLocks.Key(
        repository: try found(RepositoryName(validating: name.span)),
        tag: try found(Tag(validating: text.span))
    )
}

@Suite struct TagLocksTests {
    @Test func aFreeLockIsHadAtOnceAndOthersStayFree() async throws {
        let locks = TagLocks()
        let keys = [try key("a", "v1"), try key("a", "v2"), try key("b", "v1")]
        for key in keys { #expect(await locks.acquire(key, until: .never)) }
        for key in keys { locks.release(key) }
        for key in keys { #expect(await locks.acquire(key, until: .never)) }
    }

    /// Tasks of one loop begin in the order they were made, and each runs until it waits.
    @Test func waitersAreServedInTheOrderTheyCame() async throws {
        let stage = try Stage()
        let locks = TagLocks()
        let key = try key("a", "v1")
        let served = Locked<[Int]>([])
        #expect(await locks.acquire(key, until: .never))
        let tasks = (0..<20).map { number in
            Task(executorPreference: stage.loop) {
                guard await locks.acquire(key, until: .never) else { return }
                served.withLock { $0.append(number) }
                locks.release(key)
            }
        }
        try await stage.turn()
        #expect(served.withLock { $0 } == [])
        locks.release(key)
        for task in tasks { await task.value }
        #expect(served.withLock { $0 } == Array(0..<20))
    }

    @Test func whoseDeadlineHasPassedGetsNothingAndHoldsNothing() async throws {
        let stage = try Stage()
        let locks = TagLocks()
        let key = try key("a", "v1")
        #expect(await locks.acquire(key, until: .never))
        let waiting = [1, 2, 1, 2].map { (factor: Int64) in
            // Far beyond what the loop's own ticks could expire.
            let deadline = Instant(nanoseconds: .max / 4 * factor)
            return Task(executorPreference: stage.loop) {
                await locks.acquire(key, until: deadline)
            }
        }
        try await stage.turn()
        locks.expire(at: Instant(nanoseconds: .max / 4 - 1))
        locks.expire(at: Instant(nanoseconds: .max / 4))
        #expect(await waiting[0].value == false)
        #expect(await waiting[2].value == false)
        locks.release(key)
        #expect(await waiting[1].value)
        locks.release(key)
        #expect(await waiting[3].value)
        locks.release(key)
        #expect(await locks.acquire(key, until: Instant(nanoseconds: 0)))
    }

    /// Nobody is alone with a lock that another holds, and nobody is forgotten.
    @Test func aThousandAtOnceHoldItOneAfterAnother() async throws {
        let locks = TagLocks()
        let keys = [try key("a", "v1"), try key("a", "v2")]
        let counts = Locked([0, 0])
        let most = Locked(0)
        let total = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<1000 {
                group.addTask {
                    let which = number % 2
                    guard await locks.acquire(keys[which], until: .never) else { return }
                    let together = counts.withLock {
                        $0[which] += 1
                        return $0[which]
                    }
                    most.withLock { $0 = max($0, together) }
                    await Task.yield()
                    counts.withLock { $0[which] -= 1 }
                    total.withLock { $0 += 1 }
                    locks.release(keys[which])
                }
            }
        }
        #expect(most.withLock { $0 } == 1)
        #expect(total.withLock { $0 } == 1000)
    }
}

@Suite struct MemoryBudgetTests {
    @Test func noMoreIsTakenThanThereIs() {
        let budget = MemoryBudget(byteCount: 100)
        #expect(budget.take(60))
        #expect(!budget.take(41))
        #expect(budget.take(40))
        #expect(!budget.take(1))
        #expect(budget.take(0))
        budget.give(40)
        #expect(!budget.take(41))
        #expect(budget.take(40))
    }

    @Test func aShareIsGivenBackWithItsOwner() {
        let budget = MemoryBudget(byteCount: 100)
        do {
            let share = MemoryShare(of: budget)
            #expect(share.grow(by: 60) && share.grow(by: 40))
            #expect(!share.grow(by: 1))
            #expect(!budget.take(1))
        }
        #expect(budget.take(100))
    }

    @Test func manyAtOnceNeverHoldMoreThanItAll() async {
        let budget = MemoryBudget(byteCount: 10)
        let held = Locked(0)
        let most = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<1000 {
                group.addTask {
                    guard budget.take(3) else { return }
                    let sum = held.withLock {
                        $0 += 3
                        return $0
                    }
                    most.withLock { $0 = max($0, sum) }
                    held.withLock { $0 -= 3 }
                    budget.give(3)
                }
            }
        }
        #expect(most.withLock { $0 } <= 10)
        #expect(budget.take(10))
    }
}

@Suite struct StallWatchTests {
    private let timeout = Timeout("stall", nanoseconds: 100)

    private func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }

    @Test func theDeadlineMovesOnOnlyWithBytes() {
        var watch = StallWatch(timeout)
        #expect(watch.deadline(0, at(0)).instant == at(100))
        #expect(watch.deadline(0, at(50)).instant == at(100))
        #expect(watch.deadline(1, at(60)).instant == at(160))
        #expect(watch.deadline(1, at(159)).instant == at(160))
        #expect(watch.deadline(2, at(159)).instant == at(259))
        #expect(watch.deadline(2, at(1000)).instant == at(259))
        #expect(watch.deadline(2, at(1000)).name.description == "stall")
    }
}
