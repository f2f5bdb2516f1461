/// Decides how much is gathered for one send: little for a slow peer, so that a thousand of them
/// cost little memory; much for a fast one, because large sends cost less CPU per byte. Pure.
struct Pace {
    private(set) var size = BufferPool.Size.medium

    private var fastByteCount = 0
    private var begun = Instant.never

    /// A peer's socket and ours can swallow this much at once without anybody reading it.
    static let trialByteCount = 4 * 1024 * 1024
    /// A block that needs longer than this to leave was too large.
    static let patience: Int64 = 100_000_000

    /// A block is about to be sent.
    mutating func begin(at now: Instant) { begun = now }

    /// Some of the block went; `isDone` when it was the last of it.
    mutating func sent(_ byteCount: Int, isDone: Bool, at now: Instant) {
        fastByteCount += byteCount
        if begun != .never, now.nanoseconds(since: begun) > Self.patience {
            fastByteCount = 0
            size = .medium
        } else if isDone, fastByteCount >= Self.trialByteCount {
            size = .large
        }
    }
}
