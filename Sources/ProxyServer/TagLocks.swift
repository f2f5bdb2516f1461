import Bytes
import NetIO
import RegistryAPI

/// One lock per repository and tag: whoever asks the registry "is this tag new?" holds it until the
/// answer to its own push is there, so that two pushes cannot both be first (`access.md`).
///
/// Shared by all loops. Waiters are served in the order they came.
final class TagLocks: Sendable {
    struct Key: Hashable, Sendable {
        let repository: RepositoryName
        let tag: Tag
    }

    private struct Waiting: Sendable {
        let continuation: CheckedContinuation<Bool, Never>
        let deadline: Instant
    }

    /// A key is here while it is held; the value is who waits for it.
    private let held = Locked<[Key: [Waiting]]>([:])

    /// Whether no lock is held.
    var isEmpty: Bool { held.withLock(\.isEmpty) }

    /// - Returns: true once the lock is held; false if that took until `deadline`.
    func acquire(_ key: Key, until deadline: Instant) async -> Bool {
        await withCheckedContinuation { continuation in
            let isFree = held.withLock { held in
                guard held[key] == nil else {
                    held[key]?.append(Waiting(continuation: continuation, deadline: deadline))
                    return false
                }
                held[key] = []
                return true
            }
            if isFree { continuation.resume(returning: true) }
        }
    }

    /// Must follow each successful `acquire` exactly once.
    func release(_ key: Key) {
        let next = held.withLock { held -> Waiting? in
            guard var waiting = held[key], !waiting.isEmpty else {
                held[key] = nil
                return nil
            }
            let first = waiting.removeFirst()
            held[key] = waiting
            return first
        }
        next?.continuation.resume(returning: true)
    }

    /// Sends away those whose deadline has passed. Called by a loop about twice a second.
    func expire(at now: Instant) {
        let late = held.withLock { held in
            var late: [Waiting] = []
            for (key, waiting) in held where waiting.contains(where: { $0.deadline <= now }) {
                late += waiting.filter { $0.deadline <= now }
                held[key] = waiting.filter { $0.deadline > now }
            }
            return late
        }
        for waiting in late { waiting.continuation.resume(returning: false) }
    }
}
