internal import Bytes

/// Checks chunk extensions (RFC 9112 section 7.1.1) and forgets them.
///
/// The blanks that the grammar tolerates around `;` and `=` are refused: no client sends them, and
/// programs disagree about them.
struct ChunkExtension {
    private enum Phase { case nameStart, name, valueStart, value, quoted, escaped, quotedEnd }

    private var phase = Phase.nameStart
    private var byteCount = 0
    private var excess = 0

    /// Of one chunk's extensions.
    private static let longest = 256
    /// Of the whole body, beyond what its content pays for: 16 bytes per chunk and two per byte.
    /// Without it a sender could make a gigabyte of extensions of a few bytes of content
    /// (CVE-2023-39326).
    private static let mostExcess = 16 * 1024

    /// Begins behind a `;`.
    mutating func begin() {
        phase = .nameStart
        byteCount = 1
    }

    /// - Returns: `true` at the CR behind the last extension.
    mutating func take(_ byte: UInt8) throws(WireError) -> Bool {
        byteCount += 1
        if byteCount > Self.longest { throw .chunkExtensionTooLong }
        if byte == .lineFeed { throw .bareLineFeed }
        switch phase {
        case .name, .value, .quotedEnd:
            if byte == .carriageReturn { return true }
            phase = try next(byte)
        case .nameStart, .valueStart, .quoted, .escaped:
            phase = try next(byte)
        }
        return false
    }

    private func next(_ byte: UInt8) throws(WireError) -> Phase {
        let isToken = ByteSet.token.contains(byte)
        let semicolon = UInt8(ascii: ";")
        let quote = UInt8(ascii: "\"")
        switch phase {
        case .nameStart where isToken, .name where isToken: return .name
        case .name where byte == UInt8(ascii: "="): return .valueStart
        case .valueStart where isToken, .value where isToken: return .value
        case .valueStart where byte == quote: return .quoted
        case .name where byte == semicolon, .value where byte == semicolon,
            .quotedEnd where byte == semicolon:
            return .nameStart
        case .quoted where byte == quote: return .quotedEnd
        case .quoted where byte == UInt8(ascii: "\\"): return .escaped
        case .quoted where byte.isFieldValueByte, .escaped where byte.isFieldValueByte:
            return .quoted
        case .nameStart, .name, .valueStart, .value, .quoted, .escaped, .quotedEnd:
            throw .chunkExtensionMalformed
        }
    }

    /// Weighs the extensions of a chunk against its content.
    mutating func finishChunk(byteCount content: Int) throws(WireError) {
        excess = max(0, excess + byteCount - 16 - 2 * content)
        byteCount = 0
        if excess > Self.mostExcess { throw .chunkExtensionTooLong }
    }
}
