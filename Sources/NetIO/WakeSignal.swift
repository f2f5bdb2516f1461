import Glibc

/// Something that one thread waits for and another one raises, once. Callable from any thread.
public final class WakeSignal: Sendable {
    private let fd: Int32

    /// `nil` if there is no descriptor to be had.
    public init?() {
        guard let fd = try? SystemCalls.makeWakeup() else { return nil }
        self.fd = fd
    }

    deinit { close(fd) }

    /// Wakes who waits now or later.
    public func raise() { SystemCalls.raise(wakeup: fd) }

    /// - Returns: whether it was raised; false if the deadline has passed.
    public func wait(until deadline: Instant) -> Bool {
        SystemCalls.wait(forInput: fd, until: deadline)
    }
}
