/// Lifetimes and bounds of logins; the names of the configuration in brackets.
public struct LoginSettings: Sendable, Equatable {
    /// How long a verified login is believed (`auth.cache.lifetime`).
    public var lifetime: Duration = .seconds(300)
    /// How long a login is believed that a directory has verified (`auth.cache.ldap_lifetime`): so
    /// long a disabled account goes on.
    public var ldapLifetime: Duration = .seconds(60)
    /// How much longer while the directory does not answer (`auth.ldap.stale_while_down`).
    public var staleWhileDown: Duration = .zero
    /// How long a login that is believed for that reason is not asked for again.
    var staleRespite: Duration = .seconds(1)
    /// How long a wrong one is remembered as wrong (`auth.cache.wrong_lifetime`).
    public var wrongLifetime: Duration = .seconds(10)
    /// How many verified logins are remembered (`auth.cache.entries`).
    public var entries = 10_000
    /// How many wrong logins are remembered; a table of their own, so that a flood of them cannot
    /// push out good ones (security.md 5.2).
    public var wrongEntries = 4096
    /// How many distinct checks may be waiting or running (`limits.logins_waiting`); a quarter of
    /// them, at least one, from one source.
    public var waiting = 256
    /// A check that has not begun after this long is given up (security.md 5.6).
    public var longestWait: Duration = .seconds(5)

    public init() {}

    var waitingPerSource: Int { max(1, waiting / 4) }
}

extension Duration {
    /// Whole nanoseconds; durations of more than 292 years count as such.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product.addingReportingOverflow(attoseconds / 1_000_000_000).0
    }
}
