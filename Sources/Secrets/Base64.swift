import Bytes

// Base64 (RFC 4648 section 4), strictly: one text for one value. Foundation's decoder takes surplus
// padding and trailing bits that are not zero.

extension SecretBuffer {
    /// Decodes `text` into the emptied buffer: whole groups of four, `=` only as padding, the bits
    /// that padding leaves over zero, nothing else.
    ///
    /// - Returns: `false`, and nothing filled, if `text` breaks a rule or does not fit.
    public func fill(base64 text: borrowing Span<UInt8>) -> Bool {
        wipe()
        let done = decode(text)
        if !done { wipe() }
        return done
    }

    private func decode(_ text: borrowing Span<UInt8>) -> Bool {
        let text = copy text
        guard text.count % 4 == 0 else { return false }
        guard !text.isEmpty else { return true }
        let last = text.count - 4
        guard last / 4 * 3 <= capacity else { return false }
        for start in stride(from: 0, to: last, by: 4) {
            guard let group = group(text.extracting(start..<(start + 4)), digits: 4) else {
                return false
            }
            append(group, byteCount: 3)
        }
        return decodeLastGroup(text.extracting(last..<text.count))
    }

    private func decodeLastGroup(_ text: Span<UInt8>) -> Bool {
        let pad = UInt8(ascii: "=")
        let byteCount = text[3] != pad ? 3 : text[2] != pad ? 2 : 1
        guard let group = group(text, digits: byteCount + 1),
            group & (0xFF_FFFF >> UInt32(8 * byteCount)) == 0,
            count + byteCount <= capacity
        else { return false }
        append(group, byteCount: byteCount)
        return true
    }

    /// The 24 bits of up to four digits, filled up with zeros.
    @inline(__always) private func group(_ text: Span<UInt8>, digits: Int) -> UInt32? {
        var group: UInt32 = 0
        for index in 0..<digits {
            guard let value = text[index].base64Value else { return nil }
            group |= value << UInt32(18 - 6 * index)
        }
        return group
    }

    @inline(__always) private func append(_ group: UInt32, byteCount: Int) {
        for index in 0..<byteCount {
            append(UInt8(truncatingIfNeeded: group >> UInt32(16 - 8 * index)))
        }
    }
}

extension UInt8 {
    @inline(__always) fileprivate var base64Value: UInt32? {
        if isASCIIUppercase { return UInt32(self &- 0x41) }
        if isASCIILowercase { return UInt32(self &- 0x61) + 26 }
        if isASCIIDigit { return UInt32(self &- 0x30) + 52 }
        if self == UInt8(ascii: "+") { return 62 }
        return self == UInt8(ascii: "/") ? 63 : nil
    }
}

extension SecretBuffer {
    private static let base64Digits = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Appends the text for `bytes`, with padding.
    /// - Precondition: four characters of room for each three bytes or less.
    func append(base64 bytes: borrowing Span<UInt8>) {
        let digits = Self.base64Digits
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let count = min(3, bytes.count - start)
            var group: UInt32 = 0
            for index in 0..<3 {
                group = group << 8 | (index < count ? UInt32(bytes[start + index]) : 0)
            }
            for index in 0..<4 {
                let digit = digits[Int(group >> UInt32(18 - 6 * index) & 63)]
                append(index <= count ? digit : UInt8(ascii: "="))
            }
        }
    }
}
