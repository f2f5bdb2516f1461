import Bytes

// Base64 with the alphabet for URLs and without padding (RFC 4648 section 5), as JWTs are written.

extension [UInt8] {
    /// Appends the text for `bytes`.
    mutating func append(base64URL bytes: borrowing Span<UInt8>) {
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let byteCount = Swift.min(3, bytes.count - start)
            var group: UInt32 = 0
            for index in 0..<3 {
                group = group << 8 | (index < byteCount ? UInt32(bytes[start + index]) : 0)
            }
            for index in 0...byteCount {
                append(UInt8(truncatingIfNeeded: group >> UInt32(18 - 6 * index) & 63).digit)
            }
        }
    }
}

extension Span<UInt8> {
    /// The bytes that the text stands for. One text for one value: bits left over must be zero.
    ///
    /// - Returns: `nil` if it is no such text.
    var base64URLDecoded: [UInt8]? {
        guard count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count / 4 * 3 + 2)
        var group: UInt32 = 0
        var bitCount: UInt32 = 0
        for index in 0..<count {
            guard let value = self[index].base64URLValue else { return nil }
            group = group << 6 | value
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> bitCount))
                group &= (1 << bitCount) - 1
            }
        }
        return group == 0 ? bytes : nil
    }
}

extension UInt8 {
    /// Of a value below 64.
    fileprivate var digit: UInt8 {
        switch self {
        case 0..<26: self + 0x41
        case 26..<52: self - 26 + 0x61
        case 52..<62: self - 52 + 0x30
        case 62: UInt8(ascii: "-")
        default: UInt8(ascii: "_")
        }
    }

    fileprivate var base64URLValue: UInt32? {
        if isASCIIUppercase { return UInt32(self &- 0x41) }
        if isASCIILowercase { return UInt32(self &- 0x61) + 26 }
        if isASCIIDigit { return UInt32(self &- 0x30) + 52 }
        if self == UInt8(ascii: "-") { return 62 }
        return self == UInt8(ascii: "_") ? 63 : nil
    }
}
