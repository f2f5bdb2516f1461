import Synchronization

/// What happened to logins since the start, for the metrics of product.md 8.
public struct LoginCounts: Sendable, Equatable {
    /// Answers of `LoginDesk.verify`: `logins_total{provider="htpasswd"}` by result.
    public var accepted = 0
    public var wrong = 0
    public var busy = 0
    /// Hashes computed (`password_hashes_total`).
    public var passwordHashes = 0
    /// Requests whose login was known (`login_cache_hits_total`).
    public var cacheHits = 0
    /// Distinct checks that wait or run now (`login_queue`).
    public var waiting = 0
}

/// A number that one or several threads count up and any may read.
final class Counter: Sendable {
    private let number = Atomic<Int>(0)

    var value: Int { number.load(ordering: .relaxed) }
    func add() { number.wrappingAdd(1, ordering: .relaxed) }

    /// For a counter with one writer: without the price of a locked addition.
    func addAlone() { number.store(value &+ 1, ordering: .relaxed) }
}
