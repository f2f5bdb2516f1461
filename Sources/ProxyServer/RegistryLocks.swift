import Bytes
import NetIO
import RegistryAPI
import Secrets
import Synchronization

/// Locks on repositories and tags: whoever asks the registry what a tag is, or which tags a digest
/// has, holds them until the answer to its own push or delete is there, so that nobody changes it
/// in between (`access.md`, "Tag semantics" and "Deletes").
///
/// Shared by all loops, and during a hand-over by two processes. First come, first served: nobody
/// who could share overtakes somebody who waits. Nothing here waits or knows time: a ticket tells
/// when it is granted, and wakes its owner.
final class RegistryLocks: Sendable {
    enum Key: Hashable, Sendable {
        /// Shared by pushes of manifests; a delete has it alone. To be taken before any tag's.
        case repository(RepositoryName)
        /// Had alone by each push of the tag. Several are to be taken in byte order.
        case tag(RepositoryName, Tag)
    }

    enum Mode: Sendable {
        case shared
        case exclusive
    }

    /// One request for a lock. Ends with exactly one `release`, granted or not.
    final class Ticket: Sendable {
        fileprivate let key: Key
        fileprivate let mode: Mode
        fileprivate let granted: Atomic<Bool>
        fileprivate let wake: @Sendable () -> Void

        fileprivate init(
            _ key: Key,
            _ mode: Mode,
            isGranted: Bool,
            wake: @escaping @Sendable () -> Void
        ) {
            self.key = key
            self.mode = mode
            granted = Atomic(isGranted)
            self.wake = wake
        }

        /// Once true it stays true until `release`.
        var isGranted: Bool { granted.load(ordering: .acquiring) }
    }

    /// Who has a lock, and who waits for it, in the order they came. There is an entry while either
    /// is somebody.
    private struct Entry: Sendable {
        var holders: [Ticket] = []
        var waiting: [Ticket] = []

        func admits(_ mode: Mode) -> Bool {
            holders.isEmpty || (mode == .shared && holders.allSatisfy { $0.mode == .shared })
        }
    }

    private struct State: Sendable {
        var entries: [Key: Entry] = [:]
        /// What another process locks by as well; `nil`: there is none.
        var neighbour: ByteLocks?
    }

    private let state = Locked(State())

    /// Whether nobody has a lock.
    var isEmpty: Bool { state.withLock { $0.entries.isEmpty } }

    /// Asks for a lock.
    ///
    /// - Parameter wake: called once when a ticket that was not granted at once is; on any thread.
    func request(
        _ key: Key,
        _ mode: Mode,
        wake: @escaping @Sendable () -> Void
    ) -> Ticket {
        state.withLock { state in
            var entry = state.entries[key] ?? Entry()
            let isFree = entry.waiting.isEmpty && entry.admits(mode)
            let ticket = Ticket(key, mode, isGranted: isFree, wake: wake)
            if isFree {
                entry.holders.append(ticket)
            } else {
                entry.waiting.append(ticket)
            }
            state.entries[key] = entry
            return ticket
        }
    }

    /// Whether whoever has the lock here has it in all processes. Asks for it where need be, so
    /// that somebody who is told no has to come again.
    func isGrantedEverywhere(_ ticket: Ticket) -> Bool {
        state.withLock { state in
            ticket.isGranted && (state.neighbour?.take(ticket.key, ticket.mode) ?? true)
        }
    }

    /// From now on others lock by `neighbour` as well; `nil`: they are gone. What is held is held
    /// there, too, when this returns.
    func lock(by neighbour: ByteLocks?) {
        state.withLock { state in
            state.neighbour = neighbour
            guard let neighbour else { return }
            for (key, entry) in state.entries {
                guard let holder = entry.holders.first else { continue }
                _ = neighbour.take(key, holder.mode)
            }
        }
    }

    /// Gives a lock back, or gives up waiting for it.
    func release(_ ticket: Ticket) {
        let next = state.withLock { state -> [Ticket] in
            guard var entry = state.entries[ticket.key] else { return [] }
            entry.holders.removeAll { $0 === ticket }
            entry.waiting.removeAll { $0 === ticket }
            if entry.holders.isEmpty { state.neighbour?.give(ticket.key) }
            var next: [Ticket] = []
            while let first = entry.waiting.first, entry.admits(first.mode) {
                entry.waiting.removeFirst()
                entry.holders.append(first)
                first.granted.store(true, ordering: .releasing)
                next.append(first)
            }
            state.entries[ticket.key] = entry.holders.isEmpty ? nil : entry
            return next
        }
        for ticket in next { ticket.wake() }
    }
}

extension ByteLocks {
    fileprivate func take(_ key: RegistryLocks.Key, _ mode: RegistryLocks.Mode) -> Bool {
        take(key.number, mode == .shared ? .shared : .exclusive)
    }

    fileprivate func give(_ key: RegistryLocks.Key) { give(key.number) }
}

extension RegistryLocks.Key {
    /// The same in every process, and nobody can find two keys with one number: the first bits of a
    /// digest. No name has a zero byte in it.
    fileprivate var number: Int64 {
        let text =
            switch self {
            case .repository(let name): name.bytes.bytes
            case .tag(let name, let tag): name.bytes.bytes + [0] + tag.bytes.bytes
            }
        let digest = SHA256.digest(of: text.span).bytes
        var number: UInt64 = 0
        for index in 0..<8 { number = number << 8 | UInt64(digest[index]) }
        return Int64(number >> 1)
    }
}
