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
        /// A new check waits for a thread.
        case queued
    }

    /// A check that a thread has taken.
    struct Job: Sendable {
        let id: UInt64
        let login: PendingLogin
        let generation: LoginGeneration
    }

    enum Next: Sendable {
        case nothing
        case job(Job)
        /// Waited too long; all of these are to be told `busy`.
        case tooLate([Waiter])
    }

    private struct Wrong: Sendable {}

    private struct Check: Sendable {
        let login: PendingLogin
        let source: ByteString
        let arrival: Int64
        var code: Code32
        var waiters: [Waiter]
    }

    private(set) var generation: LoginGeneration
    private let settings: LoginSettings
    private var good: BoundedTable<Identity>
    private var wrong: BoundedTable<Wrong>
    private var checks: [UInt64: Check] = [:]
    private var checkByCode: [Code32: UInt64] = [:]
    private var checksOfSource: [ByteString: Int] = [:]
    private var queue = FairQueue<UInt64>()
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
        number == generation.number ? good.entry(for: code, now: now) : nil
    }

    mutating func arrive(
        _ login: PendingLogin,
        from source: ByteString,
        waiter: Waiter,
        now: Int64
    ) -> Arrival {
        let code = currentCode(of: login)
        if let identity = good.entry(for: code, now: now)?.value {
            return .answered(.identity(identity))
        }
        if wrong.entry(for: code, now: now) != nil { return .answered(.wrong(user: login.user)) }
        if let id = checkByCode[code] {
            checks[id]?.waiters.append(waiter)
            return .joined
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
            waiters: [waiter]
        )
        checkByCode[code] = lastID
        checksOfSource[source, default: 0] += 1
        queue.add(lastID, from: source)
        return .queued
    }

    /// The check that a free thread shall do next.
    mutating func next(now: Int64) -> Next {
        while let id = queue.next() {
            guard let check = checks[id] else { continue }
            if now - check.arrival > settings.longestWait.nanoseconds {
                return .tooLate(remove(id))
            }
            if joinAfterReload(id, check) { continue }
            return .job(Job(id: id, login: check.login, generation: generation))
        }
        return .nothing
    }

    /// Takes a result in, and gives those who waited for it.
    ///
    /// A result of an earlier generation is told to them, who came before the change, and
    /// forgotten.
    mutating func finish(_ job: Job, _ identity: Identity?, now: Int64) -> [Waiter] {
        guard let check = checks[job.id] else { return [] }
        if job.generation === generation {
            if let identity {
                let expiry = later(now, by: settings.lifetime)
                good.insert(identity, for: check.code, expiry: expiry, now: now)
            } else {
                let expiry = later(now, by: settings.wrongLifetime)
                wrong.insert(Wrong(), for: check.code, expiry: expiry, now: now)
            }
        }
        return remove(job.id)
    }

    /// Gives up every check that no thread has taken, because there are no threads any more.
    mutating func abandonQueue() -> [Waiter] {
        var waiters: [Waiter] = []
        while let id = queue.next() { waiters += remove(id) }
        return waiters
    }

    /// Other users: forgets every result. Checks that wait are done with the new users, those that
    /// run end with the old ones.
    mutating func replaceGeneration(_ new: LoginGeneration) {
        generation = new
        good.removeAll()
        wrong.removeAll()
        checkByCode.removeAll()
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
