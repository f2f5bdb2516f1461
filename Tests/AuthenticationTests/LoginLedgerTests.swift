import AccessControl
import Bytes
import Secrets
import Testing

@testable import Authentication

/// The desk's decisions without threads and clock: waiters are numbers, time is an argument.
@Suite struct LoginLedgerTests {
    private let first: LoginGeneration
    private let second: LoginGeneration
    private let alice = Identity(user: "alice", groups: [], provider: .htpasswd)
    private let nanosecondsPerSecond: Int64 = 1_000_000_000

    init() throws {
        let users = try PasswordFile(
            parsing: ByteString("alice:\(Known.bcrypt)").span,
            named: "users"
        )
        first = try LoginGeneration(number: 1, providers: [users])
        second = try LoginGeneration(number: 2, providers: [users])
    }

    private func ledger(waiting: Int = 256) -> LoginLedger<Int> {
        var settings = LoginSettings()
        settings.waiting = waiting
        return LoginLedger(generation: first, settings: settings)
    }

    private func login(
        _ user: ByteString,
        _ password: ByteString = "x",
        _ generation: LoginGeneration? = nil
    ) -> PendingLogin {
        let generation = generation ?? first
        return PendingLogin(
            user: user,
            password: SecretBytes(copying: password.span),
            code: generation.makeHash().code(ofLogin: user.span, password.span),
            generation: generation.number
        )
    }

    private func take(
        _ ledger: inout LoginLedger<Int>,
        now: Int64 = 0
    ) throws -> LoginLedger<Int>.Job {
        guard case .job(let job) = ledger.next(for: .htpasswd, now: now) else { throw NoJob() }
        return job
    }

    private func isIdle(_ ledger: inout LoginLedger<Int>) -> Bool {
        if case .nothing = ledger.next(for: .htpasswd, now: 0) { true } else { false }
    }

    private struct NoJob: Error {}

    @Test("a check that nobody waits for any more is not done, and its place is free")
    func leaving() throws {
        var ledger = ledger(waiting: 4)
        _ = ledger.arrive(login("alice"), from: "s", waiter: 1, now: 0)
        _ = ledger.arrive(login("alice"), from: "s", waiter: 2, now: 0)
        ledger.leave { $0 == 1 }
        #expect(ledger.checkCount == 1, "somebody still waits")
        ledger.leave { $0 == 2 }
        #expect(ledger.checkCount == 0)
        // One place of four is a source's.
        let next = ledger.arrive(login("bob"), from: "s", waiter: 3, now: 0)
        #expect(next == .queued(.htpasswd))
        #expect(try take(&ledger).login.user == "bob")
        #expect(isIdle(&ledger))
    }

    @Test("a check that has begun ends, whoever leaves, and is a guess if it is wrong")
    func leavingTooLate() throws {
        var ledger = ledger()
        let wrong = login("alice")
        _ = ledger.arrive(wrong, from: "s", waiter: 1, now: 0)
        let job = try take(&ledger)
        ledger.leave { $0 == 1 }
        #expect(ledger.checkCount == 1)
        let settled = ledger.finish(job, .wrongPassword, now: 0)
        #expect(settled?.waiters == [])
        let again = ledger.arrive(wrong, from: "s", waiter: 2, now: 0)
        #expect(again == .answered(.wrong(user: "alice", by: .htpasswd)))
    }

    @Test("equal logins join one check, and all of them are told")
    func merging() throws {
        var ledger = ledger()
        #expect(ledger.arrive(login("alice"), from: "s", waiter: 0, now: 0) == .queued(.htpasswd))
        for waiter in 1..<200 {
            #expect(ledger.arrive(login("alice"), from: "s", waiter: waiter, now: 0) == .joined)
        }
        let job = try take(&ledger)
        #expect(ledger.arrive(login("alice"), from: "t", waiter: 200, now: 0) == .joined)
        #expect(isIdle(&ledger))
        #expect(ledger.finish(job, alice, now: 0) == Array(0...200))
        #expect(ledger.checkCount == 0)
        let answer = ledger.arrive(login("alice"), from: "s", waiter: 300, now: 1)
        #expect(answer == .answered(.identity(alice)))
    }

    @Test("logins that differ in any part are checked apart")
    func apart() {
        var ledger = ledger()
        #expect(ledger.arrive(login("ab", "c"), from: "s", waiter: 1, now: 0) == .queued(.htpasswd))
        #expect(ledger.arrive(login("a", "bc"), from: "s", waiter: 2, now: 0) == .queued(.htpasswd))
        #expect(ledger.arrive(login("ab", "C"), from: "s", waiter: 3, now: 0) == .queued(.htpasswd))
    }

    @Test("a verified login is believed for its lifetime, a wrong one as long as the file")
    func lifetimes() throws {
        var ledger = ledger()
        _ = ledger.arrive(login("alice"), from: "s", waiter: 0, now: 0)
        _ = ledger.finish(try take(&ledger), alice, now: 0)
        let end = 300 * nanosecondsPerSecond
        #expect(
            ledger.arrive(login("alice"), from: "s", waiter: 1, now: end - 1)
                == .answered(.identity(alice))
        )
        #expect(ledger.arrive(login("alice"), from: "s", waiter: 2, now: end) == .queued(.htpasswd))
        _ = ledger.finish(try take(&ledger, now: end), nil, now: end)
        let later = end + 3600 * nanosecondsPerSecond
        #expect(
            ledger.arrive(login("alice"), from: "s", waiter: 3, now: later - 1)
                == .answered(.wrong(user: "alice"))
        )
        #expect(
            ledger.arrive(login("alice"), from: "s", waiter: 4, now: later) == .queued(.htpasswd))
    }

    @Test("one source gets a quarter of the places, all together get all, running ones included")
    func bounded() throws {
        var ledger = ledger(waiting: 8)
        for number in 0..<10 {
            let user = ByteString("u\(number)")
            let arrival = ledger.arrive(login(user), from: "flood", waiter: number, now: 0)
            #expect(arrival == (number < 2 ? .queued(.htpasswd) : .answered(.busy)))
        }
        #expect(ledger.arrive(login("u0"), from: "flood", waiter: 90, now: 0) == .joined)
        for number in 0..<6 {
            let user = ByteString("v\(number)")
            let source = ByteString("s\(number)")
            #expect(
                ledger.arrive(login(user), from: source, waiter: number, now: 0)
                    == .queued(.htpasswd))
        }
        let job = try take(&ledger)
        let late = ledger.arrive(login("w"), from: "s3", waiter: 91, now: 0)
        #expect(late == .answered(.busy))
        #expect(ledger.finish(job, alice, now: 0) == [0, 90])
        #expect(ledger.arrive(login("w"), from: "s3", waiter: 93, now: 0) == .queued(.htpasswd))
        #expect(ledger.arrive(login("x"), from: "s4", waiter: 94, now: 0) == .answered(.busy))
        #expect(ledger.takeDisplaced() == [])
    }

    @Test("when all places are taken, whoever has most of them gives one to a newcomer")
    func gaveWay() throws {
        var ledger = ledger(waiting: 16)
        for number in 0..<16 {
            let source = ByteString("s\(number / 4)")
            let user = ByteString("u\(number)")
            #expect(
                ledger.arrive(login(user), from: source, waiter: number, now: 0)
                    == .queued(.htpasswd))
        }
        for number in 100..<104 {
            let source = ByteString("s\(number)")
            #expect(
                ledger.arrive(login("v"), from: source, waiter: number, now: 0)
                    == (number == 100 ? .queued(.htpasswd) : .joined))
        }
        let displaced = ledger.takeDisplaced()
        #expect(displaced.count == 1 && displaced[0] % 4 == 3, "\(displaced)")
        #expect(ledger.checkCount == 16)
        // Nobody has more than one place: then nobody gives way.
        var even = self.ledger(waiting: 4)
        for number in 0..<5 {
            let arrival = even.arrive(
                login(ByteString("u\(number)")), from: ByteString("s\(number)"),
                waiter: number, now: 0)
            #expect(arrival == (number < 4 ? .queued(.htpasswd) : .answered(.busy)))
        }
    }

    @Test("a small limit still lets each source have one check")
    func smallLimit() {
        var ledger = ledger(waiting: 2)
        #expect(ledger.arrive(login("a"), from: "s", waiter: 0, now: 0) == .queued(.htpasswd))
        #expect(ledger.arrive(login("b"), from: "s", waiter: 1, now: 0) == .answered(.busy))
        #expect(ledger.arrive(login("b"), from: "t", waiter: 1, now: 0) == .queued(.htpasswd))
    }

    @Test("a check that waited too long is given up, and its place is free")
    func tooLate() throws {
        var ledger = ledger(waiting: 4)
        _ = ledger.arrive(login("a"), from: "s", waiter: 7, now: 0)
        let late = ledger.next(for: .htpasswd, now: 5 * nanosecondsPerSecond + 1)
        guard case .settled(let settled) = late else {
            Issue.record("an old check was taken")
            return
        }
        #expect(settled.answer == .busy && settled.waiters == [7])
        #expect(ledger.checkCount == 0)
        #expect(ledger.arrive(login("a"), from: "s", waiter: 8, now: 6) == .queued(.htpasswd))
    }

    /// CF40: what was begun with the old users is not remembered for the new ones.
    @Test("a check that runs through a reload is told, and forgotten")
    func runningThroughReload() throws {
        var ledger = ledger()
        _ = ledger.arrive(login("alice"), from: "s", waiter: 0, now: 0)
        let job = try take(&ledger)
        ledger.replaceGeneration(second)
        let new = login("alice", "x", second)
        #expect(ledger.arrive(new, from: "s", waiter: 1, now: 0) == .queued(.htpasswd))
        #expect(ledger.finish(job, alice, now: 0) == [0])
        #expect(ledger.known(new.code, generation: 2, now: 0) == nil)
        #expect(ledger.arrive(new, from: "s", waiter: 2, now: 0) == .joined)
        let next = try take(&ledger)
        #expect(next.generation === second)
        #expect(ledger.finish(next, alice, now: 0) == [1, 2])
        #expect(ledger.known(new.code, generation: 2, now: 0)?.value == alice)
    }

    @Test("a check that waits through a reload is done with the new users")
    func waitingThroughReload() throws {
        var ledger = ledger()
        _ = ledger.arrive(login("alice"), from: "s", waiter: 0, now: 0)
        ledger.replaceGeneration(second)
        let job = try take(&ledger)
        #expect(job.generation === second)
        let new = login("alice", "x", second)
        #expect(ledger.arrive(new, from: "s", waiter: 1, now: 0) == .joined)
        #expect(ledger.finish(job, alice, now: 0) == [0, 1])
        #expect(ledger.known(new.code, generation: 2, now: 0)?.value == alice)
    }

    @Test("two checks of one login, before and after a reload, become one")
    func joinAfterReload() throws {
        var ledger = ledger()
        _ = ledger.arrive(login("alice"), from: "s", waiter: 0, now: 0)
        ledger.replaceGeneration(second)
        let new = login("alice", "x", second)
        #expect(ledger.arrive(new, from: "t", waiter: 1, now: 0) == .queued(.htpasswd))
        let job = try take(&ledger)
        #expect(isIdle(&ledger))
        #expect(ledger.finish(job, alice, now: 0).sorted() == [0, 1])
        #expect(ledger.checkCount == 0)
    }

    @Test("results of an earlier generation are forgotten, and an old loop cannot find them")
    func forgets() throws {
        var ledger = ledger()
        let old = login("alice")
        _ = ledger.arrive(old, from: "s", waiter: 0, now: 0)
        _ = ledger.finish(try take(&ledger), alice, now: 0)
        #expect(ledger.known(old.code, generation: 1, now: 0)?.value == alice)
        ledger.replaceGeneration(second)
        #expect(ledger.known(old.code, generation: 1, now: 0) == nil)
        #expect(ledger.known(old.code, generation: 2, now: 0) == nil)
        // Late arrivals of loops that had not heard of the reload are checked with the new users.
        #expect(ledger.arrive(old, from: "s", waiter: 1, now: 0) == .queued(.htpasswd))
        #expect(ledger.arrive(login("alice", "x", second), from: "s", waiter: 2, now: 0) == .joined)
    }

    @Test("without threads, everybody who waits is told")
    func abandoned() {
        var ledger = ledger()
        _ = ledger.arrive(login("a"), from: "s", waiter: 0, now: 0)
        _ = ledger.arrive(login("b"), from: "t", waiter: 1, now: 0)
        _ = ledger.arrive(login("b"), from: "t", waiter: 2, now: 0)
        #expect(ledger.abandonQueue(of: .htpasswd).sorted() == [0, 1, 2])
        #expect(ledger.checkCount == 0)
    }
}

extension LoginLedger {
    /// A result of the one provider there is: an identity, or a wrong password.
    mutating func finish(_ job: Job, _ identity: Identity?, now: Int64) -> [Waiter] {
        let verdict = identity.map(LoginVerdict.identity) ?? .wrongPassword
        return finish(job, verdict, now: now)?.waiters ?? []
    }
}
