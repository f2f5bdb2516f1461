import NetIO

/// When the thread of `serve` has something to do that nobody asks for, and how soon what was asked
/// for. Pure: it is told the time.
struct Agenda {
    /// When to look at the files.
    private(set) var nextLook: Instant
    /// When to look at the certificates' dates.
    private(set) var nextDay: Instant
    /// When to tell the service manager that the loops turn.
    private(set) var nextWord: Instant
    /// Between two such words; nanoseconds. `nil`: nobody wants to hear them.
    private let wordInterval: Int64?
    /// When to read everything again; `nil`: nobody wants that.
    private var reload: Instant?
    private var earliestReload: Instant
    /// When to give back the memory that those had who are gone; `nil`: nobody is.
    private var tidying: Instant?
    /// How often that is still to be done.
    private var tidyingsLeft = 0
    /// The most connections at once since that was done for them.
    private var mostConnections = 0
    /// When to see what has become of the process that is to take over; `nil`: there is none.
    private var glance: Instant?

    /// A changed file is noticed by the second look, so well within two seconds (product.md 8).
    private static let lookInterval: Int64 = 500_000_000
    private static let dayInterval: Int64 = 86_400_000_000_000
    /// Every connection until the next look comes to two processes, which is no harm.
    private static let glanceInterval: Int64 = 20_000_000
    /// Between two reloads, so that a storm of signals becomes a few.
    private static let reloadInterval: Int64 = 100_000_000
    /// After the last reload, and between one time and the next: requests under the rules before
    /// have ended by then, most of them, and those that had not leave something for the next time.
    private static let tidyingDelay: Int64 = 2_000_000_000
    private static let tidyingCount = 3
    /// When this many connections have left, and at least half of all: some ten MiB are free then.
    private static let crowd = 500

    /// - Parameter patience: how long the service manager waits for a word; nanoseconds.
    init(now: Instant, patience: Int64? = nil) {
        // Two words may be lost.
        wordInterval = patience.map { $0 / 3 }
        nextWord = wordInterval.map { now.advanced(by: $0) } ?? .never
        nextLook = now.advanced(by: Self.lookInterval)
        nextDay = now.advanced(by: Self.dayInterval)
        earliestReload = now
    }

    /// Asked for by a signal or a change: as soon as may be, once for all that ask until then.
    mutating func wantReload() { reload = reload ?? earliestReload }

    /// How long there is nothing to do, in milliseconds, rounded up.
    func pause(from now: Instant) -> Int32 {
        let next = min(
            nextLook, nextDay, nextWord, reload ?? .never, tidying ?? .never, glance ?? .never)
        return Int32(clamping: max(0, (next.nanoseconds(since: now) + 999_999) / 1_000_000))
    }

    mutating func takeLook(at now: Instant) -> Bool {
        guard now >= nextLook else { return false }
        nextLook = now.advanced(by: Self.lookInterval)
        return true
    }

    mutating func takeDay(at now: Instant) -> Bool {
        guard now >= nextDay else { return false }
        nextDay = now.advanced(by: Self.dayInterval)
        return true
    }

    mutating func takeWord(at now: Instant) -> Bool {
        guard let wordInterval, now >= nextWord else { return false }
        nextWord = now.advanced(by: wordInterval)
        return true
    }

    mutating func takeReload(at now: Instant) -> Bool {
        guard let reload, now >= reload else { return false }
        self.reload = nil
        return true
    }

    mutating func reloadEnded(at now: Instant) {
        earliestReload = now.advanced(by: Self.reloadInterval)
        wantTidying(at: now)
    }

    /// Is told now and then how many connections there are.
    mutating func note(connectionCount count: Int, at now: Instant) {
        mostConnections = max(mostConnections, count)
        guard mostConnections - count >= max(Self.crowd, count) else { return }
        mostConnections = count
        wantTidying(at: now)
    }

    private mutating func wantTidying(at now: Instant) {
        tidying = now.advanced(by: Self.tidyingDelay)
        tidyingsLeft = Self.tidyingCount
    }

    mutating func beginGlances(at now: Instant) { glance = now.advanced(by: Self.glanceInterval) }
    mutating func endGlances() { glance = nil }

    mutating func takeGlance(at now: Instant) -> Bool {
        guard let glance, now >= glance else { return false }
        beginGlances(at: now)
        return true
    }

    mutating func takeTidying(at now: Instant) -> Bool {
        guard let tidying, now >= tidying else { return false }
        tidyingsLeft -= 1
        self.tidying = tidyingsLeft > 0 ? now.advanced(by: Self.tidyingDelay) : nil
        return true
    }
}
