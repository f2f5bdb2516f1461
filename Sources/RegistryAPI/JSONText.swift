import Bytes

extension [UInt8] {
    /// Appends text that is JSON already.
    mutating func append(json text: StaticString) {
        append(contentsOf: text.description.utf8)
    }

    /// Appends `text` as a JSON string with its quotes (RFC 8259 section 7).
    ///
    /// Control characters, also DEL and U+0080 to U+009F, are escaped, so that no terminal obeys
    /// them; each byte that is not part of valid UTF-8 becomes U+FFFD.
    mutating func append(jsonString text: borrowing Span<UInt8>) {
        append(UInt8(ascii: "\""))
        var index = 0
        while index < text.count {
            let byte = text[index]
            let length = text.lengthOfScalar(at: index)
            switch (byte, length) {
            case (UInt8(ascii: "\""), _), (UInt8(ascii: "\\"), _):
                append(UInt8(ascii: "\\"))
                append(byte)
            case (0..<0x20, _), (0x7F, _):
                append(escapedControl: byte)
            case (0xC2, 2) where text[index + 1] < 0xA0:
                append(escapedControl: text[index + 1])
            case (_, 0):
                append(json: "\\ufffd")
            default:
                for offset in 0..<length { append(text[index + offset]) }
            }
            index += Swift.max(length, 1)
        }
        append(UInt8(ascii: "\""))
    }

    private mutating func append(escapedControl byte: UInt8) {
        append(json: "\\u00")
        self += byte.hexadecimalDigits
    }
}

extension Span<UInt8> {
    /// How many bytes the scalar at `index` takes: 1 to 4, or 0 if the bytes are no valid UTF-8
    /// (Unicode, table 3-7: no surrogates, nothing over U+10FFFF, no longer form than needed).
    func lengthOfScalar(at index: Int) -> Int {
        let lead = self[index]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if lead == 0xE0 { second = 0xA0...0xBF }
            if lead == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            length = 4
            if lead == 0xF0 { second = 0x90...0xBF }
            if lead == 0xF4 { second = 0x80...0x8F }
        default: return 0
        }
        guard index + length <= count, second.contains(self[index + 1]) else { return 0 }
        for offset in 2..<Swift.max(length, 2) where self[index + offset] & 0xC0 != 0x80 {
            return 0
        }
        return length
    }
}
