import AccessControl
import Bytes
import Secrets
import Testing

@testable import Authentication

/// What the ledger makes of wrong passwords: who is refused, who is not, and when it is told.
@Suite struct LoginThrottleTests {
    private struct Provider: LoginProvider {
        var provider = Identity.Provider.htpasswd
        var weights: [ByteString: Double] = [:]

        var health: [LoginServerHealth] { [] }
        func mayKnow(_ user: ByteString) -> Bool { true }
        func weight(of user: ByteString) -> Double { weights[user] ?? 1 }
        func verify(_ user: ByteString, _ password: SecretBytes) -> LoginVerdict { .unknownUser }
    }

    private let second: Int64 = 1_000_000_000

    private func ledger(
        _ providers: [Provider] = [Provider()],
        _ change: (inout LoginSettings) -> Void = { _ in }
    ) throws -> LoginLedger<Int> {
        var settings = LoginSettings()
        change(&settings)
        let generation = try LoginGeneration(number: 1, providers: providers)
        return LoginLedger(generation: generation, settings: settings)
    }

    private func login(
        _ ledger: LoginLedger<Int>,
        _ user: ByteString,
        _ password: String
    ) -> PendingLogin {
        let password = ByteString(password)
        return PendingLogin(
            user: user,
            password: SecretBytes(copying: password.span),
            code: ledger.generation.makeHash().code(ofLogin: user.span, password.span),
            generation: ledger.generation.number
        )
    }

    /// One login from its arrival to its answer; nobody else is there.
    private func attempt(
        _ ledger: inout LoginLedger<Int>,
        _ password: String,
        of user: ByteString = "alice",
        from source: ByteString = "s",
        is verdict: LoginVerdict = .wrongPassword,
        at now: Int64,
        taking duration: Int64 = 0
    ) -> LoginLedger<Int>.Settled? {
        let login = login(ledger, user, password)
        switch ledger.arrive(login, from: source, waiter: 1, now: now) {
        case .answered(let answer): return .init(answer: answer, waiters: [])
        case .joined: return nil
        case .queued(let provider):
            guard case .job(let job) = ledger.next(for: provider, now: now) else { return nil }
            return ledger.finish(job, verdict, now: now + duration)
        }
    }

    private let alice = Identity(user: "alice", provider: .htpasswd)

    @Test("only distinct wrong passwords count, and the sixth is told to wait")
    func distinct() throws {
        var ledger = try ledger([Provider(provider: .ldap)])
        for number in 0..<50 {
            let settled = attempt(&ledger, "old password", at: Int64(number) * 60 * second)
            #expect(settled?.answer == .wrong(user: "alice", by: .ldap))
        }
        let now = 3000 * second
        for number in 1..<5 {
            #expect(
                attempt(&ledger, "\(number)", at: now)?.answer == .wrong(user: "alice", by: .ldap))
        }
        #expect(attempt(&ledger, "5", at: now)?.answer == .wrong(user: "alice", by: .ldap))
        #expect(attempt(&ledger, "6", at: now)?.answer == .guessing(retryAfter: 1))
        // What is known to be wrong, is; nobody else is concerned.
        #expect(attempt(&ledger, "5", at: now)?.answer == .wrong(user: "alice", by: .ldap))
        #expect(
            attempt(&ledger, "6", from: "t", at: now)?.answer == .wrong(user: "alice", by: .ldap))
    }

    @Test("a login that was good before is never a guess, also when it has to be checked again")
    func proven() throws {
        var ledger = try ledger()
        let right = LoginVerdict.identity(alice)
        #expect(attempt(&ledger, "right", is: right, at: 0)?.answer == .identity(alice))
        let expired = 301 * second
        for number in 0..<60 {
            let user = ByteString("u\(number)")
            _ = attempt(&ledger, "x", of: user, at: expired)
        }
        for number in 0..<6 { _ = attempt(&ledger, "\(number)", of: "alice", at: expired) }
        #expect(attempt(&ledger, "new", at: expired)?.answer == .guessing(retryAfter: 2))
        #expect(attempt(&ledger, "right", is: right, at: expired)?.answer == .identity(alice))
        // Not even when it has become wrong meanwhile; but then it is a guess like any other.
        let later = expired + 301 * second
        #expect(attempt(&ledger, "right", at: later)?.answer == .wrong(user: "alice"))
    }

    @Test("guesses that came all at once end where their source has no more of them")
    func burst() throws {
        var ledger = try ledger()
        for number in 0..<64 {
            let login = login(ledger, ByteString("u\(number)"), "x")
            #expect(
                ledger.arrive(login, from: "s", waiter: number, now: 0) == .queued(.htpasswd))
        }
        _ = ledger.arrive(login(ledger, "alice", "right"), from: "t", waiter: 100, now: 0)
        var hashes = 0
        var slowed: [Int] = []
        for _ in 0..<66 {
            switch ledger.next(for: .htpasswd, now: 0) {
            case .nothing: break
            case .job(let job):
                hashes += 1
                _ = ledger.finish(job, .wrongPassword, now: 0)
            case .settled(let settled):
                #expect(settled.answer == .guessing(retryAfter: 2))
                slowed += settled.waiters
            }
        }
        #expect(hashes == 31 && slowed.count == 34 && !slowed.contains(100))
        #expect(ledger.checkCount == 0)
    }

    @Test("what cannot be decided is no guess")
    func undecidable() throws {
        var ledger = try ledger()
        for number in 0..<100 {
            let down = LoginVerdict.undecidable(retryAfter: 5)
            let settled = attempt(&ledger, "\(number)", is: down, at: 0)
            #expect(settled?.answer == .undecidable(retryAfter: 5, by: .htpasswd))
        }
        #expect(attempt(&ledger, "right", is: .identity(alice), at: 0)?.answer == .identity(alice))
    }

    @Test("of a besieged user strangers are checked one at a time, friends and others at once")
    func siege() throws {
        var ledger = try ledger()
        #expect(
            attempt(&ledger, "right", from: "home", is: .identity(alice), at: 0)?.answer
                == .identity(alice))
        for number in 0..<120 {
            _ = attempt(&ledger, "\(number)", from: ByteString("bot\(number)"), at: second)
        }
        #expect(ledger.takeEvents() == [.besieged(user: "alice")])
        let logins: [(ByteString, String, ByteString)] = [
            ("alice", "a", "bot900"), ("alice", "b", "bot901"), ("alice", "c", "bot902"),
            ("bob", "d", "office"), ("alice", "typo", "home"),
        ]
        for (number, (user, password, source)) in logins.enumerated() {
            let login = login(ledger, user, password)
            #expect(
                ledger.arrive(login, from: source, waiter: number, now: 2 * second)
                    == .queued(.htpasswd))
        }
        var taken: [LoginLedger<Int>.Job] = []
        while case .job(let job) = ledger.next(for: .htpasswd, now: 2 * second) {
            taken.append(job)
        }
        // The friend first, then the stranger's turn is over as long as alice is being checked.
        #expect(taken.map(\.login.user) == ["alice", "bob"])
        #expect(ledger.finish(taken[0], .wrongPassword, now: 2 * second)?.waiters == [4])
        var waiters: [Int] = []
        for _ in 0..<3 {
            guard case .job(let job) = ledger.next(for: .htpasswd, now: 2 * second) else { break }
            if case .job = ledger.next(for: .htpasswd, now: 2 * second) {
                Issue.record("two strangers at once")
            }
            waiters += ledger.finish(job, .wrongPassword, now: 2 * second)?.waiters ?? []
        }
        #expect(waiters.sorted() == [0, 1, 2])
        #expect(ledger.finish(taken[1], .wrongPassword, now: 2 * second)?.waiters == [3])
        #expect(ledger.checkCount == 0)
    }

    @Test("threads are hired while checks wait, no more than there are, and dismissed after")
    func threads() throws {
        var ledger = try ledger()
        for number in 0..<3 {
            let login = login(ledger, ByteString("u\(number)"), "x")
            _ = ledger.arrive(login, from: "s", waiter: number, now: 0)
        }
        #expect(ledger.hire { _ in 2 } == [.htpasswd])
        #expect(ledger.hire { _ in 2 } == [.htpasswd])
        #expect(ledger.hire { _ in 2 } == [])
        var jobs: [LoginLedger<Int>.Job] = []
        while case .job(let job) = ledger.next(for: .htpasswd, now: 0) { jobs.append(job) }
        #expect(jobs.count == 3)
        guard case .nothing = ledger.next(for: .htpasswd, now: 0) else { return }
        #expect(ledger.hire { _ in 2 } == [], "nothing waits")
        _ = ledger.arrive(login(ledger, "v", "x"), from: "s", waiter: 9, now: 0)
        #expect(ledger.hire { _ in 2 } == [.htpasswd])
    }

    @Test("every no leaves a little after the slowest no that there was")
    func equalTimes() throws {
        let file = Provider(weights: ["cheap": 0.25])
        var ledger = try ledger([file]) { $0.throttle.isEnabled = false }
        let slow = attempt(&ledger, "1", of: "a", at: 0, taking: 400)
        #expect(slow?.notBefore == 440)
        // Of a cheaper hash the dearest is inferred.
        let cheap = attempt(&ledger, "2", of: "cheap", at: 1000, taking: 100)
        #expect(cheap?.notBefore == 1440)
        let unknown = attempt(&ledger, "3", of: "nobody", is: .unknownUser, at: 2000, taking: 390)
        #expect(unknown?.notBefore == 2440)
        // What is remembered needs no time, whoever it is about.
        #expect(attempt(&ledger, "1", of: "a", at: 3000)?.notBefore == .min)
        #expect(attempt(&ledger, "3", of: "nobody", at: 3000)?.notBefore == .min)
        // A yes leaves at once.
        let yes = attempt(&ledger, "4", of: "alice", is: .identity(alice), at: 4000, taking: 1)
        #expect(yes?.notBefore == .min)
    }

    @Test("which provider knows a user does not show in the time")
    func equalTimesOfSeveral() throws {
        var ledger = try ledger([Provider(), Provider(provider: .ldap)])
        let known = attempt(&ledger, "1", of: "a", at: 0, taking: 1000)
        #expect(known?.notBefore == 1100)
        let login = login(ledger, "b", "2")
        _ = ledger.arrive(login, from: "t", waiter: 1, now: 0)
        guard case .job(let first) = ledger.next(for: .htpasswd, now: 0) else { return }
        #expect(ledger.finish(first, .unknownUser, now: 900) == nil)
        guard case .job(let second) = ledger.next(for: .ldap, now: 900) else { return }
        let far = ledger.finish(second, .wrongPassword, now: 60_000_900)
        // From the beginning: 1.1 x what the file takes, and 1.1 x what the directory takes.
        #expect(far?.notBefore == 66_001_100)
        let near = attempt(&ledger, "3", of: "c", at: 0, taking: 1000)
        #expect(near?.notBefore == 66_001_100)
    }

    @Test("answers of a directory are held 50 ms at least, and unknown users hasten none")
    func leastOfDirectory() throws {
        var ledger = try ledger([Provider(provider: .ldap)])
        for number in 0..<100 {
            let source = ByteString("s\(number)")
            let settled = attempt(
                &ledger, "\(number)", of: "u", from: source,
                is: number < 10 ? .wrongPassword : .unknownUser, at: 0,
                taking: number < 10 ? 80_000_000 : 1_000_000)
            #expect(settled?.notBefore == 88_000_000, "\(number)")
        }
        var quick = try self.ledger([Provider(provider: .ldap)])
        let settled = attempt(&quick, "x", of: "u", at: 0, taking: 1_000_000)
        #expect(settled?.notBefore == 50_000_000)
    }
}
