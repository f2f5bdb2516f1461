import Bytes
import RegistryAPI
import Testing

@testable import NetIO
@testable import ProxyServer

private func name(_ repository: String) throws -> RepositoryName {
    let bytes = Array(repository.utf8)
    return try found(RepositoryName(validating: bytes.span))
}

private func tag(_ repository: String, _ tag: String) throws -> RegistryLocks.Key {
    let bytes = Array(tag.utf8)
    return .tag(try name(repository), try found(Tag(validating: bytes.span)))
}

extension [RegistryLocks.Ticket] {
    fileprivate var areGranted: Bool { allSatisfy { $0.isGranted } }
    fileprivate var haveOneGranted: Bool { contains { $0.isGranted } }
}

@Suite struct RegistryLocksTests {
    private let locks = RegistryLocks()

    private func request(
        _ key: RegistryLocks.Key,
        _ mode: RegistryLocks.Mode = .exclusive
    ) -> RegistryLocks.Ticket {
        locks.request(key, mode) {}
    }

    @Test("a free lock is had at once, and others stay free")
    func free() throws {
        let keys = [
            try tag("a", "v1"), try tag("a", "v2"), try tag("b", "v1"),
            .repository(try name("a")), .repository(try name("b")),
        ]
        for _ in 0..<2 {
            let tickets = keys.map { request($0) }
            #expect(tickets.areGranted)
            for ticket in tickets { locks.release(ticket) }
        }
    }

    @Test("those who wait are served in the order they came, and told once")
    func order() throws {
        let key = try tag("a", "v1")
        let woken = Locked<[Int]>([])
        let first = request(key)
        var waiting = (0..<20).map { number in
            locks.request(key, .exclusive) { woken.withLock { $0.append(number) } }
        }
        #expect(!waiting.haveOneGranted)
        locks.release(first)
        for number in 0..<20 {
            #expect(waiting.map(\.isGranted) == [true] + waiting.dropFirst().map { _ in false })
            #expect(woken.withLock { $0 } == Array(0...number))
            locks.release(waiting.removeFirst())
        }
        #expect(request(key).isGranted)
    }

    @Test("pushes share a repository, a delete has it alone, and nobody overtakes it")
    func modes() throws {
        let key = RegistryLocks.Key.repository(try name("a"))
        let pushes = [request(key, .shared), request(key, .shared)]
        #expect(pushes.areGranted)
        let delete = request(key, .exclusive)
        let later = [request(key, .shared), request(key, .shared)]
        #expect(!delete.isGranted)
        #expect(!later.haveOneGranted, "else a delete might wait for ever")
        locks.release(pushes[0])
        #expect(!delete.isGranted)
        locks.release(pushes[1])
        #expect(delete.isGranted)
        #expect(!later.haveOneGranted)
        locks.release(delete)
        #expect(later.areGranted, "both at once")
    }

    @Test("one who gives up waiting is passed over, and lets those behind go on")
    func givingUp() throws {
        let key = RegistryLocks.Key.repository(try name("a"))
        let push = request(key, .shared)
        let delete = request(key, .exclusive)
        let later = request(key, .shared)
        #expect(!later.isGranted)
        locks.release(delete)
        #expect(later.isGranted)
        #expect(!delete.isGranted)
        locks.release(push)
        locks.release(later)
        #expect(request(key).isGranted)
    }

    /// Nobody is alone with a lock that another holds, and nobody is forgotten.
    @Test("2,000 tasks on two loops hold it one after another")
    func manyOnTwoLoops() async throws {
        let stages = [try Stage(), try Stage()]
        let key = try tag("a", "v1")
        let locks = locks
        let holding = Locked(0)
        let most = Locked(0)
        let total = Locked(0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<2000 {
                group.addTask {
                    try await stages[number % 2].run { stage in
                        let waiter = Waiter(on: stage.loop)
                        defer { waiter.retire() }
                        let waker = waiter.remote
                        let ticket = locks.request(key, .exclusive) { waker.wake() }
                        while !ticket.isGranted { await waiter.wait(until: .never) }
                        let together = holding.withLock { holding in
                            holding += 1
                            return holding
                        }
                        most.withLock { $0 = max($0, together) }
                        await Task.yield()
                        holding.withLock { $0 -= 1 }
                        total.withLock { $0 += 1 }
                        locks.release(ticket)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(most.withLock { $0 } == 1)
        #expect(total.withLock { $0 } == 2000)
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
    private let timeout = Timeout(.stall, nanoseconds: 100)

    private func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }

    @Test func theDeadlineMovesOnOnlyWithBytes() {
        var watch = StallWatch(timeout)
        #expect(watch.deadline(0, at(0)).instant == at(100))
        #expect(watch.deadline(0, at(50)).instant == at(100))
        #expect(watch.deadline(1, at(60)).instant == at(160))
        #expect(watch.deadline(1, at(159)).instant == at(160))
        #expect(watch.deadline(2, at(159)).instant == at(259))
        #expect(watch.deadline(2, at(1000)).instant == at(259))
        #expect(watch.deadline(2, at(1000)).name == .stall)
    }
}
