import Dispatch
import Synchronization

/// A place where a thread stops until the test lets it go on.
final class Gate: Sendable {
    private let reached = DispatchSemaphore(value: 0)
    private let opened = DispatchSemaphore(value: 0)
    private let finished = DispatchSemaphore(value: 0)

    func pass() {
        reached.signal()
        opened.wait()
    }

    func waitUntilReached() { reached.wait() }
    func open() { opened.signal() }
    func finish() { finished.signal() }
    func waitUntilFinished() { finished.wait() }
}

final class Counter: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .acquiring) }
    func add() { number.wrappingAdd(1, ordering: .releasing) }
}
