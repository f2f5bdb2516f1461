import Bytes
import Testing

@testable import Authentication

/// Slowing guesses down (security.md 5.7), without a clock: time is an argument, in seconds.
@Suite struct GuessesTests {
    private let second: Int64 = 1_000_000_000

    private func guesses(_ change: (inout LoginSettings.Throttle) -> Void = { _ in }) -> Guesses {
        var throttle = LoginSettings.Throttle()
        change(&throttle)
        return Guesses(throttle)
    }

    /// One guess as the ledger makes it.
    private func guess(
        _ guesses: inout Guesses,
        _ user: ByteString = "alice",
        from source: ByteString = "s",
        at now: Int64
    ) -> Int64? {
        if let delay = guesses.delay(of: user, from: source, now: now * second) {
            return (delay - 1) / second + 1
        }
        guesses.began(user, from: source)
        _ = guesses.failed(user, from: source, now: now * second)
        guesses.ended(user, from: source)
        return nil
    }

    @Test("five wrong passwords are free, then the wait doubles up to a minute")
    func pauses() {
        var table = guesses()
        for _ in 0..<5 { #expect(guess(&table, at: 0) == nil) }
        var now: Int64 = 0
        for pause: Int64 in [1, 2, 4, 8, 16, 32, 60, 60] {
            #expect(guess(&table, at: now) == pause)
            now += pause
            #expect(guess(&table, at: now) == nil, "after \(pause) s")
        }
        // The same user from elsewhere, and somebody else from there, wait for nothing.
        #expect(guess(&table, from: "elsewhere", at: now) == nil)
        #expect(guess(&table, "bob", at: now) == nil)
    }

    @Test("a right password forgives what its source sent for that user")
    func forgiven() {
        var table = guesses()
        for _ in 0..<5 { #expect(guess(&table, at: 0) == nil) }
        #expect(guess(&table, at: 0) == 1)
        table.succeeded("alice", from: "s", now: 0)
        for _ in 0..<5 { #expect(guess(&table, at: 0) == nil) }
        #expect(guess(&table, at: 0) == 1)
    }

    @Test("passwords that are being checked count as wrong until it is known")
    func together() {
        var table = guesses()
        for _ in 0..<5 {
            #expect(table.delay(of: "alice", from: "s", now: 0) == nil)
            table.began("alice", from: "s")
        }
        #expect(table.delay(of: "alice", from: "s", now: 0) == second)
        table.ended("alice", from: "s")
        #expect(table.delay(of: "alice", from: "s", now: 0) == nil)
        for _ in 0..<4 { table.ended("alice", from: "s") }
        for _ in 0..<5 { #expect(guess(&table, at: 0) == nil) }
    }

    @Test("a source has thirty wrong passwords, and one more every two seconds")
    func source() {
        var table = guesses()
        for number in 0..<30 { #expect(guess(&table, ByteString("u\(number)"), at: 0) == nil) }
        #expect(guess(&table, "v", at: 0) == 2)
        #expect(guess(&table, "v", from: "elsewhere", at: 0) == nil)
        #expect(guess(&table, "v", at: 2) == nil)
        #expect(guess(&table, "w", at: 2) == 2)
        var now: Int64 = 2
        for number in 0..<100 {
            now += 2
            #expect(guess(&table, ByteString("x\(number)"), at: now) == nil)
            #expect(guess(&table, "y", at: now) == 2)
        }
    }

    @Test("what is forgotten after a quarter of an hour is forgotten")
    func forgotten() {
        var table = guesses()
        for _ in 0..<5 { _ = guess(&table, at: 0) }
        #expect(table.isSuspect("s", now: 899 * second) == true)
        #expect(table.isSuspect("s", now: 900 * second) == false)
        for _ in 0..<5 { #expect(guess(&table, at: 901) == nil) }
    }

    @Test("a hundred wrong passwords within a minute, from anywhere, are a siege")
    func siege() {
        var table = guesses()
        for number in 0..<250 {
            let source = ByteString("s\(number)")
            let began = table.failed("alice", from: source, now: Int64(number) * second / 10)
            #expect(began == (number == 99), "\(number)")
        }
        #expect(table.isBesieged("alice", now: 25 * second) == true)
        #expect(table.isBesieged("bob", now: 25 * second) == false)
        // Nobody is refused for it.
        #expect(table.delay(of: "alice", from: "new", now: 25 * second) == nil)
        #expect(table.isBesieged("alice", now: 90 * second) == false)
        // Fewer than that are none, for however long.
        for number in 0..<600 {
            let now = Int64(1000 + number) * second
            let began = table.failed("carol", from: ByteString("s\(number)"), now: now)
            #expect(!began)
        }
    }

    @Test("the numbers are the operator's, and switched off nobody waits")
    func settings() {
        var strict = guesses {
            $0.perUserAndNetwork = 1
            $0.perNetwork = 2
        }
        #expect(guess(&strict, "a", at: 0) == nil)
        #expect(guess(&strict, "a", at: 0) == 1)
        #expect(guess(&strict, "b", at: 0) == nil)
        #expect(guess(&strict, "c", at: 0) == 2)
        var off = guesses { $0.isEnabled = false }
        for number in 0..<300 { #expect(guess(&off, from: "s", at: Int64(number) / 100) == nil) }
        #expect(off.isBesieged("alice", now: 0) == false)
    }
}

@Suite struct CheckQueueTests {
    @Test("the proven come first, then sources without a wrong password, then the others")
    func order() {
        var queue = CheckQueue()
        for id: UInt64 in 0..<4 { queue.add(id, from: "guesser", .clean) }
        queue.add(10, from: "old", .suspected)
        queue.add(20, from: "new", .clean)
        queue.add(30, from: "guesser", .proven)
        #expect(queue.next() == 30)
        #expect(queue.next() == 0)
        queue.demote("guesser")
        #expect(queue.next() == 20)
        #expect(queue.next() == 10)
        #expect(queue.next() == 1)
        #expect(queue.next() == 2)
        #expect(queue.next() == 3)
        #expect(queue.next() == nil && queue.isEmpty)
    }

    @Test("whoever stands worst and has most gives way, and nobody for an equal")
    func givesWay() {
        var queue = CheckQueue()
        for id: UInt64 in 0..<3 { queue.add(id, from: "a", .clean) }
        queue.add(10, from: "b", .suspected)
        #expect(queue.giveWay(to: .clean, with: 0) == 10)
        #expect(queue.giveWay(to: .clean, with: 2) == nil)
        #expect(queue.giveWay(to: .clean, with: 1) == 2)
        #expect(queue.giveWay(to: .clean, with: 0) == 1)
        #expect(queue.giveWay(to: .clean, with: 0) == nil)
        #expect(queue.giveWay(to: .suspected, with: 0) == nil)
        #expect(queue.giveWay(to: .proven, with: 5) == 0)
        #expect(queue.isEmpty)
    }
}
