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
    typealias Ledger = LoginLedger<LoginCheck>

    private let ledger: Locked<Ledger>
    private let pools: LoginPools
    private let clock: @Sendable () -> Int64
    private let lastGeneration = Atomic<UInt64>(1)
    private let currentGeneration = Atomic<UInt64>(1)
    private let tally = LoginTally()
    private let tell: @Sendable (LoginEvent) -> Void
    private let cacheHits = Locked<[Counter]>([])

    public let settings: LoginSettings

    /// - Parameters:
    ///   - providers: in the order in which they are asked; no two of one kind.
    ///   - pools: for this desk alone.
    ///   - clock: nanoseconds; never goes back, and the same that `LoginMemory.lookup` is given.
    ///   - tell: what to do with what an operator should hear of; called on any thread.
    public init(
        providers: [any LoginProvider],
        settings: LoginSettings = LoginSettings(),
        pools: LoginPools,
        clock: @escaping @Sendable () -> Int64,
        tell: @escaping @Sendable (LoginEvent) -> Void = { _ in }
    ) throws(RandomnessError) {
        let first = try LoginGeneration(number: 1, providers: providers)
        ledger = Locked(LoginLedger(generation: first, settings: settings))
        self.settings = settings
        self.pools = pools
        self.clock = clock
        self.tell = tell
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

    /// Has a login checked that the loop's memory did not know. `leave` is owed.
    ///
    /// - Parameters:
    ///   - source: the network of the client (IPv4 /32, IPv6 /64), in any one spelling. Sources are
    ///     served in turn, and one may have a quarter of the places.
    ///   - wake: called once when a result that is not there at once is; on any thread.
    public func begin(
        _ login: PendingLogin,
        source: ByteString,
        wake: @escaping @Sendable () -> Void
    ) -> LoginCheck {
        let check = LoginCheck(wake: wake)
        let now = clock()
        let arrival = step { $0.arrive(login, from: source, waiter: check, now: now) }
        if case .answered(let answer) = arrival {
            tell(check, LoginResult(answer), wakes: false)
        }
        return check
    }

    /// The result is taken, or not wanted any more: a login that nobody waits for is not checked,
    /// unless a thread has begun to.
    public func leave(_ check: LoginCheck) {
        guard check.result == nil else { return }
        step { $0.leave { $0 === check } }
    }

    private func tell(_ check: LoginCheck, _ result: LoginResult, wakes: Bool = true) {
        tally.count(result.answer)
        check.settle(result, wakes: wakes)
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

    /// One step of the ledger, and what follows from it for others.
    private func step<Outcome: Sendable>(_ step: (inout Ledger) -> Outcome) -> Outcome {
        let (outcome, displaced, events, hired) = ledger.withLock { ledger in
            let outcome = step(&ledger)
            return (
                outcome, ledger.takeDisplaced(), ledger.takeEvents(),
                ledger.hire(upTo: pools.threadCount(for:))
            )
        }
        for check in displaced { tell(check, LoginResult(.busy)) }
        for event in events { tell(event) }
        for provider in hired { startWorker(for: provider) }
        return outcome
    }

    private func startWorker(for provider: Identity.Provider) {
        guard !pools.submit({ self.work(for: provider) }, for: provider) else { return }
        let abandoned = ledger.withLock { $0.abandonQueue(of: provider) }
        for check in abandoned { tell(check, LoginResult(.busy)) }
    }

    /// Takes whichever check is next until none is left.
    private func work(for provider: Identity.Provider) {
        while true {
            let now = clock()
            switch step({ $0.next(for: provider, now: now) }) {
            case .nothing: return
            case .settled(let settled): resume(settled)
            case .job(let job): check(job)
            }
        }
    }

    private func check(_ job: Ledger.Job) {
        let verdict = job.provider.verify(job.login.user, job.login.password)
        if job.provider.provider == .htpasswd { tally.countHash() }
        let now = clock()
        if let settled = step({ $0.finish(job, verdict, now: now) }) { resume(settled) }
    }

    /// A directory's answers vary by more than its slowest and its quickest no: what is left of the
    /// difference is blurred.
    private func resume(_ settled: Ledger.Settled) {
        let blur = settled.notBefore == .min ? 0 : Int64.random(in: 0...Self.longestBlur)
        for (index, waiter) in settled.waiters.enumerated() {
            let result = LoginResult(
                settled.answer,
                notBefore: settled.notBefore + blur,
                isFirst: index == 0,
                isStale: settled.isStale
            )
            tell(waiter, result)
        }
    }

    private static let longestBlur: Int64 = 20_000_000
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
    ///   The queue of each takes at least as many jobs as it has threads.
    public init(hashing: BlockingPool, asking: BlockingPool) {
        self.hashing = hashing
        self.asking = asking
    }

    func threadCount(for provider: Identity.Provider) -> Int {
        provider == .htpasswd ? hashing.threadCount : asking.threadCount
    }

    func submit(_ job: @escaping BlockingPool.Job, for provider: Identity.Provider) -> Bool {
        provider == .htpasswd ? hashing.submit(job) : asking.submit(job)
    }
}
