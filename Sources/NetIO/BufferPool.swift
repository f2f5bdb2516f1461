public import Bytes

/// The loop's buffers, in three sizes. A connection borrows one while it has bytes in it and
/// returns it before it waits for more, so an idle connection holds none.
public final class BufferPool {
    /// Room for a whole number of TLS records of plaintext, sealed or not.
    public enum Size: Sendable {
        /// One record: heads, small answers, the handshake.
        case small
        /// What is gathered for a peer that may be slow.
        case medium
        /// What is gathered for a peer that has shown to be fast.
        case large

        /// Bytes of plaintext that are moved at once.
        public var payload: Int {
            switch self {
            case .small: 16 * 1024
            case .medium: 64 * 1024
            case .large: 512 * 1024
            }
        }

        /// Each record adds at most 64 bytes; chunked coding a few more.
        var capacity: Int { payload + payload / 256 + 256 }
    }

    private var small: [Buffer] = []
    private var medium: [Buffer] = []
    private var large: [Buffer] = []
    /// Buffers that were taken and not given back.
    private(set) var lentCount = 0

    init() {}

    public func take(_ size: Size) -> Buffer {
        lentCount += 1
        return switch size {
        case .small: small.popLast() ?? Buffer(capacity: size.capacity)
        case .medium: medium.popLast() ?? Buffer(capacity: size.capacity)
        case .large: large.popLast() ?? Buffer(capacity: size.capacity)
        }
    }

    /// A buffer for `byteCount` bytes, of the smallest size that holds them or, beyond the largest,
    /// a new one.
    public func take(holding byteCount: Int) -> Buffer {
        if byteCount <= Size.small.payload { return take(.small) }
        if byteCount <= Size.medium.payload { return take(.medium) }
        if byteCount <= Size.large.payload { return take(.large) }
        lentCount += 1
        return Buffer(capacity: byteCount)
    }

    /// Keeps a few of each size for the next taker, and frees the others.
    public func give(_ buffer: Buffer) {
        lentCount -= 1
        buffer.clear()
        switch buffer.capacity {
        case Size.small.capacity where small.count < 64: small.append(buffer)
        case Size.medium.capacity where medium.count < 16: medium.append(buffer)
        case Size.large.capacity where large.count < 4: large.append(buffer)
        default: break
        }
    }
}
