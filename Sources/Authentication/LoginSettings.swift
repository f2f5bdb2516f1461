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
    /// How long a wrong one is remembered as wrong (`auth.cache.wrong_lifetime`). What a password
    /// file says stays true until there is another one; it is remembered for `longMemory`.
    public var wrongLifetime: Duration = .seconds(10)
    /// How long a wrong login is not counted as another guess when it comes again.
    var longMemory: Duration = .seconds(3600)
    /// How long a login that was right is no guess, whatever becomes of it.
    var provenLifetime: Duration = .seconds(24 * 3600)
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

    public var throttle = Throttle()

    /// How guessing is slowed (`auth.throttle`).
    public struct Throttle: Sendable, Equatable {
        public var isEnabled = true
        /// How many distinct wrong passwords of one user from one source are free of any wait.
        public var perUserAndNetwork = 5
        /// How many distinct wrong passwords one source may send, whoever the users are; one more
        /// every two seconds.
        public var perNetwork = 30

        public init() {}
    }

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
