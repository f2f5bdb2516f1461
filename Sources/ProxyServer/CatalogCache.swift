import Bytes
import NetIO
import RegistryAPI
import Synchronization

/// A page of the registry's list of repositories, as the registry gave it.
struct CatalogPage: Sendable {
    var names: NameTable
    /// Whether the list goes on behind the last name.
    var hasMore: Bool
}

/// What the registry has listed lately, for all users: walking a catalog is the dearest thing that
/// a registry does, and many ask for it at once. Each user's own view is filtered from it.
///
/// A page stands under the name that it begins behind. A page of the same list is found by any name
/// on it, too, so order is the registry's affair alone. Each is asked for once, however many want
/// it. Shared by all loops.
final class CatalogCache: Sendable {
    /// What the caller, who wants the names behind `last`, has to do.
    enum Lookup: Sendable {
        /// Go on with the names of `page` from `first` on.
        case found(CatalogPage, first: Int)
        /// Ask the registry, and call `finish` once, whatever comes of it.
        case mustAsk(Ticket)
        /// Look again when the turn is over, or call `leave`.
        case mustWait(Turn)
    }

    /// The duty to ask the registry, and to tell.
    struct Ticket: Sendable {
        let last: ByteString?
        /// The count of changes when it was given out: an older list is not kept.
        fileprivate let changes: Int
    }

    /// A wait for whoever asks now.
    final class Turn: Sendable {
        fileprivate let last: ByteString?
        fileprivate let wake: @Sendable () -> Void
        private let over = Atomic<Bool>(false)

        fileprivate init(_ last: ByteString?, wake: @escaping @Sendable () -> Void) {
            self.last = last
            self.wake = wake
        }

        /// Once true it stays true.
        var isOver: Bool { over.load(ordering: .acquiring) }

        fileprivate func end() {
            over.store(true, ordering: .releasing)
            wake()
        }
    }

    fileprivate struct Entry: Sendable {
        let page: CatalogPage
        let expiry: Instant
    }

    fileprivate struct State: Sendable {
        /// By the name that a page begins behind; `nil` is the list's beginning.
        var entries: [ByteString?: Entry] = [:]
        var byteCount = 0
        var changes = 0
        /// A key is here while it is asked for; the value is who waits.
        var asked: [ByteString?: [Turn]] = [:]
    }

    private let state = Locked(State())
    /// Whether there is anything that a change could make untrue.
    private let isInUse = Atomic<Bool>(false)

    /// How long a list is used.
    static let lifetime: Int64 = 30_000_000_000
    /// How much is kept; the pages that expire first go first.
    static let byteLimit = 32 * 1024 * 1024

    /// The names behind `last`, or the duty to ask for them, or to wait while another asks.
    ///
    /// - Parameter wake: called once when a turn is over; on any thread.
    func lookUp(
        after last: ByteString?,
        now: Instant,
        wake: @escaping @Sendable () -> Void
    ) -> Lookup {
        if let (page, first) = find(last, at: now) { return .found(page, first: first) }
        return state.withLock { state in
            guard state.asked[last] == nil else {
                let turn = Turn(last, wake: wake)
                state.asked[last]?.append(turn)
                return .mustWait(turn)
            }
            state.asked[last] = []
            isInUse.store(true, ordering: .relaxed)
            return .mustAsk(Ticket(last: last, changes: state.changes))
        }
    }

    /// Whoever waits does not want the page any more.
    func leave(_ turn: Turn) {
        state.withLock { state in state.asked[turn.last]?.removeAll { $0 === turn } }
    }

    /// How many wait for others.
    var waitingCount: Int { state.withLock { $0.asked.values.reduce(0) { $0 + $1.count } } }

    /// - Parameter page: `nil` if the registry did not answer: the next who waits asks again.
    func finish(_ ticket: Ticket, _ page: CatalogPage?, now: Instant) {
        let waiting = state.withLock { state in
            if let page, state.changes == ticket.changes {
                let expiry = now.advanced(by: Self.lifetime)
                state.keep(Entry(page: page, expiry: expiry), behind: ticket.last)
            }
            return state.asked.removeValue(forKey: ticket.last) ?? []
        }
        for turn in waiting { turn.end() }
    }

    /// Something was put into a repository: if it is a new one, what is kept is no longer true.
    func note(changeOf repository: RepositoryName) {
        guard isInUse.load(ordering: .relaxed) else { return }
        let pages = state.withLock { state in state.entries.values.map(\.page) }
        let isKnown = pages.contains { $0.names.firstIndex(of: repository.bytes.span) != nil }
        if !isKnown {
            state.withLock { state in
                state.entries = [:]
                state.byteCount = 0
                state.changes += 1
            }
        }
    }

    /// Forgets what is old. Called by a loop about twice a second.
    func expire(at now: Instant) {
        guard isInUse.load(ordering: .relaxed) else { return }
        state.withLock { state in
            for (last, entry) in state.entries where entry.expiry <= now { state.drop(last) }
            if state.entries.isEmpty && state.asked.isEmpty {
                isInUse.store(false, ordering: .relaxed)
            }
        }
    }

    /// Looks at names outside of the lock: there may be many.
    private func find(_ last: ByteString?, at now: Instant) -> (CatalogPage, first: Int)? {
        let (exact, pages) = state.withLock { state -> (Entry?, [CatalogPage]) in
            if let entry = state.entries[last], entry.expiry > now { return (entry, []) }
            return (nil, state.entries.values.filter { $0.expiry > now }.map(\.page))
        }
        if let exact { return (exact.page, 0) }
        guard let last else { return nil }
        for page in pages {
            guard let index = page.names.firstIndex(of: last.span) else { continue }
            // Behind the last name there is nothing here; its own page tells.
            let isLast = index == page.names.count - 1
            if !isLast || !page.hasMore { return (page, index + 1) }
        }
        return nil
    }
}

extension CatalogCache.State {
    fileprivate mutating func keep(_ entry: CatalogCache.Entry, behind last: ByteString?) {
        drop(last)
        let cost = entry.page.names.byteCount
        while byteCount + cost > CatalogCache.byteLimit,
            let oldest = entries.min(by: { $0.value.expiry < $1.value.expiry })?.key
        {
            drop(oldest)
        }
        guard byteCount + cost <= CatalogCache.byteLimit else { return }
        entries[last] = entry
        byteCount += cost
    }

    fileprivate mutating func drop(_ last: ByteString?) {
        guard let old = entries.removeValue(forKey: last) else { return }
        byteCount -= old.page.names.byteCount
    }
}
