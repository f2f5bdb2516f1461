import AccessControl
public import Bytes
public import NetIO
public import Secrets
import Synchronization

/// Where every login of the program is checked: one desk for all loops.
///
/// A login is hashed once per lifetime, however many requests bring it and however many of them
/// arrive together. Hashing happens on the pool's threads; a loop only waits for the answer. Each
/// loop keeps a `LoginMemory` in front of the desk, and most requests end there.
public final class LoginDesk: Sendable {
    typealias Waiter = CheckedContinuation<LoginAnswer, Never>

    private let ledger: Locked<LoginLedger<Waiter>>
    private let pool: BlockingPool
    private let clock: @Sendable () -> Int64
    private let lastGeneration = Atomic<UInt64>(1)
    private let currentGeneration = Atomic<UInt64>(1)
    private let accepted = Counter()
    private let wrong = Counter()
    private let busy = Counter()
    private let hashes = Counter()
    private let cacheHits = Locked<[Counter]>([])

    public let settings: LoginSettings

    /// - Parameters:
    ///   - pool: for this desk alone; its queue takes at least `settings.waiting` jobs.
    ///   - clock: nanoseconds; never goes back, and the same that `LoginMemory.lookup` is given.
    public init(
        users: PasswordFile,
        settings: LoginSettings = LoginSettings(),
        pool: BlockingPool,
        clock: @escaping @Sendable () -> Int64
    ) throws(RandomnessError) {
        let first = try LoginGeneration(number: 1, users: users)
        ledger = Locked(LoginLedger(generation: first, settings: settings))
        self.settings = settings
        self.pool = pool
        self.clock = clock
    }

    /// The users in force.
    public var users: PasswordFile { generation.users }

    /// Takes other users, and forgets every result. If they are the same as before, nothing
    /// happens.
    ///
    /// When it returns, no lookup on any loop finds a login of before, and no check that began
    /// before will be remembered.
    ///
    /// - Returns: whether anything changed.
    @discardableResult
    public func replaceUsers(_ users: PasswordFile) throws(RandomnessError) -> Bool {
        guard users != self.users else { return false }
        let number = lastGeneration.wrappingAdd(1, ordering: .relaxed).newValue
        let new = try LoginGeneration(number: number, users: users)
        ledger.withLock { ledger in
            ledger.replaceGeneration(new)
            currentGeneration.store(number, ordering: .releasing)
        }
        return true
    }

    /// Checks a login that the loop's memory did not know.
    ///
    /// Suspends until a thread of the pool has the answer; the thread resumes the task on its own
    /// executor.
    ///
    /// - Parameter source: the network of the client (IPv4 /32, IPv6 /64), in any one spelling.
    ///   Sources are served in turn, and one may have a quarter of the places.
    public func verify(_ login: PendingLogin, source: ByteString) async -> LoginAnswer {
        let answer = await withCheckedContinuation { (waiter: Waiter) in
            let now = clock()
            let arrival = ledger.withLock {
                $0.arrive(login, from: source, waiter: waiter, now: now)
            }
            switch arrival {
            case .answered(let answer): waiter.resume(returning: answer)
            case .joined: break
            case .queued: wakeThread()
            }
        }
        count(answer)
        return answer
    }

    /// All figures, each as of now.
    public var counts: LoginCounts {
        LoginCounts(
            accepted: accepted.value,
            wrong: wrong.value,
            busy: busy.value,
            passwordHashes: hashes.value,
            cacheHits: cacheHits.withLock { $0.reduce(0) { $0 + $1.value } },
            waiting: ledger.withLock { $0.checkCount }
        )
    }

    // MARK: For the memories of the loops

    var generationNumber: UInt64 { currentGeneration.load(ordering: .acquiring) }
    var generation: LoginGeneration { ledger.withLock { $0.generation } }

    func known(
        _ code: Code32,
        generation: UInt64,
        now: Int64
    ) -> (value: Identity, expiry: Int64)? {
        ledger.withLock { $0.known(code, generation: generation, now: now) }
    }

    func makeHitCounter() -> Counter {
        let counter = Counter()
        cacheHits.withLock { $0.append(counter) }
        return counter
    }

    // MARK: On the threads of the pool

    /// There is a job for each check, but any thread takes whichever check is next.
    private func wakeThread() {
        guard !pool.submit({ self.checkNext() }) else { return }
        for waiter in ledger.withLock({ $0.abandonQueue() }) { waiter.resume(returning: .busy) }
    }

    private func checkNext() {
        while true {
            let now = clock()
            switch ledger.withLock({ $0.next(now: now) }) {
            case .nothing:
                return
            case .tooLate(let waiters):
                for waiter in waiters { waiter.resume(returning: .busy) }
            case .job(let job):
                return check(job)
            }
        }
    }

    private func check(_ job: LoginLedger<Waiter>.Job) {
        let user = job.login.user
        let verdict = job.generation.users.verify(user, job.login.password.bytes)
        hashes.add()
        let identity: Identity? =
            switch verdict {
            case .right: Identity(user: user, groups: [], provider: .htpasswd)
            case .wrong, .unknownUser: nil
            }
        let now = clock()
        let waiters = ledger.withLock { $0.finish(job, identity, now: now) }
        let answer = identity.map(LoginAnswer.identity) ?? .wrong(user: user)
        for waiter in waiters { waiter.resume(returning: answer) }
    }

    private func count(_ answer: LoginAnswer) {
        switch answer {
        case .identity: accepted.add()
        case .wrong: wrong.add()
        case .busy: busy.add()
        }
    }
}
