// Waiting for something outside the test process: a file, a process, a counter.

import Glibc

/// A condition did not come true in time.
public struct NeverCameTrue: Error, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}

/// Asks `condition` again and again until it gives a value; a failing machine ends it.
///
/// For conditions of other processes, which tell nobody when they change. Where there is something
/// to wait on (a socket, a pipe, a lock), wait on that.
public func eventually<Value>(
    _ what: String,
    within seconds: Double = 20,
    _ condition: () throws -> Value?
) throws -> Value {
    let start = monotonicSeconds()
    var pause: Int32 = 1
    while true {
        if let value = try condition() { return value }
        if monotonicSeconds() - start > seconds {
            throw NeverCameTrue(description: "not within \(seconds) s: \(what)")
        }
        _ = poll(nil, 0, pause)
        pause = min(pause * 2, 50)
    }
}

/// Seconds of a clock that nobody sets.
public func monotonicSeconds() -> Double {
    var now = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
