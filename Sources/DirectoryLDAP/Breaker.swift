/// Whether a server is worth asking. Pure: times are nanoseconds of a clock that never goes back.
///
/// Five failures in a row within ten seconds open it; while it is open nobody asks but one probe
/// every five seconds. An answer of any kind closes it.
struct Breaker: Sendable, Equatable {
    /// What was heard last.
    private(set) var isUp = true
    private(set) var isOpen = false
    /// The latest failures without an answer in between, oldest first.
    private var failures: [Int64] = []
    private var nextProbe: Int64 = .min

    static let limit = 5
    static let window: Int64 = 10_000_000_000
    /// A little less than what is promised, so that a probe that takes its time is not late.
    static let probeInterval: Int64 = 4_800_000_000

    /// - Returns: whether the server was up until now.
    mutating func noteFailure(at now: Int64) -> Bool {
        failures.append(now)
        if failures.count > Self.limit { failures.removeFirst() }
        if failures.count == Self.limit, now - failures[0] <= Self.window { isOpen = true }
        defer { isUp = false }
        if isUp { nextProbe = now + Self.probeInterval }
        return isUp
    }

    /// - Returns: whether the server was down until now.
    mutating func noteAnswer() -> Bool {
        defer { self = Breaker() }
        return !isUp
    }

    /// When a probe is due; `nil` while the server is up.
    var probeTime: Int64? { isUp ? nil : nextProbe }

    mutating func noteProbe(at now: Int64) { nextProbe = now + Self.probeInterval }
}
