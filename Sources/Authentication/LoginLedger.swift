import AccessControl
import Bytes
import Secrets

/// What the login desk has on its table: results that are still believed, and checks that run or
/// wait.
///
/// Pure: no thread, no clock, no hash. `Waiter` is whatever is told the answer; in life a suspended
/// task, in tests a number. Every waiter is handed back exactly once.
struct LoginLedger<Waiter: Sendable>: Sendable {
    enum Arrival: Sendable, Equatable {
        /// The waiter was not kept; this is its answer.
        case answered(LoginAnswer)
        /// The same login is already being checked.
        case joined
        /// A new check waits for a thread of this provider.
        case queued(Identity.Provider)
    }

    /// A check that a thread has taken.
    struct Job: Sendable {
        let id: UInt64
        let login: PendingLogin
        let generation: LoginGeneration
        /// Which of the generation's providers is to be asked.
        let position: Int

        var provider: any LoginProvider { generation.providers[position] }
    }

    enum Next: Sendable {
        case nothing
        case job(Job)
        /// Other providers came meanwhile; the check now waits for a thread of this one.
        case moved(Identity.Provider)
        /// Needs no thread any more; all of these are to be told the answer.
        case answered(LoginAnswer, [Waiter])
    }

    enum Finish: Sendable {
        /// All of these are to be told the answer.
        case answered(LoginAnswer, [Waiter])
        /// The user was unknown; the check waits for a thread of the next provider.
        case passedOn(Identity.Provider)
    }

    /// A verified login, and how long it is believed without asking.
    private struct Good: Sendable {
        let identity: Identity
        var freshUntil: Int64
    }

    private struct Wrong: Sendable {
        let by: Identity.Provider
    }

    private struct Check: Sendable {
        let login: PendingLogin
        let source: ByteString
        let arrival: Int64
        var code: Code32
        var waiters: [Waiter]
        /// The provider that is asked next, of which generation.
        var position: Int
        var generation: LoginGeneration
        /// Whether a provider has been asked.
        var hasBegun = false
    }

    private(set) var generation: LoginGeneration
    private let settings: LoginSettings
    private var good: BoundedTable<Good>
    private var wrong: BoundedTable<Wrong>
    private var checks: [UInt64: Check] = [:]
    private var checkByCode: [Code32: UInt64] = [:]
    private var checksOfSource: [ByteString: Int] = [:]
    private var queues: [Identity.Provider: FairQueue<UInt64>] = [:]
    private var lastID: UInt64 = 0

    init(generation: LoginGeneration, settings: LoginSettings) {
        self.generation = generation
        self.settings = settings
        good = BoundedTable(capacity: settings.entries)
        wrong = BoundedTable(capacity: settings.wrongEntries)
    }

    /// Distinct checks that wait or run.
    var checkCount: Int { checks.count }

    /// A verified login of this generation, and when it stops being believed.
    mutating func known(
        _ code: Code32,
        generation number: UInt64,
        now: Int64
    ) -> (value: Identity, expiry: Int64)? {
        guard number == generation.number, let found = good.entry(for: code, now: now)?.value,
            now < found.freshUntil
        else { return nil }
        return (found.identity, found.freshUntil)
    }

    mutating func arrive(
        _ login: PendingLogin,
        from source: ByteString,
        waiter: Waiter,
        now: Int64
    ) -> Arrival {
        let code = currentCode(of: login)
        if let known = known(code, generation: generation.number, now: now) {
            return .answered(.identity(known.value))
        }
        if let entry = wrong.entry(for: code, now: now)?.value {
            return .answered(.wrong(user: login.user, by: entry.by))
        }
        if let id = checkByCode[code] {
            checks[id]?.waiters.append(waiter)
            return .joined
        }
        guard let position = generation.position(from: 0, for: login.user) else {
            return .answered(.wrong(user: login.user))
        }
        guard checks.count < settings.waiting,
            checksOfSource[source, default: 0] < settings.waitingPerSource
        else { return .answered(.busy) }
        lastID += 1
        checks[lastID] = Check(
            login: login,
            source: source,
            arrival: now,
            code: code,
            waiters: [waiter],
            position: position,
            generation: generation
        )
        checkByCode[code] = lastID
        checksOfSource[source, default: 0] += 1
        return .queued(enqueue(lastID, from: source, generation.providers[position]))
    }

    /// The check that a free thread of `provider` shall do next.
    mutating func next(for provider: Identity.Provider, now: Int64) -> Next {
        while let id = queues[provider]?.next() {
            guard let check = checks[id] else { continue }
            if !check.hasBegun, now - check.arrival > settings.longestWait.nanoseconds {
                return .answered(.busy, remove(id))
            }
            if check.hasBegun || check.generation === generation { return .job(begin(id, check)) }
            if joinAfterReload(id, check) { continue }
            guard let position = generation.position(from: 0, for: check.login.user) else {
                return .answered(.wrong(user: check.login.user), remove(id))
            }
            checks[id]?.generation = generation
            checks[id]?.position = position
            let chosen = generation.providers[position]
            if chosen.provider == provider, let check = checks[id] {
                return .job(begin(id, check))
            }
            return .moved(enqueue(id, from: check.source, chosen))
        }
        return .nothing
    }

    /// Takes a provider's verdict in.
    ///
    /// A result of an earlier generation is told to those who waited for it, who came before the
    /// change, and forgotten.
    mutating func finish(_ job: Job, _ verdict: LoginVerdict, now: Int64) -> Finish {
        let user = job.login.user
        let by = job.provider.provider
        guard let check = checks[job.id] else { return .answered(.busy, []) }
        let isCurrent = job.generation === generation
        switch verdict {
        case .identity(let identity):
            if isCurrent { remember(identity, check.code, now: now) }
            return .answered(.identity(identity), remove(job.id))
        case .unknownUser:
            if let next = job.generation.position(from: job.position + 1, for: user) {
                checks[job.id]?.position = next
                let provider = job.generation.providers[next]
                return .passedOn(enqueue(job.id, from: check.source, provider))
            }
            if isCurrent { forget(check.code, by, now: now) }
            return .answered(.wrong(user: user, by: by), remove(job.id))
        case .wrongPassword:
            if isCurrent { forget(check.code, by, now: now) }
            return .answered(.wrong(user: user, by: by), remove(job.id))
        case .undecidable(let seconds):
            let stale = isCurrent ? stale(check.code, from: by, now: now) : nil
            let answer = stale.map(LoginAnswer.identity)
            return .answered(answer ?? .undecidable(retryAfter: seconds, by: by), remove(job.id))
        }
    }

    /// Gives up every check of `provider` that no thread has taken, because there are no threads
    /// any more.
    mutating func abandonQueue(of provider: Identity.Provider) -> [Waiter] {
        var waiters: [Waiter] = []
        while let id = queues[provider]?.next() { waiters += remove(id) }
        return waiters
    }

    /// Other providers: forgets every result. Checks that wait are done with the new ones, those
    /// that run end with the old ones.
    mutating func replaceGeneration(_ new: LoginGeneration) {
        generation = new
        good.removeAll()
        wrong.removeAll()
        checkByCode.removeAll()
    }
}

/// The parts of those steps.
extension LoginLedger {
    private mutating func enqueue(
        _ id: UInt64,
        from source: ByteString,
        _ provider: any LoginProvider
    ) -> Identity.Provider {
        queues[provider.provider, default: FairQueue()].add(id, from: source)
        return provider.provider
    }

    private mutating func begin(_ id: UInt64, _ check: Check) -> Job {
        checks[id]?.hasBegun = true
        return Job(
            id: id,
            login: check.login,
            generation: check.generation,
            position: check.position
        )
    }

    private mutating func remember(_ identity: Identity, _ code: Code32, now: Int64) {
        let isFromDirectory = identity.provider == .ldap
        let lifetime = isFromDirectory ? settings.ldapLifetime : settings.lifetime
        let freshUntil = later(now, by: lifetime)
        let expiry = isFromDirectory ? later(freshUntil, by: settings.staleWhileDown) : freshUntil
        let entry = Good(identity: identity, freshUntil: freshUntil)
        good.insert(entry, for: code, expiry: expiry, now: now)
    }

    /// A wrong login was perhaps a good one until now.
    private mutating func forget(_ code: Code32, _ by: Identity.Provider, now: Int64) {
        good.remove(code)
        let expiry = later(now, by: settings.wrongLifetime)
        wrong.insert(Wrong(by: by), for: code, expiry: expiry, now: now)
    }

    /// What the directory said while it was there, if it was not too long ago. It is believed for a
    /// moment more, so that not every request asks in vain.
    private mutating func stale(
        _ code: Code32,
        from provider: Identity.Provider,
        now: Int64
    ) -> Identity? {
        guard let entry = good.entry(for: code, now: now), entry.value.identity.provider == provider
        else { return nil }
        var value = entry.value
        value.freshUntil = min(later(now, by: settings.staleRespite), entry.expiry)
        good.insert(value, for: code, expiry: entry.expiry, now: now)
        return value.identity
    }

    private mutating func remove(_ id: UInt64) -> [Waiter] {
        guard let check = checks.removeValue(forKey: id) else { return [] }
        if checkByCode[check.code] == id { checkByCode[check.code] = nil }
        let left = checksOfSource[check.source, default: 1] - 1
        checksOfSource[check.source] = left > 0 ? left : nil
        return check.waiters
    }

    /// A check that waited through a reload has lost its code. It gets the new one, or joins a
    /// check that arrived since with the same login.
    private mutating func joinAfterReload(_ id: UInt64, _ check: Check) -> Bool {
        guard checkByCode[check.code] != id else { return false }
        let code = currentCode(of: check.login)
        if let other = checkByCode[code] {
            let waiters = remove(id)
            checks[other]?.waiters += waiters
            return true
        }
        checks[id]?.code = code
        checkByCode[code] = id
        return false
    }

    private func currentCode(of login: PendingLogin) -> Code32 {
        if login.generation == generation.number { return login.code }
        let hash = generation.makeHash()
        return hash.code(ofLogin: login.user.span, login.password.bytes)
    }

    private func later(_ now: Int64, by duration: Duration) -> Int64 {
        let (sum, overflow) = now.addingReportingOverflow(duration.nanoseconds)
        return overflow ? .max : sum
    }
}
