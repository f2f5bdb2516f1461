import NetIO

/// How long a body may wait for its two sides. Pure.
///
/// Each side has an account of its own: only the time in which it was waited for counts against it,
/// and only bytes that moved on its side count for it. So nobody pays for the other's slowness.
///
/// What was given to the kernel has moved, but says little of a slow client: megabytes wait there,
/// and there is room for more only when a good part of them is gone. So before time is over, what
/// has arrived counts.
struct TransferWatch {
    enum Side {
        case client, registry
    }

    private let timeout: Timeout
    /// How many bytes a side has to move for its time to begin anew, and how many of them have to
    /// arrive between the first glance and the end of the time.
    private let needed: Int
    private let neededBehindGlance: Int
    /// After how long it is worth a system call to see what has arrived at a side; nanoseconds.
    private let glance: Int64
    private var client = Account()
    private var registry = Account()

    private struct Account {
        /// Of the side, when its time began.
        var byteCount: Int?
        var waited: Int64 = 0
        /// What had arrived at the side when it was last looked at; `nil`: not looked at yet.
        var arrived: Int?
    }

    /// - Parameter rate: how many bytes per second a side must move on the average over the
    ///   time-out, while it is waited for; 0: a single byte within it will do.
    init(_ timeout: Timeout, bytesPerSecond rate: Int) {
        self.timeout = timeout
        glance = min(1_000_000_000, timeout.nanoseconds / 4)
        func bytes(in nanoseconds: Int64) -> Int {
            max(1, Int(Double(rate) * Double(nanoseconds) / 1e9))
        }
        needed = bytes(in: timeout.nanoseconds)
        neededBehindGlance = bytes(in: timeout.nanoseconds - glance)
    }

    /// Until when to wait for `side` before this is asked again. A deadline that is over is the end
    /// of the transfer.
    ///
    /// - Parameters:
    ///   - byteCount: what has moved on that side by now, counted from wherever.
    ///   - arrived: the same without what the kernel still holds. Asked of slow sides alone.
    mutating func deadline(
        for side: Side,
        _ byteCount: Int,
        at now: Instant,
        arrived: () -> Int
    ) -> Deadline {
        var account = self[side]
        if let begun = account.byteCount, byteCount - begun < needed {
            count(arrived, of: &account, byteCount)
        } else {
            account = Account(byteCount: byteCount)
        }
        self[side] = account
        let patience = account.arrived == nil ? glance : timeout.nanoseconds
        return Deadline(name: timeout.name, instant: now.advanced(by: patience - account.waited))
    }

    /// Lets a side's time begin anew when it is over and enough has arrived.
    private func count(_ arrived: () -> Int, of account: inout Account, _ byteCount: Int) {
        if let before = account.arrived {
            guard account.waited >= timeout.nanoseconds else { return }
            let count = arrived()
            if count - before >= neededBehindGlance {
                account = Account(byteCount: byteCount, arrived: count)
            }
        } else if account.waited >= glance {
            account.arrived = arrived()
        }
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
