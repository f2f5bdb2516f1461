public import AccessControl
import Synchronization

/// What happened to logins since the start, for the metrics of product.md 8.
public struct LoginCounts: Sendable, Equatable {
    /// How an answer of `LoginDesk.verify` is called in `logins_total{provider,result}`.
    public enum Result: String, Sendable, CaseIterable {
        case accepted, wrong, busy, unavailable
    }

    public struct Key: Sendable, Hashable {
        public let provider: Identity.Provider
        public let result: Result
    }

    /// Those that can be; zero where nothing happened.
    public var results: [Key: Int] = [:]
    /// Hashes computed (`password_hashes_total`).
    public var passwordHashes = 0
    /// Requests whose login was known (`login_cache_hits_total`).
    public var cacheHits = 0
    /// Logins that were not checked because of wrong passwords before (`throttled_total`).
    public var throttled = 0
    /// Distinct checks that wait or run now (`login_queue`).
    public var waiting = 0

    public var accepted: Int { total(.accepted) }
    public var wrong: Int { total(.wrong) }
    public var busy: Int { total(.busy) }

    private func total(_ result: Result) -> Int {
        results.reduce(0) { $0 + ($1.key.result == result ? $1.value : 0) }
    }
}

/// Counts answers as they are given. Callable from any thread.
final class LoginTally: Sendable {
    private static let providers: [Identity.Provider] = [.htpasswd, .ldap]

    private let counters: [LoginCounts.Key: Counter]
    private let hashes = Counter()
    private let throttled = Counter()

    init() {
        var counters: [LoginCounts.Key: Counter] = [:]
        for provider in Self.providers {
            for result in LoginCounts.Result.allCases {
                counters[.init(provider: provider, result: result)] = Counter()
            }
        }
        self.counters = counters
    }

    func countHash() { hashes.add() }

    func count(_ answer: LoginAnswer) {
        let key: LoginCounts.Key? =
            switch answer {
            case .identity(let identity):
                .init(provider: identity.provider ?? .htpasswd, result: .accepted)
            case .wrong(_, let provider): .init(provider: provider, result: .wrong)
            case .undecidable(_, let provider): .init(provider: provider, result: .unavailable)
            // Nobody was asked.
            case .busy: .init(provider: .htpasswd, result: .busy)
            case .guessing: nil
            }
        guard let key else { return throttled.add() }
        counters[key]?.add()
    }

    var counts: LoginCounts {
        var counts = LoginCounts()
        counts.results = counters.mapValues(\.value)
        counts.passwordHashes = hashes.value
        counts.throttled = throttled.value
        return counts
    }
}

/// A number that one or several threads count up and any may read.
final class Counter: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }
    func add() { number.wrappingAdd(1, ordering: .relaxed) }

    /// For a counter with one writer: without the price of a locked addition.
    func addAlone() { number.store(value &+ 1, ordering: .relaxed) }
}
