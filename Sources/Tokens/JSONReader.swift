import Bytes

/// Reads a JSON text (RFC 8259) from its beginning to its end, one step after the other, and makes
/// nothing of what it is not asked for.
///
/// Strict as `JSONValue` is. What is not as it was asked for breaks the reader: from then on it
/// gives nothing more, and is never at its end. So whoever reads may ask once, at the end.
struct JSONReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var position = 0
    /// Whether the first member or element comes next.
    private var isBeforeFirst = false
    private(set) var isBroken = false

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) {
        self.bytes = bytes
        // Once for all strings: they end at ASCII characters, so each is whole if the text is.
        isBroken = (try? UTF8Span(validating: bytes)) == nil
    }

    /// Whether all was read.
    mutating func isAtEnd() -> Bool {
        skipBlanks()
        return !isBroken && position == bytes.count
    }

    mutating func fail() { isBroken = true }

    // MARK: Objects and arrays

    mutating func enterObject() -> Bool { enter(UInt8(ascii: "{")) }
    mutating func enterArray() -> Bool { enter(UInt8(ascii: "[")) }

    /// Whether another member comes, of the object that was entered last and is not at its end.
    mutating func hasMember() -> Bool { hasNext(before: UInt8(ascii: "}")) }
    /// Whether another element comes, of the array that was entered last and is not at its end.
    mutating func hasElement() -> Bool { hasNext(before: UInt8(ascii: "]")) }

    /// The name of the next member, which has no escapes; its value comes next. `nil` at the end of
    /// the object.
    @_lifetime(copy self)
    mutating func memberName() -> Span<UInt8>? {
        guard hasMember(), let name = plainText() else { return nil }
        guard skip(UInt8(ascii: ":")) else {
            fail()
            return nil
        }
        return name
    }

    private mutating func enter(_ bracket: UInt8) -> Bool {
        isBeforeFirst = true
        return expect(skip(bracket))
    }

    private mutating func hasNext(before bracket: UInt8) -> Bool {
        guard !isBroken else { return false }
        let isFirst = isBeforeFirst
        isBeforeFirst = false
        if skip(bracket) { return false }
        return isFirst || expect(skip(UInt8(ascii: ",")))
    }

    // MARK: Values

    /// The byte that the next value begins with; zero where there is none.
    var next: UInt8 {
        mutating get {
            skipBlanks()
            return isBroken || position == bytes.count ? 0 : bytes[position]
        }
    }

    mutating func integer() -> Int64? {
        let isNegative = next == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let start = position
        while position < bytes.count, bytes[position].isASCIIDigit { position += 1 }
        let digits = bytes.extracting(start..<position)
        let hasLeadingZero = digits.count > 1 && digits[0] == UInt8(ascii: "0")
        guard !isBroken, !hasLeadingZero, let value = digits.decimalValue else {
            fail()
            return nil
        }
        return isNegative ? -Int64(value) : Int64(value)
    }

    mutating func word(_ word: StaticString) -> Bool {
        guard expect(bytes.extracting(position...).starts(with: word)) else { return false }
        position += word.utf8CodeUnitCount
        return true
    }

    /// A string without escapes, where it stands.
    @_lifetime(copy self)
    mutating func plainText() -> Span<UInt8>? {
        let text = beginText()
        guard expect(skipExactly(UInt8(ascii: "\""))) else { return nil }
        return text
    }

    /// A string.
    mutating func text() -> ByteString? {
        let beginning = beginText()
        if isBroken { return nil }
        if skipExactly(UInt8(ascii: "\"")) { return ByteString(copying: beginning) }
        guard let text = text(after: beginning) else {
            fail()
            return nil
        }
        return text
    }

    /// Reads what stands for itself at the beginning of a string.
    @_lifetime(copy self)
    private mutating func beginText() -> Span<UInt8> {
        guard expect(skip(UInt8(ascii: "\""))) else { return bytes.extracting(0..<0) }
        return plainBytes()
    }

    /// The rest of a string that has escapes.
    private mutating func text(after beginning: Span<UInt8>) -> ByteString? {
        var text = ByteString(copying: beginning).bytes
        while position < bytes.count {
            position += 1
            switch bytes[position - 1] {
            case UInt8(ascii: "\""): return ByteString(text)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                text.append(contentsOf: String(scalar).utf8)
            default: return nil
            }
            text.append(copying: plainBytes())
        }
        return nil
    }

    /// Reads what stands for itself.
    @_lifetime(copy self)
    private mutating func plainBytes() -> Span<UInt8> {
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

    // MARK: Values as they stand

    /// Where the next value begins.
    mutating func mark() -> Int {
        skipBlanks()
        return position
    }

    /// What was read from there on, as it stands.
    func source(since mark: Int) -> [UInt8] {
        ByteString(copying: bytes.extracting(mark..<position)).bytes
    }

    /// Skips blanks and then a value of that text, if it is there.
    ///
    /// - Parameter value: a whole object, array or string.
    mutating func skip(_ value: [UInt8]) -> Bool {
        skipBlanks()
        let end = position + value.count
        guard !isBroken, end <= bytes.count,
            bytes.extracting(position..<end).elementsEqual(value.span)
        else { return false }
        position = end
        return true
    }

    // MARK: Bytes

    /// Skips blanks and then `byte`, if it is there.
    mutating func skip(_ byte: UInt8) -> Bool {
        skipBlanks()
        return skipExactly(byte)
    }

    private mutating func skipExactly(_ byte: UInt8) -> Bool {
        guard !isBroken, position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while position < bytes.count, bytes[position].isJSONBlank { position += 1 }
    }

    private mutating func expect(_ isThere: Bool) -> Bool {
        if !isThere { fail() }
        return isThere && !isBroken
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
