import CLinux
import Glibc

/// The process's signals, taken in order by one thread instead of interrupting any.
///
/// Make it on the main thread before any other thread starts: those inherit the blocked signals.
@safe public final class SignalQueue: Sendable {
    private let descriptor: Int32
    private let wakeup: Int32

    public enum Event: Sendable, Equatable {
        /// The signal of this number was sent to the process.
        case signal(Int32)
        /// `wake` was called.
        case woken
        case timedOut
    }

    /// Blocks `signals` for this thread and all that it starts, and SIGPIPE for good.
    public init(_ signals: [Int32]) throws(SystemError) {
        _ = Glibc.signal(SIGPIPE, SIG_IGN)
        var set = sigset_t()
        // SAFETY: both calls work on `set`, which outlives them.
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = unsafe make_signal_descriptor(&set)
        guard descriptor >= 0 else { throw SystemError(call: "signalfd", code: errno) }
        wakeup = try SystemCalls.makeWakeup()
    }

    /// Ends a `wait`. Callable from any thread.
    public func wake() { SystemCalls.raise(wakeup: wakeup) }

    /// Blocks the calling thread until something comes.
    /// - Parameter milliseconds: at most this long; negative: without end.
    public func wait(milliseconds: Int32 = -1) -> Event {
        while true {
            var polled = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
            ]
            // SAFETY: poll fills the two elements of the array during the call.
            let count = unsafe poll(&polled, 2, milliseconds)
            if count == 0 { return .timedOut }
            if polled[0].revents != 0, let signal = takeSignal() { return .signal(signal) }
            if polled[1].revents != 0 {
                SystemCalls.clear(wakeup: wakeup)
                return .woken
            }
        }
    }

    private func takeSignal() -> Int32? {
        let signal = take_signal(descriptor)
        return signal > 0 ? signal : nil
    }
}
