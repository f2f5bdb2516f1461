import AccessControl
import Bytes
import Secrets

/// What the login desk has on its table: results that are still believed, and checks that run or
/// wait.
///
/// Pure: no thread, no clock, no hash. `Waiter` is whatever is told the answer; in life a request's
/// `LoginCheck`, in tests a number. Every waiter is handed back exactly once, unless it leaves.
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
        /// When it was taken.
        let begun: Int64

        var provider: any LoginProvider { generation.providers[position] }
    }

    /// What some waiters are to be told, and when at the soonest.
    struct Settled: Sendable {
        let answer: LoginAnswer
        let waiters: [Waiter]
        var notBefore = Int64.min
        /// Whether the answer is an old one, because nobody could be asked.
        var isStale = false
    }

    enum Next: Sendable {
        /// The thread is not needed any more.
        case nothing
        case job(Job)
        /// Needs no thread any more.
        case settled(Settled)
    }

    struct Check: Sendable {
        let login: PendingLogin
        let source: ByteString
        let arrival: Int64
        /// Whether a wrong password is no guess here: the login was right before.
        let isProven: Bool
        var code: Code32
        var waiters: [Waiter]
        /// The provider that is asked next, of which generation.
        var position: Int
        var generation: LoginGeneration
        /// When the first provider was asked.
        var begun: Int64?
        /// Whether a thread has it.
        var isRunning = false
    }

    private(set) var generation: LoginGeneration
    private let settings: LoginSettings
    private var results: RememberedLogins
    private var guesses: Guesses
    private var pace = FailurePace()
    private var checks: [UInt64: Check] = [:]
    private var checkByCode: [Code32: UInt64] = [:]
    private var checksOfSource: [ByteString: Int] = [:]
    private var queues: [Identity.Provider: CheckQueue] = [:]
    /// Checks of a besieged user that wait until another one of that user has ended.
    private var parked: [ByteString: [UInt64]] = [:]
    /// How many checks of a user run.
    private var running: [ByteString: Int] = [:]
    /// Threads that take checks until none is left.
    private var workers: [Identity.Provider: Int] = [:]
    private var displaced: [Waiter] = []
    private var events: [LoginEvent] = []
    private var lastID: UInt64 = 0

    init(generation: LoginGeneration, settings: LoginSettings) {
        self.generation = generation
        self.settings = settings
        results = RememberedLogins(settings)
        guesses = Guesses(settings.throttle)
    }

    /// Distinct checks that wait or run.
    var checkCount: Int { checks.count }

    /// A verified login of this generation, and when it stops being believed.
    mutating func known(
        _ code: Code32,
        generation number: UInt64,
        now: Int64
    ) -> (value: Identity, expiry: Int64)? {
        number == generation.number ? results.known(code, now: now) : nil
    }

    /// Takes a login in. After this, `takeDisplaced` and `hire` have to be asked.
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
        if let by = results.whoRefused(code, now: now) {
            return .answered(.wrong(user: login.user, by: by))
        }
        if let id = checkByCode[code] {
            checks[id]?.waiters.append(waiter)
            return .joined
        }
        guard let position = generation.position(from: 0, for: login.user) else {
            return .answered(.wrong(user: login.user))
        }
        let isProven = results.isProven(code, now: now)
        if !isProven, let delay = guesses.delay(of: login.user, from: source, now: now) {
            return .answered(.guessing(nanoseconds: delay))
        }
        let check = Check(
            login: login,
            source: source,
            arrival: now,
            isProven: isProven,
            code: code,
            waiters: [waiter],
            position: position,
            generation: generation
        )
        guard makeRoom(for: check, now: now) else { return .answered(.busy) }
        lastID += 1
        checks[lastID] = check
        checkByCode[code] = lastID
        checksOfSource[source, default: 0] += 1
        guesses.began(login.user, from: source)
        return .queued(enqueue(lastID, now: now))
    }

    /// The check that a free thread of `provider` shall do next.
    mutating func next(for provider: Identity.Provider, now: Int64) -> Next {
        while let id = queues[provider]?.next() {
            guard let check = checks[id] else { continue }
            if check.begun == nil {
                if now - check.arrival > settings.longestWait.nanoseconds {
                    return .settled(Settled(answer: .busy, waiters: remove(id)))
                }
                if !check.isProven, let pause = pause(of: check, now: now) {
                    let answer = LoginAnswer.guessing(nanoseconds: pause)
                    return .settled(Settled(answer: answer, waiters: remove(id)))
                }
                if check.generation !== generation, joinAfterReload(id, check) { continue }
                guard let position = generation.position(from: 0, for: check.login.user) else {
                    let answer = LoginAnswer.wrong(user: check.login.user)
                    return .settled(Settled(answer: answer, waiters: remove(id)))
                }
                checks[id]?.generation = generation
                checks[id]?.position = position
                // Other providers came meanwhile.
                if generation.providers[position].provider != provider {
                    _ = enqueue(id, now: now)
                    continue
                }
            }
            if park(id, check, now: now) { continue }
            if let job = begin(id, now: now) { return .job(job) }
        }
        workers[provider, default: 1] -= 1
        return .nothing
    }

    /// Takes a provider's verdict in. After this, `hire` has to be asked.
    ///
    /// A result of an earlier generation is told to those who waited for it, who came before the
    /// change, and forgotten.
    ///
    /// - Returns: `nil` if the user was unknown and another provider has to be asked.
    mutating func finish(_ job: Job, _ verdict: LoginVerdict, now: Int64) -> Settled? {
        guard let check = checks[job.id] else { return Settled(answer: .busy, waiters: []) }
        stopRunning(job.id, now: now)
        let user = job.login.user
        let by = job.provider.provider
        let isCurrent = job.generation === generation
        noteDuration(of: job, verdict, now: now)
        switch verdict {
        case .identity(let identity):
            if isCurrent {
                results.remember(identity, check.code, now: now)
                guesses.succeeded(user, from: check.source, now: now)
            }
            return Settled(answer: .identity(identity), waiters: remove(job.id))
        case .unknownUser:
            if let next = job.generation.position(from: job.position + 1, for: user) {
                checks[job.id]?.position = next
                _ = enqueue(job.id, now: now)
                return nil
            }
            return refuse(job, check, isCurrent: isCurrent, now: now)
        case .wrongPassword:
            return refuse(job, check, isCurrent: isCurrent, now: now)
        case .undecidable(let seconds):
            let stale = isCurrent ? results.stale(check.code, from: by, now: now) : nil
            let answer = stale.map(LoginAnswer.identity)
            return Settled(
                answer: answer ?? .undecidable(retryAfter: seconds, by: by),
                waiters: remove(job.id),
                isStale: stale != nil
            )
        }
    }

    /// One who waits does not want the answer any more. A check that no thread has begun and nobody
    /// waits for is given up: it has asked for nothing, and was no guess.
    mutating func leave(_ isLeaving: (Waiter) -> Bool) {
        for (id, check) in checks {
            guard let index = check.waiters.firstIndex(where: isLeaving) else { continue }
            checks[id]?.waiters.remove(at: index)
            if check.waiters.count == 1, check.begun == nil { giveUp(id, check) }
            return
        }
    }

    private mutating func giveUp(_ id: UInt64, _ check: Check) {
        _ = remove(id)
        for provider in queues.keys { queues[provider]?.remove(id, from: check.source) }
        parked[check.login.user]?.removeAll { $0 == id }
        if parked[check.login.user]?.isEmpty ?? false { parked[check.login.user] = nil }
    }

    /// Those who lost their place to a newcomer, and are to be told `busy`.
    mutating func takeDisplaced() -> [Waiter] {
        defer { displaced = [] }
        return displaced
    }

    mutating func takeEvents() -> [LoginEvent] {
        defer { events = [] }
        return events
    }

    /// The providers that need another thread. Each of these threads asks `next` until it gives
    /// `nothing`.
    ///
    /// - Parameter limit: how many threads a provider has.
    mutating func hire(upTo limit: (Identity.Provider) -> Int) -> [Identity.Provider] {
        var hired: [Identity.Provider] = []
        for (provider, queue) in queues where !queue.isEmpty {
            guard workers[provider, default: 0] < limit(provider) else { continue }
            workers[provider, default: 0] += 1
            hired.append(provider)
        }
        return hired
    }

    /// Gives up every check of `provider` that no thread has taken, because there are no threads
    /// any more.
    mutating func abandonQueue(of provider: Identity.Provider) -> [Waiter] {
        workers[provider, default: 1] -= 1
        var waiters: [Waiter] = []
        while let id = queues[provider]?.next() { waiters += remove(id) }
        return waiters
    }

    /// Other providers: forgets every result. Checks that wait are done with the new ones, those
    /// that run end with the old ones.
    mutating func replaceGeneration(_ new: LoginGeneration) {
        generation = new
        results.removeAll()
        checkByCode.removeAll()
    }
}

/// Waiting, and running.
extension LoginLedger {
    /// Whether there is a place for another check; perhaps one that somebody else has to give up.
    private mutating func makeRoom(for check: Check, now: Int64) -> Bool {
        let count = checksOfSource[check.source, default: 0]
        guard count < settings.waitingPerSource else { return false }
        guard checks.count >= settings.waiting else { return true }
        let standing = standing(of: check, now: now)
        for provider in queues.keys {
            guard let id = queues[provider]?.giveWay(to: standing, with: count) else { continue }
            displaced += remove(id)
            return true
        }
        return false
    }

    private mutating func pause(of check: Check, now: Int64) -> Int64? {
        guesses.pause(of: check.login.user, from: check.source, now: now)
    }

    private mutating func standing(of check: Check, now: Int64) -> CheckQueue.Standing {
        if check.isProven || guesses.isFriend(check.login.user, from: check.source, now: now) {
            return .proven
        }
        return guesses.isSuspect(check.source, now: now) ? .suspected : .clean
    }

    private mutating func enqueue(_ id: UInt64, now: Int64) -> Identity.Provider {
        guard let check = checks[id] else { preconditionFailure("no check \(id)") }
        let provider = check.generation.providers[check.position].provider
        let standing = standing(of: check, now: now)
        queues[provider, default: CheckQueue()].add(id, from: check.source, standing)
        return provider
    }

    /// Of a besieged user, strangers are checked one at a time, so that they do not take all
    /// threads from the others.
    private mutating func park(_ id: UInt64, _ check: Check, now: Int64) -> Bool {
        let user = check.login.user
        guard running[user] != nil, guesses.isBesieged(user, now: now),
            standing(of: check, now: now) != .proven
        else { return false }
        parked[user, default: []].append(id)
        return true
    }

    private mutating func begin(_ id: UInt64, now: Int64) -> Job? {
        guard let check = checks[id] else { return nil }
        checks[id]?.begun = check.begun ?? now
        checks[id]?.isRunning = true
        running[check.login.user, default: 0] += 1
        return Job(
            id: id,
            login: check.login,
            generation: check.generation,
            position: check.position,
            begun: now
        )
    }

    private mutating func stopRunning(_ id: UInt64, now: Int64) {
        guard let check = checks[id], check.isRunning else { return }
        checks[id]?.isRunning = false
        let left = running[check.login.user, default: 1] - 1
        running[check.login.user] = left > 0 ? left : nil
        if left == 0 { unpark(check.login.user, now: now) }
    }

    private mutating func unpark(_ user: ByteString, now: Int64) {
        guard let waiting = parked.removeValue(forKey: user) else { return }
        for id in waiting where checks[id] != nil { _ = enqueue(id, now: now) }
    }

    private mutating func remove(_ id: UInt64) -> [Waiter] {
        guard let check = checks.removeValue(forKey: id) else { return [] }
        if checkByCode[check.code] == id { checkByCode[check.code] = nil }
        let left = checksOfSource[check.source, default: 1] - 1
        checksOfSource[check.source] = left > 0 ? left : nil
        guesses.ended(check.login.user, from: check.source)
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
}

extension LoginAnswer {
    /// In whole seconds, at least one.
    fileprivate static func guessing(nanoseconds: Int64) -> LoginAnswer {
        .guessing(retryAfter: Int((nanoseconds - 1) / 1_000_000_000) + 1)
    }
}

/// No.
extension LoginLedger {
    private mutating func refuse(
        _ job: Job,
        _ check: Check,
        isCurrent: Bool,
        now: Int64
    ) -> Settled {
        let by = job.provider.provider
        if isCurrent {
            // What a file says stays true as long as the file, unless somebody else was asked.
            let isFinal = by == .htpasswd && job.position == 0
            let isNew = results.forget(check.code, by, isFinal: isFinal, now: now)
            if isNew, !check.isProven { noteGuess(check, now: now) }
        }
        return Settled(
            answer: .wrong(user: job.login.user, by: by),
            waiters: remove(job.id),
            notBefore: (check.begun ?? now) + pace.hold(job.generation.providers)
        )
    }

    private mutating func noteGuess(_ check: Check, now: Int64) {
        if guesses.failed(check.login.user, from: check.source, now: now) {
            events.append(.besieged(user: check.login.user))
        }
        for provider in queues.keys { queues[provider]?.demote(check.source) }
    }

    /// A directory says of an unknown user that it is unknown sooner than that a password is wrong.
    private mutating func noteDuration(of job: Job, _ verdict: LoginVerdict, now: Int64) {
        let provider = job.provider
        switch verdict {
        case .wrongPassword: break
        case .unknownUser where provider.provider == .htpasswd: break
        default: return
        }
        let weight = provider.weight(of: job.login.user)
        pace.note(now - job.begun, weight: weight, by: provider.provider)
    }
}
