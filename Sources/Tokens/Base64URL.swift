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
        let table = Base64URL.values
        var isText = true
        let bytes = [UInt8](capacity: count / 4 * 3 + 2) { bytes in
            let values = table.span
            // Has its sixth bit wherever a character was none.
            var faults: UInt32 = 0
            let wholeCount = count & ~3
            for start in stride(from: 0, to: wholeCount, by: 4) {
                let four = extracting(start..<start + 4)
                let first = UInt32(values[Int(four[0])])
                let second = UInt32(values[Int(four[1])])
                let third = UInt32(values[Int(four[2])])
                let fourth = UInt32(values[Int(four[3])])
                faults |= first | second | third | fourth
                let group = first << 18 | second << 12 | third << 6 | fourth
                bytes.append(UInt8(truncatingIfNeeded: group >> 16))
                bytes.append(UInt8(truncatingIfNeeded: group >> 8))
                bytes.append(UInt8(truncatingIfNeeded: group))
            }
            var rest: UInt32 = 0
            for index in wholeCount..<count {
                let value = UInt32(values[Int(self[index])])
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
            isText = faults & Base64URL.fault == 0
        }
        return isText ? bytes : nil
    }
}

private enum Base64URL {
    /// Is in no value.
    static let fault: UInt32 = 64

    /// By character: its value, or `fault` where it has none.
    static let values: [UInt8] = {
        var values = [UInt8](repeating: UInt8(fault), count: 256)
        for value in UInt8(0)..<64 { values[Int(value.digit)] = value }
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
