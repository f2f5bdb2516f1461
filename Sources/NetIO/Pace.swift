/// Decides how much is gathered for one send: little for a slow peer, so that a thousand of them
/// cost little memory; much for a fast one, because large sends cost less CPU per byte. Pure.
struct Pace {
    private(set) var size = BufferPool.Size.small

    /// Since the last wait that was too long, or else the first send.
    private var sentByteCount = 0
    private var begun = Instant.never

    /// A peer that has taken this much, and kept nobody waiting, is fast.
    static let trialByteCount = 4 * 1024 * 1024
    /// Before it has taken this much, larger blocks would only wait for the connection to warm up.
    static let warmingByteCount = 64 * 1024
    /// Where this much waits in the kernel, a peer that has not shown to be fast may be slow.
    static let crowdedByteCount = 512 * 1024
    /// A block that needs longer than this to leave was too large.
    static let patience: Int64 = 100_000_000

    /// A block is about to be sent.
    mutating func begin(at now: Instant) { begun = now }

    /// Some of the block went.
    mutating func sent(_ byteCount: Int, at now: Instant) {
        sentByteCount += byteCount
        if begun != .never, now.nanoseconds(since: begun) > Self.patience {
            sentByteCount = 0
            size = .small
        }
    }

    /// Another block is about to be gathered.
    ///
    /// - Parameter queuedByteCount: what the kernel holds of what was sent. What it has swallowed
    ///   says nothing about the reader. Not asked about a fast peer.
    mutating func review(_ queuedByteCount: @autoclosure () -> Int) {
        guard size != .large else { return }
        let queued = queuedByteCount()
        let taken = sentByteCount - queued
        if taken >= Self.trialByteCount {
            size = .large
        } else if taken >= Self.warmingByteCount, queued < Self.crowdedByteCount {
            size = .medium
        } else {
            size = .small
        }
    }
}
