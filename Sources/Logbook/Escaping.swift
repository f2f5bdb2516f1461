// How bytes that strangers chose become part of a line: nothing ends it early, nothing moves the
// cursor of a terminal, nothing turns the direction of writing (security.md LG01).

public import Bytes

extension Buffer {
    /// Appends `text` as the inside of a JSON string; at most six bytes for each of its bytes.
    ///
    /// Valid UTF-8 stays, but `"` and `\`, control characters (C0, DEL, C1), line and paragraph
    /// separators and bidi controls become escapes. A byte that belongs to no valid UTF-8 becomes
    /// `\u00XX` with its own value.
    public func append(jsonEscaped text: borrowing Span<UInt8>) {
        var done = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte.isPlainText {
                index += 1
                continue
            }
            let scalar = text.scalar(at: index)
            if scalar.value > 0x7F && scalar.isValid && !isHidden(scalar.value) {
                index += scalar.length
                continue
            }
            append(text.extracting(done..<index))
            if byte == 0x22 || byte == 0x5C {
                append(0x5C as UInt8)
                append(byte)
            } else {
                append(literal: "\\u")
                append(hex: scalar.value, digits: 4)
            }
            index += scalar.length
            done = index
        }
        append(text.extracting(done..<text.count))
    }

    /// Appends `text` for the combined format, as nginx does: all but printable ASCII, and `"` and
    /// `\`, becomes `\xXX`; at most four bytes for each byte.
    ///
    /// - Parameter blanksToo: for a value that stands without quotes.
    func append(combinedEscaped text: borrowing Span<UInt8>, blanksToo: Bool = false) {
        var done = 0
        for index in 0..<text.count {
            let byte = text[index]
            if byte.isPlainText && !(blanksToo && byte == 0x20) { continue }
            append(text.extracting(done..<index))
            append(literal: "\\x")
            append(hex: UInt32(byte), digits: 2)
            done = index + 1
        }
        append(text.extracting(done..<text.count))
    }

    private func append(hex value: UInt32, digits: Int) {
        for position in (0..<digits).reversed() {
            let digit = UInt8(truncatingIfNeeded: value >> (UInt32(position) * 4) & 0xF)
            append(digit < 10 ? 0x30 + digit : 0x41 + digit - 10)
        }
    }
}

extension Buffer {
    /// Appends a literal. Says so, because a bare literal could be a `ByteString` as well.
    func append(literal text: StaticString) { append(text) }
}

extension UInt8 {
    /// Printable ASCII that means nothing in a quoted string.
    fileprivate var isPlainText: Bool { self &- 0x20 < 0x5F && self != 0x22 && self != 0x5C }
}

/// Whether a character does something to the reader's screen instead of showing on it: C1 controls
/// (NEL and CSI among them), U+2028 and U+2029, Unicode's Bidi_Control characters, and the byte
/// order mark, which some readers swallow.
private func isHidden(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x80...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
}

extension Span<UInt8> {
    /// The character that begins at `index`; a byte that begins none stands for itself.
    ///
    /// Valid is what RFC 3629 section 4 allows: shortest form, no surrogates, up to U+10FFFF.
    fileprivate func scalar(at index: Int) -> (value: UInt32, length: Int, isValid: Bool) {
        let first = self[index]
        let (length, lowest): (Int, UInt32) =
            switch first {
            case 0xC2...0xDF: (2, 0x80)
            case 0xE0...0xEF: (3, 0x800)
            case 0xF0...0xF4: (4, 0x10000)
            default: (1, 0)
            }
        let alone = (value: UInt32(first), length: 1, isValid: first < 0x80)
        guard length > 1, index + length <= count else { return alone }
        var value = UInt32(first) & (0x7F >> UInt32(length))
        for next in index + 1..<index + length {
            guard self[next] & 0xC0 == 0x80 else { return alone }
            value = value << 6 | UInt32(self[next] & 0x3F)
        }
        let isSurrogate = value >= 0xD800 && value <= 0xDFFF
        guard value >= lowest, value <= 0x10FFFF, !isSurrogate else { return alone }
        return (value, length, true)
    }

    /// How many of the first `limit` bytes to show: all, or fewer where a character would be cut.
    public func countToShow(atMost limit: Int) -> Int {
        guard count > limit else { return count }
        var end = limit
        while end > 0 && end > limit - 3 && self[end] & 0xC0 == 0x80 { end -= 1 }
        return self[end] & 0xC0 == 0x80 ? limit : end
    }
}
