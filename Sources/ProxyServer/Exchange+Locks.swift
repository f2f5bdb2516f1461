import Bytes
import NetIO
import RegistryAPI

/// Waiting for others, most of all for requests that change the same thing.
extension Exchange {
    /// Takes locks one after another, each after waiting for it for at most `timeouts.lock`. To be
    /// followed by `releaseLocks`, also if this throws.
    func take(
        _ keys: [(RegistryLocks.Key, RegistryLocks.Mode)]
    ) async throws(Interruption) {
        let locks = services.shared.locks
        let waker = connection.waiter.remote
        for (key, mode) in keys {
            let ticket = locks.request(key, mode) { waker.wake() }
            heldLocks.append(ticket)
            try await awaitOthers(
                { ticket.isGranted },
                until: timeouts.lock.deadline(from: now),
                orElse: .unavailable("others are changing the same tags", retryAfter: 5)
            )
        }
    }

    /// Lets others go on. As soon as the registry has answered: a client may take long to read.
    func releaseLocks() {
        for ticket in heldLocks { services.shared.locks.release(ticket) }
        heldLocks = []
    }

    /// Waits for what other exchanges or threads do, who wake this task's waiter. A client that
    /// leaves meanwhile ends the wait.
    ///
    /// - Parameter refusal: what the client gets if it takes too long.
    func awaitOthers(
        _ isDone: () -> Bool,
        until deadline: Deadline,
        orElse refusal: @autoclosure () -> Refusal
    ) async throws(Interruption) {
        while !isDone() {
            if downstream.isAbandonedByPeer { throw .downstream(.stream(.ended)) }
            do throws(StreamError) {
                try await downstream.pause(until: deadline)
            } catch .timedOut {
                throw .refused(refusal())
            } catch {
                throw .downstream(.stream(error))
            }
        }
    }
}
