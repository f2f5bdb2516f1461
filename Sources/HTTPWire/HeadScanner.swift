internal import Bytes

/// Splits the field section of a head into lines (RFC 9112 section 5), however the bytes arrive.
///
/// A scan that runs out of bytes goes on where it stopped: what is passed is not looked at again. A
/// broken rule is found at the first byte that breaks it, not at the end of the head.
struct HeadScanner {
    private enum Phase { case lineStart, name, blanks, value, lineFeed, lastLineFeed }

    /// The first byte not looked at yet.
    private(set) var position: Int
    private let end: Int
    private let limits: HeadLimits
    private var phase = Phase.lineStart
    private var nameStart = 0
    private var nameEnd = 0
    private var valueStart = 0
    private var valueEnd = 0

    init(from position: Int, limits: HeadLimits) {
        self.position = position
        self.limits = limits
        end = position + limits.section + 2
    }

    /// Goes on with the same bytes and more. `true` when the empty line behind the fields is read.
    mutating func scan(
        _ bytes: Span<UInt8>,
        into fields: inout FieldSection
    ) throws(WireError) -> Bool {
        let window = bytes.extracting(0..<min(bytes.count, end))
        while position < window.count {
            switch phase {
            case .lineStart: try beginLine(window[position])
            case .name: try scanName(window)
            case .blanks: skipBlanks(window)
            case .value: try scanValue(window)
            case .lineFeed:
                try takeLineFeed(window[position])
                try finishLine(window, into: &fields)
            case .lastLineFeed:
                try takeLineFeed(window[position])
                return true
            }
        }
        if position == end { throw .sectionTooLong }
        return false
    }

    private mutating func beginLine(_ byte: UInt8) throws(WireError) {
        if byte.isBlank { throw .foldedLine }
        if byte == .carriageReturn {
            position += 1
            phase = .lastLineFeed
        } else {
            nameStart = position
            phase = .name
        }
    }

    private mutating func scanName(_ window: Span<UInt8>) throws(WireError) {
        var index = position
        while index < window.count, ByteSet.fieldName.contains(window[index]) { index += 1 }
        position = index
        if index - nameStart > limits.fieldName { throw .fieldNameTooLong }
        guard index < window.count else { return }
        guard window[index] == UInt8(ascii: ":") else { throw .inFieldName(window[index]) }
        if index == nameStart { throw .fieldNameEmpty }
        nameEnd = index
        position += 1
        phase = .blanks
    }

    private mutating func skipBlanks(_ window: Span<UInt8>) {
        var index = position
        while index < window.count, window[index].isBlank { index += 1 }
        position = index
        valueStart = index
        if index < window.count { phase = .value }
    }

    private mutating func scanValue(_ window: Span<UInt8>) throws(WireError) {
        var index = position
        while index + 16 <= window.count, window.areFieldValueBytes(index..<(index + 16)) {
            index += 16
        }
        while index < window.count, window[index].isFieldValueByte { index += 1 }
        position = index
        guard index < window.count else { return }
        guard window[index] == .carriageReturn else { throw .inFieldValue(window[index]) }
        while index > valueStart, window[index - 1].isBlank { index -= 1 }
        valueEnd = index
        position += 1
        phase = .lineFeed
    }

    private mutating func takeLineFeed(_ byte: UInt8) throws(WireError) {
        guard byte == .lineFeed else { throw .bareCarriageReturn }
        position += 1
    }

    private mutating func finishLine(
        _ window: Span<UInt8>,
        into fields: inout FieldSection
    ) throws(WireError) {
        if fields.lines.count == limits.fieldCount { throw .tooManyFields }
        let name = Place(nameStart, nameEnd)
        let field = FieldName(window.extracting(name))
        fields.append(FieldLine(name: name, value: Place(valueStart, valueEnd), field: field))
        phase = .lineStart
    }
}
