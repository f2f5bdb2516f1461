public import Bytes

/// The loop's buffers, in four sizes. A connection borrows one while it has bytes in it and
/// returns it before it waits for more, so an idle connection holds none.
public final class BufferPool {
    /// Room for a whole number of TLS records of plaintext, sealed or not.
    public enum Size: Sendable {
        /// No record: a usual head, which stays until its exchange has ended, or less.
        case head
        /// One record: what is read first, small answers, the handshake, a peer that is slow.
        case small
        /// What is gathered for a peer that may be fast.
        case medium
        /// What is gathered for a peer that has shown to be fast.
        case large

        /// Bytes of plaintext that are moved at once.
        public var payload: Int {
            switch self {
            case .head: 2 * 1024
            case .small: 16 * 1024
            case .medium: 64 * 1024
            case .large: 512 * 1024
            }
        }

        /// Each record adds at most 64 bytes; chunked coding a few more.
        var capacity: Int { payload + payload / 256 + 256 }

        /// The smallest with so much payload; `nil`: none has.
        init?(holding byteCount: Int) {
            switch byteCount {
            case ...Size.head.payload: self = .head
            case ...Size.small.payload: self = .small
            case ...Size.medium.payload: self = .medium
            case ...Size.large.payload: self = .large
            default: return nil
            }
        }
    }

    private var heads = Shelf(limit: 256)
    private var small = Shelf(limit: 64)
    private var medium = Shelf(limit: 16)
    private var large = Shelf(limit: 4)
    /// Buffers that were taken and not given back.
    private(set) var lentCount = 0

    init() {}

    public func take(_ size: Size) -> Buffer {
        lentCount += 1
        let kept =
            switch size {
            case .head: heads.take()
            case .small: small.take()
            case .medium: medium.take()
            case .large: large.take()
            }
        return kept ?? Buffer(capacity: size.capacity)
    }

    /// A buffer for `byteCount` bytes, of the smallest size that holds them or, beyond the largest,
    /// a new one.
    public func take(holding byteCount: Int) -> Buffer {
        if let size = Size(holding: byteCount) { return take(size) }
        lentCount += 1
        return Buffer(capacity: byteCount)
    }

    /// Keeps a few of each size for the next taker, and frees the others.
    public func give(_ buffer: Buffer) {
        lentCount -= 1
        buffer.clear()
        switch buffer.capacity {
        case Size.head.capacity: heads.give(buffer)
        case Size.small.capacity: small.give(buffer)
        case Size.medium.capacity: medium.give(buffer)
        case Size.large.capacity: large.give(buffer)
        default: break
        }
    }

    /// Frees the buffers that nobody has needed since the last call. For now and then: a quiet loop
    /// then holds none, and a busy one those that it is busy with.
    func trim() {
        heads.trim()
        small.trim()
        medium.trim()
        large.trim()
    }

    /// Buffers that wait for a taker.
    var keptCount: Int { heads.count + small.count + medium.count + large.count }
}

/// Buffers of one size that wait for a taker; the last one given, whose memory is in the cache, is
/// the next one taken.
private struct Shelf {
    private let limit: Int
    private var buffers: [Buffer] = []
    /// How few there were at any moment since the last `trim`.
    private var fewest = 0

    init(limit: Int) { self.limit = limit }

    var count: Int { buffers.count }

    mutating func take() -> Buffer? {
        guard let kept = buffers.popLast() else { return nil }
        fewest = min(fewest, buffers.count)
        return kept
    }

    mutating func give(_ buffer: Buffer) {
        if buffers.count < limit { buffers.append(buffer) }
    }

    mutating func trim() {
        buffers.removeFirst(fewest)
        fewest = buffers.count
    }
}
