internal import Bytes

/// What `Connection` says (RFC 9110 section 7.6.1): a list of tokens, some of them field names.
struct ConnectionOptions {
    private(set) var close = false
    private(set) var keepAlive = false
    private var count = 0

    /// Real clients send one or two. The work grows with options times lines.
    private static let limit = 32

    /// Reads every `Connection` line and marks the lines whose names it lists.
    init(reading fields: inout FieldSection, in bytes: Span<UInt8>) throws(WireError) {
        guard fields.contains(.connection) else { return }
        for index in fields.lines.indices where fields.lines[index].field == .connection {
            try take(fields.lines[index].value, marking: &fields, in: bytes)
        }
    }

    /// Empty list elements count for nothing (section 5.6.1.2).
    private mutating func take(
        _ value: Place,
        marking fields: inout FieldSection,
        in bytes: Span<UInt8>
    ) throws(WireError) {
        var start = value.range.lowerBound
        while start < value.range.upperBound {
            var end = start
            while end < value.range.upperBound, bytes[end] != UInt8(ascii: ",") { end += 1 }
            let element = bytes.extracting(start..<end).withoutOuterBlanks
            if !element.isEmpty { try take(element, marking: &fields, in: bytes) }
            start = end + 1
        }
    }

    private mutating func take(
        _ option: Span<UInt8>,
        marking fields: inout FieldSection,
        in bytes: Span<UInt8>
    ) throws(WireError) {
        count += 1
        guard count <= Self.limit, option.isToken else { throw .connectionMalformed }
        if option.equalsIgnoringCase("close") {
            close = true
        } else if option.equalsIgnoringCase("keep-alive") {
            keepAlive = true
        } else {
            switch FieldName(option) {
            case .host, .contentLength, .transferEncoding: throw .connectionNamesFraming
            default: fields.markConnectionNamed(option, in: bytes)
            }
        }
    }

    /// Whether the connection may be used again, as far as the head decides (RFC 9112 section 9.3).
    func persists(minorVersion: Int) -> Bool {
        !close && (minorVersion == 1 || keepAlive)
    }
}

extension Span<UInt8> {
    /// Without the blanks at both ends.
    fileprivate var withoutOuterBlanks: Span<UInt8> {
        @_lifetime(copy self) get {
            var start = 0
            var end = count
            while start < end, self[start].isBlank { start += 1 }
            while end > start, self[end - 1].isBlank { end -= 1 }
            return extracting(start..<end)
        }
    }

    fileprivate var isToken: Bool {
        for index in 0..<count where !ByteSet.token.contains(self[index]) { return false }
        return !isEmpty
    }
}
