import Bytes
import NetIO
import RegistryAPI

/// Waiting for other requests that change the same thing.
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
            let deadline = timeouts.lock.deadline(from: now)
            while !ticket.isGranted { try await pauseForLock(until: deadline) }
        }
    }

    /// Lets others go on. As soon as the registry has answered: a client may take long to read.
    func releaseLocks() {
        for ticket in heldLocks { services.shared.locks.release(ticket) }
        heldLocks = []
    }

    /// Waits for an event; a client that leaves meanwhile wants no lock any more.
    private func pauseForLock(until deadline: Deadline) async throws(Interruption) {
        if downstream.isAbandonedByPeer { throw .downstream(.stream(.ended)) }
        do throws(StreamError) {
            try await downstream.pause(until: deadline)
        } catch .timedOut {
            throw .refused(.unavailable("others are changing the same tags", retryAfter: 5))
        } catch {
            throw .downstream(.stream(error))
        }
    }
}
