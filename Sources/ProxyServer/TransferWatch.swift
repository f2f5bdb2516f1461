import NetIO

/// How long a body may wait for its two sides. Pure.
///
/// Each side has an account of its own: only the time in which it was waited for counts against it,
/// and only bytes that moved on its side count for it. So nobody pays for the other's slowness.
struct TransferWatch {
    enum Side {
        case client, registry
    }

    private let timeout: Timeout
    /// How many bytes a side has to move for its time to begin anew.
    private let needed: Int
    private var client = Account()
    private var registry = Account()

    private struct Account {
        /// Of the side, when its time began.
        var byteCount: Int?
        var waited: Int64 = 0
    }

    /// - Parameter rate: how many bytes per second a side must move on the average over the
    ///   time-out, while it is waited for; 0: a single byte within it will do.
    init(_ timeout: Timeout, bytesPerSecond rate: Int) {
        self.timeout = timeout
        needed = max(1, Int(Double(rate) * Double(timeout.nanoseconds) / 1e9))
    }

    /// Until when `side` may be waited for.
    ///
    /// - Parameter byteCount: what has moved on that side by now, counted from wherever.
    mutating func deadline(for side: Side, _ byteCount: Int, at now: Instant) -> Deadline {
        var account = self[side]
        if let begun = account.byteCount, byteCount - begun < needed {
            return Deadline(
                name: timeout.name,
                instant: now.advanced(by: timeout.nanoseconds - account.waited)
            )
        }
        account = Account(byteCount: byteCount)
        self[side] = account
        return timeout.deadline(from: now)
    }

    /// `side` was waited for.
    mutating func note(waitFor side: Side, _ nanoseconds: Int64) {
        self[side].waited += nanoseconds
    }

    private subscript(side: Side) -> Account {
        get { side == .client ? client : registry }
        set { if side == .client { client = newValue } else { registry = newValue } }
    }
}
