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
            let deadline = timeouts.lock.deadline(from: now)
            let refusal = Refusal.unavailable("others are changing the same tags", retryAfter: 5)
            try await awaitOthers({ ticket.isGranted }, until: deadline, orElse: refusal)
            // Nobody over there wakes this one.
            while !locks.isGrantedEverywhere(ticket) {
                let next = now.advanced(by: Self.neighbourPause)
                guard next < deadline.instant else { throw .refused(refusal) }
                let pause = Deadline(name: deadline.name, instant: next)
                try await awaitOthers({ false }, until: pause, orElse: nil)
            }
        }
    }

    /// How often another process is asked for its lock; nanoseconds.
    private static let neighbourPause: Int64 = 10_000_000

    /// Lets others go on. As soon as the registry has answered: a client may take long to read.
    func releaseLocks() {
        for ticket in heldLocks { services.shared.locks.release(ticket) }
        heldLocks = []
    }

    /// Waits for what other exchanges or threads do, who wake this task's waiter. A client that
    /// leaves meanwhile ends the wait.
    ///
    /// - Parameter refusal: what the client gets if it takes too long; `nil`: that is no failure.
    func awaitOthers(
        _ isDone: () -> Bool,
        until deadline: Deadline,
        orElse refusal: @autoclosure () -> Refusal?
    ) async throws(Interruption) {
        while !isDone() {
            if downstream.isAbandonedByPeer { throw .downstream(.stream(.ended)) }
            do throws(StreamError) {
                try await downstream.pause(until: deadline)
            } catch .timedOut {
                guard let refusal = refusal() else { return }
                throw .refused(refusal)
            } catch {
                throw .downstream(.stream(error))
            }
        }
    }
}
