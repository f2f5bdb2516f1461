import NetIO
import RegistryAPI
import Synchronization

/// Locks on repositories and tags: whoever asks the registry what a tag is, or which tags a digest
/// has, holds them until the answer to its own push or delete is there, so that nobody changes it
/// in between (`access.md`, "Tag semantics" and "Deletes").
///
/// Shared by all loops. First come, first served: nobody who could share overtakes somebody who
/// waits. Nothing here waits or knows time: a ticket tells when it is granted, and wakes its owner.
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

    private let entries = Locked<[Key: Entry]>([:])

    /// Whether nobody has a lock.
    var isEmpty: Bool { entries.withLock { $0.isEmpty } }

    /// Asks for a lock.
    ///
    /// - Parameter wake: called once when a ticket that was not granted at once is; on any thread.
    func request(
        _ key: Key,
        _ mode: Mode,
        wake: @escaping @Sendable () -> Void
    ) -> Ticket {
        entries.withLock { entries in
            var entry = entries[key] ?? Entry()
            let isFree = entry.waiting.isEmpty && entry.admits(mode)
            let ticket = Ticket(key, mode, isGranted: isFree, wake: wake)
            if isFree {
                entry.holders.append(ticket)
            } else {
                entry.waiting.append(ticket)
            }
            entries[key] = entry
            return ticket
        }
    }

    /// Gives a lock back, or gives up waiting for it.
    func release(_ ticket: Ticket) {
        let next = entries.withLock { entries -> [Ticket] in
            guard var entry = entries[ticket.key] else { return [] }
            entry.holders.removeAll { $0 === ticket }
            entry.waiting.removeAll { $0 === ticket }
            var next: [Ticket] = []
            while let first = entry.waiting.first, entry.admits(first.mode) {
                entry.waiting.removeFirst()
                entry.holders.append(first)
                first.granted.store(true, ordering: .releasing)
                next.append(first)
            }
            entries[ticket.key] = entry.holders.isEmpty ? nil : entry
            return next
        }
        for ticket in next { ticket.wake() }
    }
}
