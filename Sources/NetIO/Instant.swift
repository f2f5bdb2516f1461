/// A point on the monotonic clock, in nanoseconds since some fixed moment of this boot.
///
/// Everything that is awaited has one (`EventLoop` looks at them). The wall clock decides nothing.
public struct Instant: Sendable, Hashable, Comparable {
    public let nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// CLOCK_MONOTONIC at this moment. Loops have a cheaper one: `EventLoop.now`.
    public static var now: Instant { SystemCalls.now() }

    /// Later than every other.
    public static let never = Instant(nanoseconds: .max)

    @inlinable public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The instant `nanoseconds` later; `never` where that is beyond the clock's range.
    @inlinable public func advanced(by nanoseconds: Int64) -> Instant {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return overflow ? .never : Instant(nanoseconds: sum)
    }

    /// How many nanoseconds after `earlier` this is.
    @inlinable public func nanoseconds(since earlier: Instant) -> Int64 {
        nanoseconds &- earlier.nanoseconds
    }
}

/// Which length of time it was that ran out.
public enum TimeoutName: String, Sendable, CaseIterable {
    // Keys under `timeouts` of the configuration.
    case tlsHandshake = "tls_handshake"
    case requestHead = "request_head"
    case idle
    case stall
    case upstreamConnect = "upstream_connect"
    case upstreamResponse = "upstream_response"
    case manifestBody = "manifest_body"
    case upstreamCommit = "upstream_commit"
    case linger
    case drain
    // Not in the configuration, or elsewhere.
    case upstreamIdle = "upstream_idle"
    case lock
    case tagSearch = "tag_search"
    case blobSize = "blob_size"
    case login
    case connect
}

/// A length of time that something may take, and what it is called.
public struct Timeout: Sendable {
    public let name: TimeoutName
    public let nanoseconds: Int64

    public init(_ name: TimeoutName, nanoseconds: Int64) {
        self.name = name
        self.nanoseconds = nanoseconds
    }

    public func deadline(from now: Instant) -> Deadline {
        Deadline(name: name, instant: now.advanced(by: nanoseconds))
    }
}

/// The point in time at which waiting ends, and the name of the time-out it came from.
public struct Deadline: Sendable {
    public let name: TimeoutName
    public let instant: Instant

    public init(name: TimeoutName, instant: Instant) {
        self.name = name
        self.instant = instant
    }

    public func earlier(of other: Deadline) -> Deadline {
        other.instant < instant ? other : self
    }
}
