public import Bytes

/// Reads a body in the chunked coding (RFC 9112 section 7.1), piece by piece.
///
/// Knows no buffer: it is handed bytes and a position and moves the position on. What it has passed
/// is never needed again, so the caller may throw it away between two calls. The trailer section is
/// checked like a field section and dropped, as are chunk extensions.
public struct ChunkedDecoder: Sendable {
    /// What the next bytes are.
    public enum Step: Sendable, Equatable {
        /// Content, not empty: a whole chunk or a part of one. The position is behind it.
        case data(Place)
        /// All bytes are used up and the body goes on.
        case needMore
        /// The body is complete. What is behind the position belongs to the next message.
        case end
    }

    private enum Phase {
        case sizeStart, size, chunkExtension, sizeLineFeed
        case data, dataReturn, dataLineFeed
        case trailer, done
    }

    private var phase = Phase.sizeStart
    private var remaining = 0
    /// Of the chunk that is being read, or was read last; 0 before the first.
    public private(set) var chunkByteCount = 0
    private var digits = 0
    private var chunkExtension = ChunkExtension()
    private var trailer = TrailerScanner()

    /// Leading zeros count. 15 digits are far beyond any blob, and below any overflow.
    private static let mostDigits = 15

    /// A decoder for one body, at its first byte.
    public init() {}

    /// Reads from `position` on, and moves it on.
    ///
    /// After `end` every further call is `end` again and moves nothing. After an error the
    /// connection is of no use.
    /// - Parameter position: at most `bytes.count`; `needMore` leaves it there.
    public mutating func next(
        _ bytes: Span<UInt8>,
        from position: inout Int
    ) throws(WireError) -> Step {
        while phase != .done {
            guard position < bytes.count else { return .needMore }
            if phase == .data { return .data(takeData(bytes.count, from: &position)) }
            try take(bytes[position])
            position += 1
        }
        return .end
    }

    /// How much content of the current chunk comes next; 0 where framing does.
    public var remainingContent: Int { phase == .data ? remaining : 0 }

    /// Takes note of content that was read from the stream without the decoder.
    /// - Precondition: not more than `remainingContent`.
    public mutating func passContent(_ byteCount: Int) {
        precondition(byteCount <= remainingContent, "that is no content")
        remaining -= byteCount
        if phase == .data, remaining == 0 { phase = .dataReturn }
    }

    private mutating func takeData(_ available: Int, from position: inout Int) -> Place {
        let place = Place(position, min(available, position + remaining))
        passContent(place.count)
        position += place.count
        return place
    }

    private mutating func take(_ byte: UInt8) throws(WireError) {
        switch phase {
        case .sizeStart, .size: try takeSize(byte)
        case .chunkExtension:
            if try chunkExtension.take(byte) { phase = .sizeLineFeed }
        case .sizeLineFeed:
            guard byte == .lineFeed else { throw .bareCarriageReturn }
            try chunkExtension.finishChunk(byteCount: remaining)
            chunkByteCount = remaining
            phase = remaining == 0 ? .trailer : .data
        case .dataReturn:
            guard byte == .carriageReturn else { throw .chunkUnterminated }
            phase = .dataLineFeed
        case .dataLineFeed:
            guard byte == .lineFeed else { throw .chunkUnterminated }
            digits = 0
            phase = .sizeStart
        case .trailer:
            if try trailer.take(byte) { phase = .done }
        case .data, .done: break
        }
    }

    /// `chunk-size`: hexadecimal digits. No sign, no prefix, no blank before or behind.
    private mutating func takeSize(_ byte: UInt8) throws(WireError) {
        if let value = byte.hexValue {
            digits += 1
            if digits > Self.mostDigits { throw .chunkSizeTooLarge }
            remaining = remaining << 4 | Int(value)
            phase = .size
        } else if byte == .lineFeed {
            throw .bareLineFeed
        } else if phase == .sizeStart {
            throw .chunkSizeMalformed
        } else if byte == .carriageReturn {
            phase = .sizeLineFeed
        } else if byte == UInt8(ascii: ";") {
            chunkExtension.begin()
            phase = .chunkExtension
        } else {
            throw .chunkSizeMalformed
        }
    }
}
