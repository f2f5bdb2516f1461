import Bytes

/// A JSON text as a value (RFC 8259), for the little JSON that tokens and their file consist of.
///
/// Strict: no member twice, no number but whole ones, no invalid UTF-8, at most eight levels deep.
enum JSONValue: Sendable, Equatable {
    case null
    case flag(Bool)
    case number(Int64)
    case string(ByteString)
    case array([JSONValue])
    case object([Member])

    struct Member: Sendable, Equatable {
        let name: ByteString
        let value: JSONValue
    }

    /// - Returns: `nil` if `text` is no such JSON, or something stands behind it.
    init?(parsing text: borrowing Span<UInt8>) {
        var reader = JSONReader(copy text)
        guard let value = reader.value(depth: 0), reader.isAtEnd() else { return nil }
        self = value
    }

    /// The member of this name; `nil` if this is no object or has none.
    subscript(name: ByteString) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    var text: ByteString? { if case .string(let text) = self { text } else { nil } }
    var integer: Int64? { if case .number(let number) = self { number } else { nil } }
    var elements: [JSONValue]? { if case .array(let values) = self { values } else { nil } }

    /// The texts of an array of strings; `nil` if it is anything else.
    var texts: [ByteString]? {
        guard let elements else { return nil }
        let texts = elements.compactMap(\.text)
        return texts.count == elements.count ? texts : nil
    }
}

private struct JSONReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var position = 0

    private static let deepest = 8
    /// Room that is made at once.
    private static let usualCount = 8

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    mutating func isAtEnd() -> Bool {
        skipBlanks()
        return position == bytes.count
    }

    mutating func value(depth: Int) -> JSONValue? {
        skipBlanks()
        guard depth <= Self.deepest, position < bytes.count else { return nil }
        switch bytes[position] {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "t"): return word("true") ? .flag(true) : nil
        case UInt8(ascii: "f"): return word("false") ? .flag(false) : nil
        case UInt8(ascii: "n"): return word("null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSONValue? {
        position += 1
        var members: [JSONValue.Member] = []
        members.reserveCapacity(Self.usualCount)
        if skip(UInt8(ascii: "}")) { return .object([]) }
        repeat {
            skipBlanks()
            guard let name = string(), skip(UInt8(ascii: ":")),
                let value = value(depth: depth + 1)
            else { return nil }
            let member = JSONValue.Member(name: name, value: value)
            if members.contains(where: { $0.name == member.name }) { return nil }
            members.append(member)
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "}")) ? .object(members) : nil
    }

    private mutating func array(depth: Int) -> JSONValue? {
        position += 1
        var values: [JSONValue] = []
        values.reserveCapacity(Self.usualCount)
        if skip(UInt8(ascii: "]")) { return .array([]) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            values.append(value)
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "]")) ? .array(values) : nil
    }

    private mutating func number() -> JSONValue? {
        let isNegative = bytes[position] == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let start = position
        while position < bytes.count, bytes[position].isASCIIDigit { position += 1 }
        let digits = bytes.extracting(start..<position)
        let hasLeadingZero = digits.count > 1 && digits[0] == UInt8(ascii: "0")
        guard !hasLeadingZero, let value = digits.decimalValue else { return nil }
        return .number(isNegative ? -Int64(value) : Int64(value))
    }

    private mutating func string() -> ByteString? {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
        position += 1
        let plain = plainText()
        guard position < bytes.count, (try? UTF8Span(validating: plain)) != nil else { return nil }
        if bytes[position] != UInt8(ascii: "\"") { return string(after: plain) }
        position += 1
        return ByteString(copying: plain)
    }

    /// The rest of a string that has escapes.
    private mutating func string(after beginning: Span<UInt8>) -> ByteString? {
        var text = ByteString(copying: beginning).bytes
        while position < bytes.count {
            position += 1
            switch bytes[position - 1] {
            case UInt8(ascii: "\""):
                return (try? UTF8Span(validating: text.span)) == nil ? nil : ByteString(text)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                text.append(contentsOf: String(scalar).utf8)
            default: return nil
            }
            text.append(copying: plainText())
        }
        return nil
    }

    /// Reads what stands for itself.
    @_lifetime(copy self)
    private mutating func plainText() -> Span<UInt8> {
        let start = position
        while position < bytes.count, !bytes[position].endsPlainText { position += 1 }
        return bytes.extracting(start..<position)
    }

    /// What stands behind a backslash.
    private mutating func escape() -> Unicode.Scalar? {
        guard position < bytes.count else { return nil }
        let kind = bytes[position]
        position += 1
        switch kind {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(kind)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return escapedScalar()
        default: return nil
        }
    }

    private mutating func escapedScalar() -> Unicode.Scalar? {
        guard let first = fourDigits() else { return nil }
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
        guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { return nil }
        position += 2
        guard let second = fourDigits(), (0xDC00..<0xE000).contains(second) else { return nil }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    }

    private mutating func fourDigits() -> UInt32? {
        guard position + 4 <= bytes.count else { return nil }
        var value: UInt32 = 0
        for index in position..<position + 4 {
            guard let digit = bytes[index].hexValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        position += 4
        return value
    }

    private mutating func word(_ word: StaticString) -> Bool {
        guard bytes.extracting(position..<bytes.count).starts(with: word) else { return false }
        position += word.utf8CodeUnitCount
        return true
    }

    /// Skips blanks and then `byte`, if it is there.
    private mutating func skip(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while position < bytes.count, bytes[position].isJSONBlank { position += 1 }
    }
}

extension UInt8 {
    fileprivate var isJSONBlank: Bool {
        self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D
    }

    /// What cannot stand in a string as it is: its end, a backslash, a control byte.
    fileprivate var endsPlainText: Bool {
        self == UInt8(ascii: "\"") || self == UInt8(ascii: "\\") || self < 0x20
    }
}
