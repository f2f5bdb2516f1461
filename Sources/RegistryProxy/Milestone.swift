import NetIO
import Synchronization

/// A point that other threads reach, waited for by the thread that takes the signals.
final class Milestone: Sendable {
    private let signals: SignalQueue
    private let isReached = Atomic<Bool>(false)

    init(among signals: SignalQueue) { self.signals = signals }

    /// Callable from any thread.
    func reach() {
        isReached.store(true, ordering: .releasing)
        signals.wake()
    }

    /// Waits until it is reached. Wake-ups for other reasons change nothing, and neither do signals
    /// but the `impatient` ones, which end the wait.
    ///
    /// - Returns: whether it is reached.
    func wait(within nanoseconds: Int64, unless impatient: Set<Int32> = []) -> Bool {
        let deadline = Instant.now.advanced(by: nanoseconds)
        while !isReached.load(ordering: .acquiring) {
            let left = deadline.nanoseconds(since: .now)
            guard left > 0 else { return false }
            // Rounded up: a wait of nothing would be no wait.
            let event = signals.wait(milliseconds: Int32(clamping: left / 1_000_000 + 1))
            if case .signal(let number) = event, impatient.contains(number) { return false }
        }
        return true
    }
}
