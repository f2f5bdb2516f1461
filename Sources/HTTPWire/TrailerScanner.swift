internal import Bytes

/// Checks a trailer section (RFC 9112 section 7.1.2) byte by byte and forgets it.
///
/// The grammar is that of a field section. No trailer field is passed on or obeyed, so a
/// `Content-Length` in it can do no harm.
struct TrailerScanner {
    private enum Phase { case lineStart, name, value, lineFeed, lastLineFeed }

    private var phase = Phase.lineStart
    private var byteCount = 0
    private var nameByteCount = 0

    /// The whole section.
    private static let longest = 8192
    private static let longestName = HeadLimits().fieldName

    /// - Returns: `true` at the last byte of the section.
    mutating func take(_ byte: UInt8) throws(WireError) -> Bool {
        byteCount += 1
        if byteCount > Self.longest { throw .trailerTooLong }
        switch phase {
        case .lineStart:
            if byte.isBlank { throw .foldedLine }
            nameByteCount = 0
            if byte == .carriageReturn {
                phase = .lastLineFeed
            } else {
                phase = .name
                try takeName(byte)
            }
        case .name: try takeName(byte)
        case .value:
            if byte.isFieldValueByte { return false }
            guard byte == .carriageReturn else { throw .inFieldValue(byte) }
            phase = .lineFeed
        case .lineFeed, .lastLineFeed:
            guard byte == .lineFeed else { throw .bareCarriageReturn }
            if phase == .lastLineFeed { return true }
            phase = .lineStart
        }
        return false
    }

    private mutating func takeName(_ byte: UInt8) throws(WireError) {
        if ByteSet.fieldName.contains(byte) {
            nameByteCount += 1
            if nameByteCount > Self.longestName { throw .fieldNameTooLong }
            return
        }
        guard byte == UInt8(ascii: ":") else { throw .inFieldName(byte) }
        if nameByteCount == 0 { throw .fieldNameEmpty }
        phase = .value
    }
}
