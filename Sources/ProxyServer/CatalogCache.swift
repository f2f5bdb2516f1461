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
        /// Others have asked until the deadline.
        case tooLate
    }

    /// The duty to ask the registry, and to tell.
    struct Ticket: Sendable {
        let last: ByteString?
        /// The count of changes when it was given out: an older list is not kept.
        fileprivate let changes: Int
    }

    fileprivate struct Entry: Sendable {
        let page: CatalogPage
        let expiry: Instant
    }

    fileprivate struct Waiting: Sendable {
        let continuation: CheckedContinuation<Bool, Never>
        let deadline: Instant
    }

    fileprivate struct State: Sendable {
        /// By the name that a page begins behind; `nil` is the list's beginning.
        var entries: [ByteString?: Entry] = [:]
        var byteCount = 0
        var changes = 0
        /// A key is here while it is asked for; the value is who waits.
        var asked: [ByteString?: [Waiting]] = [:]
    }

    private let state = Locked(State())
    /// Whether there is anything that a change could make untrue.
    private let isInUse = Atomic<Bool>(false)

    /// How long a list is used.
    static let lifetime: Int64 = 30_000_000_000
    /// How much is kept; the pages that expire first go first.
    static let byteLimit = 32 * 1024 * 1024

    /// The names behind `last`, or the duty to ask for them. Waits while another asks.
    func lookUp(after last: ByteString?, now: Instant, until deadline: Instant) async -> Lookup {
        while true {
            if let (page, first) = find(last, at: now) { return .found(page, first: first) }
            let ticket: Ticket? = state.withLock { state in
                guard state.asked[last] == nil else { return nil }
                state.asked[last] = []
                isInUse.store(true, ordering: .relaxed)
                return Ticket(last: last, changes: state.changes)
            }
            if let ticket { return .mustAsk(ticket) }
            guard await hasAnswer(last, until: deadline) else { return .tooLate }
        }
    }

    /// - Parameter page: `nil` if the registry did not answer: the next who waits asks again.
    func finish(_ ticket: Ticket, _ page: CatalogPage?, now: Instant) {
        let waiting = state.withLock { state in
            if let page, state.changes == ticket.changes {
                let expiry = now.advanced(by: Self.lifetime)
                state.keep(Entry(page: page, expiry: expiry), behind: ticket.last)
            }
            return state.asked.removeValue(forKey: ticket.last) ?? []
        }
        for waiting in waiting { waiting.continuation.resume(returning: true) }
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

    /// Sends away those whose deadline has passed, and forgets what is old. Called by a loop about
    /// twice a second.
    func expire(at now: Instant) {
        guard isInUse.load(ordering: .relaxed) else { return }
        let late = state.withLock { state in
            for (last, entry) in state.entries where entry.expiry <= now { state.drop(last) }
            var late: [Waiting] = []
            for (last, waiting) in state.asked where waiting.contains(where: { $0.deadline <= now })
            {
                late += waiting.filter { $0.deadline <= now }
                state.asked[last] = waiting.filter { $0.deadline > now }
            }
            if state.entries.isEmpty && state.asked.isEmpty {
                isInUse.store(false, ordering: .relaxed)
            }
            return late
        }
        for waiting in late { waiting.continuation.resume(returning: false) }
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

    /// Waits for whoever asks now.
    private func hasAnswer(_ last: ByteString?, until deadline: Instant) async -> Bool {
        await withCheckedContinuation { continuation in
            let isWaiting = state.withLock { state in
                guard state.asked[last] != nil else { return false }
                let waiting = Waiting(continuation: continuation, deadline: deadline)
                state.asked[last]?.append(waiting)
                return true
            }
            if !isWaiting { continuation.resume(returning: true) }
        }
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
