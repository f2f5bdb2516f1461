import Bytes
import Glibc
import NetIO
import Synchronization
import Testing

@Suite struct BlockingPoolTests {
    @Test("every job that was taken runs, and shutdown waits for the last")
    func runsAll() throws {
        let pool = try BlockingPool(name: "test", threadCount: 3, queueLimit: 5000)
        let done = Counter()
        var taken = 0
        for _ in 0..<5000 where pool.submit({ done.add() }) { taken += 1 }
        pool.shutdown()
        #expect(taken == 5000)
        #expect(done.value == taken)
    }

    @Test("a full queue refuses the job instead of growing")
    func boundedQueue() throws {
        let pool = try BlockingPool(name: "test", threadCount: 1, queueLimit: 2)
        let gate = Gate()
        #expect(pool.submit { gate.pass() })
        gate.waitUntilReached()
        #expect(pool.submit {})
        #expect(pool.submit {})
        #expect(pool.waitingCount == 2)
        #expect(!pool.submit {})
        gate.open()
        pool.shutdown()
    }

    @Test("a pool that stands back yields to all, but for what has waited")
    func standsBack() throws {
        let pool = try BlockingPool(
            name: "test",
            threadCount: 1,
            queueLimit: 2,
            standsBack: true
        )
        #expect(pool.threadCount == 1)
        let policies = Locked<[Int32]>([])
        let (held, late) = (Gate(), Gate())
        for gate in [held, late] {
            #expect(
                pool.submit {
                    policies.withLock { $0.append(sched_getscheduler(0)) }
                    gate.pass()
                }
            )
            // The second one comes while the first still has its thread. Which of the two takes
            // which job is the machine's: where it is busy, the first may have waited too.
            gate.waitUntilReached()
        }
        held.open()
        late.open()
        pool.shutdown()
        let idle: Int32 = 5
        #expect(policies.withLock { $0.sorted() } == [SCHED_OTHER, idle])
    }

    @Test("after shutdown nothing is taken, and a second shutdown is harmless")
    func refusesAfterShutdown() throws {
        let pool = try BlockingPool(name: "test", threadCount: 2, queueLimit: 2)
        pool.shutdown()
        #expect(!pool.submit {})
        pool.shutdown()
    }

    @Test("a pool that is dropped ends by itself, from its own thread, too")
    func dropped() throws {
        let gate = Gate()
        do {
            let pool = try BlockingPool(name: "test", threadCount: 1, queueLimit: 1)
            #expect(
                pool.submit {
                    gate.pass()
                    withExtendedLifetime(pool) {}
                    gate.finish()
                }
            )
        }
        gate.waitUntilReached()
        gate.open()
        gate.waitUntilFinished()
    }
}
