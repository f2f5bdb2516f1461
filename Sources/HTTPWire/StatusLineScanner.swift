internal import Bytes

/// Reads a status line (RFC 9112 section 4): version SP three digits SP reason CRLF.
///
/// The second blank is required even where the reason is empty. No line is skipped before it, and
/// an answer without a status line (HTTP/0.9) breaks a rule at its first byte.
struct StatusLineScanner {
    private enum Phase { case version, space, digits, secondSpace, reason, lineFeed }

    /// The first byte not looked at yet.
    private(set) var position = 0
    private(set) var minorVersion = 0
    private(set) var status = 0
    private(set) var reason = Place.none
    private var phase = Phase.version
    private var version = VersionScanner()

    /// `HTTP/1.1 200 ` is 13 bytes; the reason comes behind.
    private static let reasonStart = 13

    /// Goes on with the same bytes and more. `true` when the line's CRLF is read.
    mutating func scan(_ bytes: Span<UInt8>, limits: HeadLimits) throws(WireError) -> Bool {
        let window = bytes.extracting(0..<min(bytes.count, limits.requestLine + 2))
        while position < window.count {
            let byte = window[position]
            switch phase {
            case .version: try takeVersion(byte)
            case .space: try takeSpace(byte, then: .digits)
            case .digits: try takeDigit(byte)
            case .secondSpace: try takeSpace(byte, then: .reason)
            case .reason: try scanReason(window)
            case .lineFeed:
                guard byte == .lineFeed else { throw .bareCarriageReturn }
                position += 1
                return true
            }
        }
        if position == limits.requestLine + 2 { throw .statusLineTooLong }
        return false
    }

    private mutating func takeVersion(_ byte: UInt8) throws(WireError) {
        if let minor = try version.take(byte) {
            minorVersion = minor
            phase = .space
        }
        position += 1
    }

    private mutating func takeSpace(_ byte: UInt8, then next: Phase) throws(WireError) {
        guard byte == .space else { throw .statusLineMalformed }
        position += 1
        phase = next
    }

    private mutating func takeDigit(_ byte: UInt8) throws(WireError) {
        guard byte.isASCIIDigit else { throw .statusLineMalformed }
        status = status * 10 + Int(byte & 0x0F)
        position += 1
        guard position == Self.reasonStart - 1 else { return }
        guard (100...599).contains(status) else { throw .statusOutOfRange }
        phase = .secondSpace
    }

    private mutating func scanReason(_ window: Span<UInt8>) throws(WireError) {
        var index = position
        while index < window.count, window[index].isFieldValueByte { index += 1 }
        position = index
        guard index < window.count else { return }
        if window[index] == .lineFeed { throw .bareLineFeed }
        guard window[index] == .carriageReturn else { throw .statusLineMalformed }
        reason = Place(Self.reasonStart, index)
        position += 1
        phase = .lineFeed
    }
}
