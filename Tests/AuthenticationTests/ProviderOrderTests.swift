import AccessControl
import Bytes
import Secrets
import Testing

@testable import Authentication

/// A place that says what a test tells it to.
private struct Told: LoginProvider {
    let provider: Identity.Provider
    var knows = true

    var health: [LoginServerHealth] { [] }
    func mayKnow(_ user: ByteString) -> Bool { knows }
    func verify(_ user: ByteString, _ password: SecretBytes) -> LoginVerdict { .unknownUser }
}

/// Several places where users are known: who is asked, and whose word is believed how long.
@Suite struct ProviderOrderTests {
    private let alice = Identity(user: "alice", provider: .ldap)
    private let second: Int64 = 1_000_000_000

    private func ledger(
        _ providers: [any LoginProvider],
        stale: Duration = .zero
    ) throws -> LoginLedger<Int> {
        var settings = LoginSettings()
        settings.staleWhileDown = stale
        let generation = try LoginGeneration(number: 1, providers: providers)
        return LoginLedger(generation: generation, settings: settings)
    }

    private func login(_ ledger: LoginLedger<Int>, _ password: ByteString = "x") -> PendingLogin {
        let user: ByteString = "alice"
        return PendingLogin(
            user: user,
            password: SecretBytes(copying: password.span),
            code: ledger.generation.makeHash().code(ofLogin: user.span, password.span),
            generation: ledger.generation.number
        )
    }

    private func take(
        _ ledger: inout LoginLedger<Int>,
        _ provider: Identity.Provider,
        now: Int64 = 0
    ) throws -> LoginLedger<Int>.Job {
        guard case .job(let job) = ledger.next(for: provider, now: now) else { throw NoJob() }
        return job
    }

    private struct NoJob: Error {}

    private func answer(_ settled: LoginLedger<Int>.Settled?) -> LoginAnswer? { settled?.answer }

    @Test("only an unknown user goes on to the next place")
    func passedOn() throws {
        let both = [Told(provider: .htpasswd), Told(provider: .ldap)]
        let verdicts: [(LoginVerdict, LoginAnswer?)] = [
            (.identity(alice), .identity(alice)), (.wrongPassword, .wrong(user: "alice")),
            (.undecidable(retryAfter: 5), .undecidable(retryAfter: 5, by: .htpasswd)),
            (.unknownUser, nil),
        ]
        for (verdict, expected) in verdicts {
            var ledger = try ledger(both)
            let arrival = ledger.arrive(login(ledger), from: "s", waiter: 1, now: 0)
            #expect(arrival == .queued(.htpasswd))
            let finish = ledger.finish(try take(&ledger, .htpasswd), verdict, now: 0)
            #expect(finish?.answer == expected)
            guard finish == nil else { continue }
            let job = try take(&ledger, .ldap)
            #expect(answer(ledger.finish(job, .identity(alice), now: 0)) == .identity(alice))
            #expect(ledger.checkCount == 0)
        }
    }

    @Test("a user whom nobody knows is wrong, says the last who was asked, and is remembered")
    func unknownEverywhere() throws {
        var ledger = try ledger([Told(provider: .htpasswd), Told(provider: .ldap)])
        _ = ledger.arrive(login(ledger), from: "s", waiter: 1, now: 0)
        _ = ledger.finish(try take(&ledger, .htpasswd), .unknownUser, now: 0)
        let finish = ledger.finish(try take(&ledger, .ldap), .unknownUser, now: 0)
        #expect(answer(finish) == .wrong(user: "alice", by: .ldap))
        let again = ledger.arrive(login(ledger), from: "s", waiter: 2, now: 1)
        #expect(again == .answered(.wrong(user: "alice", by: .ldap)))
    }

    @Test("a place that cannot know the user is passed over, but for the last")
    func passedOver() throws {
        let stranger = Told(provider: .htpasswd, knows: false)
        var first = try ledger([stranger, Told(provider: .ldap)])
        #expect(first.arrive(login(first), from: "s", waiter: 1, now: 0) == .queued(.ldap))
        var last = try ledger([Told(provider: .ldap), stranger])
        #expect(last.arrive(login(last), from: "s", waiter: 1, now: 0) == .queued(.ldap))
        let finish = last.finish(try take(&last, .ldap), .unknownUser, now: 0)
        #expect(finish == nil, "the last place was not asked")
        #expect(try take(&last, .htpasswd).provider.provider == .htpasswd)
        var alone = try ledger([stranger])
        #expect(alone.arrive(login(alone), from: "s", waiter: 1, now: 0) == .queued(.htpasswd))
        var none = try ledger([])
        #expect(
            none.arrive(login(none), from: "s", waiter: 1, now: 0)
                == .answered(.wrong(user: "alice")))
    }

    @Test("equal logins stay one check in every place")
    func merged() throws {
        var ledger = try ledger([Told(provider: .htpasswd), Told(provider: .ldap)])
        _ = ledger.arrive(login(ledger), from: "s", waiter: 1, now: 0)
        _ = ledger.finish(try take(&ledger, .htpasswd), .unknownUser, now: 0)
        #expect(ledger.arrive(login(ledger), from: "t", waiter: 2, now: 0) == .joined)
        let finish = ledger.finish(try take(&ledger, .ldap), .identity(alice), now: 0)
        #expect(answer(finish) == .identity(alice))
        #expect(finish?.waiters == [1, 2])
    }

    @Test("what a directory said is believed a minute, what cannot be decided not at all")
    func lifetimes() throws {
        var ledger = try ledger([Told(provider: .ldap)])
        let login = login(ledger)
        _ = ledger.arrive(login, from: "s", waiter: 1, now: 0)
        _ = ledger.finish(try take(&ledger, .ldap), .identity(alice), now: 0)
        #expect(ledger.known(login.code, generation: 1, now: 60 * second - 1)?.value == alice)
        #expect(ledger.known(login.code, generation: 1, now: 60 * second) == nil)
        let late = 61 * second
        #expect(ledger.arrive(login, from: "s", waiter: 2, now: late) == .queued(.ldap))
        let job = try take(&ledger, .ldap, now: late)
        let finish = ledger.finish(job, .undecidable(retryAfter: 5), now: late)
        #expect(answer(finish) == .undecidable(retryAfter: 5))
        #expect(ledger.arrive(login, from: "s", waiter: 3, now: late) == .queued(.ldap))
    }

    @Test("while the directory is down, what it said is believed longer, if that is wished")
    func stale() throws {
        var ledger = try ledger([Told(provider: .ldap)], stale: .seconds(600))
        let login = login(ledger)
        func ask(_ verdict: LoginVerdict, at now: Int64) throws -> LoginAnswer? {
            guard case .queued = ledger.arrive(login, from: "s", waiter: 1, now: now) else {
                return nil
            }
            let job = try take(&ledger, .ldap, now: now)
            return answer(ledger.finish(job, verdict, now: now))
        }
        let down = LoginVerdict.undecidable(retryAfter: 5)
        #expect(try ask(.identity(alice), at: 0) == .identity(alice))
        #expect(try ask(down, at: 61 * second) == .identity(alice))
        // For a moment nobody asks again; then somebody does.
        #expect(ledger.known(login.code, generation: 1, now: 61 * second + 1)?.value == alice)
        #expect(try ask(down, at: 659 * second) == .identity(alice))
        #expect(ledger.known(login.code, generation: 1, now: 660 * second) == nil)
        #expect(try ask(down, at: 660 * second) == .undecidable(retryAfter: 5))
        // A directory that answers decides at once, and for good.
        #expect(try ask(.identity(alice), at: 700 * second) == .identity(alice))
        #expect(try ask(.wrongPassword, at: 761 * second) == .wrong(user: "alice", by: .ldap))
        #expect(try ask(down, at: 772 * second) == .undecidable(retryAfter: 5))
    }
}
