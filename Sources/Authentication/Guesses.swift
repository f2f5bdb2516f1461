import Bytes

/// Who has sent wrong passwords lately, and who has to wait for it (security.md 5.7).
///
/// Three counts, and only the first two ever refuse anybody:
/// * of one user from one source: some are free, then the next try is allowed after 1, 2, 4 … 60 s;
/// * of one source: so many, and one more every two seconds;
/// * of one user from everywhere: from 100 a minute on, `isBesieged` says so.
///
/// The caller counts each wrong password once, and asks nobody to wait whose login was good before.
/// Pure; every table is bounded, and what has not been asked for longest is forgotten first.
struct Guesses: Sendable {
    /// One user from one source.
    private struct Pair: Hashable, Sendable {
        let user: ByteString
        let source: ByteString
    }

    private struct Failures: Sendable {
        var count: Int
        var nextTry: Int64
    }

    /// Wrong passwords of one user from everywhere.
    private struct Siege: Sendable {
        var count = 0
        var minuteEnd: Int64
        /// Until when the user counts as besieged.
        var end = Int64.min
    }

    private let throttle: LoginSettings.Throttle
    private var pairs = BoundedTable<Pair, Failures>(capacity: 16_384)
    /// Per source: when the last of its wrong passwords will be forgiven, one at a time.
    private var sources = BoundedTable<ByteString, Int64>(capacity: 16_384)
    private var users = BoundedTable<ByteString, Siege>(capacity: 4096)
    /// Pairs with a right password. Nobody without one can push them out.
    private var friends = BoundedTable<Pair, Bool>(capacity: 16_384)
    /// Checks of a pair that wait or run: each may turn out to be a wrong password.
    private var open: [Pair: Int] = [:]

    init(_ throttle: LoginSettings.Throttle) { self.throttle = throttle }

    /// How long until a login may be checked; `nil`: now.
    mutating func delay(of user: ByteString, from source: ByteString, now: Int64) -> Int64? {
        guard throttle.isEnabled else { return nil }
        let pair = Pair(user: user, source: source)
        let free = throttle.perUserAndNetwork - open[pair, default: 0]
        if let failures = pairs.entry(for: pair, now: now)?.value, failures.count >= free {
            if failures.nextTry <= now, open[pair] != nil { return Self.second }
        } else if free <= 0 {
            return Self.second
        }
        return pause(of: user, from: source, now: now)
    }

    /// The same for a login that has been let in and has not begun: what has turned out wrong since
    /// counts, what still waits does not.
    mutating func pause(of user: ByteString, from source: ByteString, now: Int64) -> Int64? {
        guard throttle.isEnabled else { return nil }
        let pair = Pair(user: user, source: source)
        if let nextTry = pairs.entry(for: pair, now: now)?.value.nextTry, nextTry > now {
            return nextTry - now
        }
        let allowance = Int64(throttle.perNetwork - 1) * Self.sourceInterval
        guard let forgiven = sources.entry(for: source, now: now)?.value,
            forgiven - now > allowance
        else { return nil }
        return forgiven - now - allowance
    }

    /// A check has been let in; `ended` must follow.
    mutating func began(_ user: ByteString, from source: ByteString) {
        open[Pair(user: user, source: source), default: 0] += 1
    }

    mutating func ended(_ user: ByteString, from source: ByteString) {
        let pair = Pair(user: user, source: source)
        let left = open[pair, default: 1] - 1
        open[pair] = left > 0 ? left : nil
    }

    /// A password was wrong that had not been found wrong before.
    ///
    /// - Returns: whether the user is besieged from now on.
    mutating func failed(_ user: ByteString, from source: ByteString, now: Int64) -> Bool {
        let pair = Pair(user: user, source: source)
        var failures = pairs.entry(for: pair, now: now)?.value ?? Failures(count: 0, nextTry: now)
        failures.count += 1
        let doublings = failures.count - throttle.perUserAndNetwork
        if doublings >= 0 {
            let pause = min(Self.second << Int64(min(doublings, 6)), Self.longestPause)
            failures.nextTry = now + pause
        }
        pairs.insert(failures, for: pair, expiry: now + Self.memory, now: now)
        let forgiven = max(sources.entry(for: source, now: now)?.value ?? now, now)
        let until = forgiven + Self.sourceInterval
        sources.insert(until, for: source, expiry: max(until, now + Self.memory), now: now)
        return countAgainst(user, now: now)
    }

    private mutating func countAgainst(_ user: ByteString, now: Int64) -> Bool {
        let wasBesieged = isBesieged(user, now: now)
        var siege = users.entry(for: user, now: now)?.value ?? Siege(minuteEnd: now + Self.minute)
        if siege.minuteEnd <= now {
            siege.count = 0
            siege.minuteEnd = now + Self.minute
        }
        siege.count += 1
        if siege.count >= Self.siegeCount { siege.end = now + Self.minute }
        users.insert(siege, for: user, expiry: now + Self.minute, now: now)
        return !wasBesieged && isBesieged(user, now: now)
    }

    /// A password was right: what this source has sent for this user were typing errors.
    mutating func succeeded(_ user: ByteString, from source: ByteString, now: Int64) {
        let pair = Pair(user: user, source: source)
        pairs.remove(pair)
        friends.insert(true, for: pair, expiry: now + Self.friendship, now: now)
    }

    mutating func isFriend(_ user: ByteString, from source: ByteString, now: Int64) -> Bool {
        friends.entry(for: Pair(user: user, source: source), now: now) != nil
    }

    /// Whether the source has sent a wrong password lately.
    mutating func isSuspect(_ source: ByteString, now: Int64) -> Bool {
        sources.entry(for: source, now: now) != nil
    }

    /// Whether the user's password is being guessed at 100 times a minute.
    mutating func isBesieged(_ user: ByteString, now: Int64) -> Bool {
        guard throttle.isEnabled, let siege = users.entry(for: user, now: now)?.value else {
            return false
        }
        return siege.end > now
    }

    private static let second: Int64 = 1_000_000_000
    private static let longestPause = 60 * second
    /// A source is forgiven one wrong password in this time.
    private static let sourceInterval = 2 * second
    /// How long wrong passwords are remembered when no more come.
    private static let memory = 15 * 60 * second
    private static let friendship = 24 * 3600 * second
    /// So many wrong passwords within a minute are a siege.
    private static let siegeCount = 100
    private static let minute = 60 * second
}
