import AccessControl
public import Bytes
public import NetIO
public import Secrets
import Synchronization

/// Where every login of the program is checked: one desk for all loops.
///
/// A login is checked once per lifetime, however many requests bring it and however many of them
/// arrive together. Providers are asked on threads of their own; a loop only waits for the answer.
/// Each loop keeps a `LoginMemory` in front of the desk, and most requests end there.
public final class LoginDesk: Sendable {
    typealias Waiter = CheckedContinuation<LoginAnswer, Never>

    private let ledger: Locked<LoginLedger<Waiter>>
    private let pools: LoginPools
    private let clock: @Sendable () -> Int64
    private let lastGeneration = Atomic<UInt64>(1)
    private let currentGeneration = Atomic<UInt64>(1)
    private let tally = LoginTally()
    private let cacheHits = Locked<[Counter]>([])

    public let settings: LoginSettings

    /// - Parameters:
    ///   - providers: in the order in which they are asked; no two of one kind.
    ///   - pools: for this desk alone.
    ///   - clock: nanoseconds; never goes back, and the same that `LoginMemory.lookup` is given.
    public init(
        providers: [any LoginProvider],
        settings: LoginSettings = LoginSettings(),
        pools: LoginPools,
        clock: @escaping @Sendable () -> Int64
    ) throws(RandomnessError) {
        let first = try LoginGeneration(number: 1, providers: providers)
        ledger = Locked(LoginLedger(generation: first, settings: settings))
        self.settings = settings
        self.pools = pools
        self.clock = clock
    }

    /// Those in force, in their order.
    public var providers: [any LoginProvider] { generation.providers }

    /// The servers that logins depend on.
    public var health: [LoginServerHealth] { providers.flatMap(\.health) }

    /// Takes other providers, and forgets every result.
    ///
    /// When it returns, no lookup on any loop finds a login of before, and no check that began
    /// before will be remembered.
    public func replaceProviders(_ providers: [any LoginProvider]) throws(RandomnessError) {
        let number = lastGeneration.wrappingAdd(1, ordering: .relaxed).newValue
        let new = try LoginGeneration(number: number, providers: providers)
        ledger.withLock { ledger in
            ledger.replaceGeneration(new)
            currentGeneration.store(number, ordering: .releasing)
        }
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
            case .queued(let provider): wakeThread(for: provider)
            }
        }
        tally.count(answer)
        return answer
    }

    /// All figures, each as of now.
    public var counts: LoginCounts {
        var counts = tally.counts
        counts.cacheHits = cacheHits.withLock { $0.reduce(0) { $0 + $1.value } }
        counts.waiting = ledger.withLock { $0.checkCount }
        return counts
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

    // MARK: On the threads of the pools

    /// There is a job for each check, but any thread takes whichever check is next.
    private func wakeThread(for provider: Identity.Provider) {
        guard !pools.submit({ self.checkNext(for: provider) }, for: provider) else { return }
        let waiters = ledger.withLock { $0.abandonQueue(of: provider) }
        for waiter in waiters { waiter.resume(returning: .busy) }
    }

    private func checkNext(for provider: Identity.Provider) {
        while true {
            let now = clock()
            switch ledger.withLock({ $0.next(for: provider, now: now) }) {
            case .nothing: return
            case .moved(let other): wakeThread(for: other)
            case .answered(let answer, let waiters):
                for waiter in waiters { waiter.resume(returning: answer) }
            case .job(let job): return check(job)
            }
        }
    }

    private func check(_ job: LoginLedger<Waiter>.Job) {
        let verdict = job.provider.verify(job.login.user, job.login.password)
        if job.provider.provider == .htpasswd { tally.countHash() }
        let now = clock()
        switch ledger.withLock({ $0.finish(job, verdict, now: now) }) {
        case .passedOn(let next): wakeThread(for: next)
        case .answered(let answer, let waiters):
            for waiter in waiters { waiter.resume(returning: answer) }
        }
    }
}

/// The password file among the providers.
extension LoginDesk {
    /// A desk that knows the users of a file and nobody else.
    public convenience init(
        users: PasswordFile,
        settings: LoginSettings = LoginSettings(),
        pool: BlockingPool,
        clock: @escaping @Sendable () -> Int64
    ) throws(RandomnessError) {
        try self.init(
            providers: [users],
            settings: settings,
            pools: LoginPools(hashing: pool, asking: pool),
            clock: clock
        )
    }

    /// The users in force; `nil` if there is no file.
    public var users: PasswordFile? { generation.users }

    /// Takes another file's users in the place of those of before. If they are the same, nothing
    /// happens.
    ///
    /// - Returns: whether anything changed.
    @discardableResult
    public func replaceUsers(_ users: PasswordFile) throws(RandomnessError) -> Bool {
        let current = generation
        guard users != current.users else { return false }
        try replaceProviders(current.providers.map { $0 is PasswordFile ? users : $0 })
        return true
    }
}

/// Threads for providers: computing a hash and waiting for a server never wait for each other.
public struct LoginPools: Sendable {
    private let hashing: BlockingPool
    private let asking: BlockingPool

    /// - Parameters:
    ///   - hashing: for password files; as many threads as cores may be busy with hashes.
    ///   - asking: for directories; its threads mostly wait.
    ///   The queue of each takes at least `LoginSettings.waiting` jobs.
    public init(hashing: BlockingPool, asking: BlockingPool) {
        self.hashing = hashing
        self.asking = asking
    }

    func submit(_ job: @escaping BlockingPool.Job, for provider: Identity.Provider) -> Bool {
        provider == .htpasswd ? hashing.submit(job) : asking.submit(job)
    }
}
