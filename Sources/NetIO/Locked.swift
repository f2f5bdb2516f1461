import Glibc

// A value behind a lock; an unsafe room (pthread).

/// A value that several threads may change, one at a time.
///
/// `Synchronization.Mutex` would do, but on Linux the thread sanitizer does not see what it orders
/// and reports races in correct programs; and under contention it spins long (swift issue 88440).
// SAFETY: the value is touched under the mutex only, which is made for several threads and lives as
// long as `self`.
@safe public final class Locked<Value: Sendable>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    public init(_ value: Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Not to be nested; `body` must be short and wait for nothing.
    public func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
