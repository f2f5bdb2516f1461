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
        let values = Base64URL.values
        // Has its sixth bit wherever a character was none.
        var faults: UInt32 = 0
        let bytes = [UInt8](capacity: count / 4 * 3 + 2) { bytes in
            let wholeCount = count & ~3
            for start in stride(from: 0, to: wholeCount, by: 4) {
                let first = values[Int(self[start])]
                let second = values[Int(self[start + 1])]
                let third = values[Int(self[start + 2])]
                let fourth = values[Int(self[start + 3])]
                faults |= first | second | third | fourth
                let group = first << 18 | second << 12 | third << 6 | fourth
                bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                bytes.append(UInt8(truncatingIfNeeded: group >> 8))
                bytes.append(UInt8(truncatingIfNeeded: group))
            }
            var rest: UInt32 = 0
            for index in wholeCount..<count {
                let value = values[Int(self[index])]
                faults |= value
                rest = rest << 6 | value
            }
            // 12 bits for one byte, or 18 for two; those left over must be zero.
            let bitCount = UInt32(count - wholeCount) * 6
            if bitCount >= 12 {
                bytes.append(UInt8(truncatingIfNeeded: rest >> (bitCount - 8)))
                if bitCount == 18 { bytes.append(UInt8(truncatingIfNeeded: rest >> 2)) }
                if rest & (1 << (bitCount % 8) - 1) != 0 { faults |= Base64URL.fault }
            }
        }
        return faults & Base64URL.fault == 0 ? bytes : nil
    }
}

private enum Base64URL {
    /// Is in no value.
    static let fault: UInt32 = 64

    /// By character: its value, or `fault` where it has none.
    static let values: [UInt32] = {
        var values = [UInt32](repeating: fault, count: 256)
        for value in UInt8(0)..<64 { values[Int(value.digit)] = UInt32(value) }
        return values
    }()
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
}
