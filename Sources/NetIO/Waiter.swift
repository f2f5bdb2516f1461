/// The place where one task waits: for an event on any of its channels, or for a deadline.
///
/// A task owns one waiter and may point several channels at it (`Channel.waiter`), so that it can
/// watch both sides of an exchange at once without another task. A wake-up says only that something
/// may have changed: callers try first, wait, and try again.
///
/// Belongs to its loop's thread. Call `retire` when the task ends.
@safe public final class Waiter {
    public let loop: EventLoop
    /// When the current wait ends at the latest; `never` while nobody waits.
    private(set) var deadline = Instant.never
    /// Private for the same reason as `EventLoop.eventTime`.
    private var hasBeenCancelled = false
    var index = 0
    private var continuation: UnsafeContinuation<Void, Never>?
    /// Woken while nobody waited yet: between the last try and the wait there may be a turn of the
    /// loop, where the task does not prefer the loop as its executor.
    private var isWoken = false

    public init(on loop: EventLoop) {
        self.loop = loop
        loop.add(self)
    }

    /// Set once by `cancel`: whoever waits here should give up.
    public var isCancelled: Bool { hasBeenCancelled }

    public func retire() {
        precondition(unsafe continuation == nil)
        loop.remove(self)
    }

    /// Suspends until `wake`, at the latest at about `deadline` (up to 20 ms later).
    public func wait(until deadline: Instant) async {
        precondition(unsafe continuation == nil, "two tasks on one waiter")
        self.deadline = deadline
        loop.note(deadline)
        await unsafe withUnsafeContinuation { waiting in
            if isWoken || isCancelled {
                unsafe waiting.resume()
            } else {
                // SAFETY: resumed exactly once, by `wake`, which forgets it.
                unsafe continuation = waiting
            }
        }
        isWoken = false
        self.deadline = .never
    }

    /// Lets the waiting task go on, if there is one.
    public func wake() {
        guard let waiting = unsafe continuation else {
            isWoken = true
            return
        }
        unsafe continuation = nil
        unsafe waiting.resume()
    }

    /// Ends this wait and all later ones.
    public func cancel() {
        hasBeenCancelled = true
        wake()
    }
}

/// Wakes a waiter from any thread.
// SAFETY: the waiter is touched on its own loop's thread only.
@safe public final class RemoteWaker: @unchecked Sendable {
    private let waiter: Waiter
    private let loop: EventLoop

    fileprivate init(_ waiter: Waiter) {
        self.waiter = waiter
        loop = waiter.loop
    }

    /// The waiter is woken soon, on its loop. If it was retired meanwhile, nothing happens.
    public func wake() {
        Task(executorPreference: loop) { [self] in waiter.wake() }
    }
}

extension Waiter {
    /// For those who work on other threads.
    public var remote: RemoteWaker { RemoteWaker(self) }
}
