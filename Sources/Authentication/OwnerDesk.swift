import AccessControl
public import Bytes
public import NetIO

/// Where the owners of robot tokens are looked up: whether they are still there, and in which
/// groups. What was found is believed for a time, and asked for once however many wait for it.
public final class OwnerDesk: Sendable {
    private typealias Waiter = CheckedContinuation<LoginVerdict, Never>

    private let pool: BlockingPool
    /// How long an answer is believed.
    public let lifetime: Duration
    private let state = Locked(State())

    private struct State: Sendable {
        /// For users of one generation of `LoginDesk`.
        var revision: UInt64 = 0
        var known: [ByteString: (verdict: LoginVerdict, expiry: Int64)] = [:]
        var waiting: [ByteString: [CheckedContinuation<LoginVerdict, Never>]] = [:]
    }

    private static let mostEntries = 4096

    /// - Parameter pool: its threads may block.
    public init(pool: BlockingPool, lifetime: Duration) {
        self.pool = pool
        self.lifetime = lifetime
    }

    /// What is known about `user` at `desk`, from memory or by asking.
    public func find(_ user: ByteString, at desk: LoginDesk) async -> LoginVerdict {
        if let users = desk.providers.first(where: { $0.mayKnow(user) }) as? PasswordFile {
            return users.lookUp(user)
        }
        let now = Instant.now.nanoseconds
        if let known = known(user, desk.revision, now) { return known }
        return await withCheckedContinuation { (waiter: Waiter) in
            let isFirst = state.withLock { state in
                state.waiting[user, default: []].append(waiter)
                return state.waiting[user]?.count == 1
            }
            if isFirst, !pool.submit({ [self] in ask(user, desk) }) {
                finish(user, .undecidable(retryAfter: 1), desk.revision)
            }
        }
    }

    private func known(_ user: ByteString, _ revision: UInt64, _ now: Int64) -> LoginVerdict? {
        state.withLock { state in
            guard state.revision == revision, let entry = state.known[user], now < entry.expiry
            else { return nil }
            return entry.verdict
        }
    }

    private func ask(_ user: ByteString, _ desk: LoginDesk) {
        let revision = desk.revision
        finish(user, desk.lookUp(user), revision)
    }

    private func finish(_ user: ByteString, _ verdict: LoginVerdict, _ revision: UInt64) {
        let expiry = Instant.now.advanced(by: lifetime.nanoseconds).nanoseconds
        let waiters = state.withLock { state in
            if state.revision != revision || state.known.count >= Self.mostEntries {
                state.known = [:]
                state.revision = revision
            }
            if case .undecidable = verdict {} else { state.known[user] = (verdict, expiry) }
            return state.waiting.removeValue(forKey: user) ?? []
        }
        for waiter in waiters { waiter.resume(returning: verdict) }
    }
}
