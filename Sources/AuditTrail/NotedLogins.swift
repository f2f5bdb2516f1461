public import Bytes

/// Logins that nobody remembers, because they are checked each time: each of them is a record once
/// in a while. Bounded, and pure: it is told the time.
public struct NotedLogins: Sendable {
    static let limit = 10_000

    private var known: [ByteString: Int64] = [:]

    public init() {}

    /// Whether the login was not seen for `lifetime`.
    ///
    /// - Parameters:
    ///   - name: what tells logins apart.
    ///   - now: monotonic nanoseconds, as `lifetime`.
    public mutating func isNew(_ name: ByteString, within lifetime: Int64, at now: Int64) -> Bool {
        if let since = known[name], now - since < lifetime { return false }
        if known.count >= Self.limit { known = known.filter { now - $0.value < lifetime } }
        if known.count >= Self.limit { known = [:] }
        known[name] = now
        return true
    }
}
