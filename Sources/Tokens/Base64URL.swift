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
        var isValid = true
        let bytes = [UInt8](capacity: count / 4 * 3 + 2) { bytes in
            var group: UInt32 = 0
            for index in 0..<count {
                let value = values[Int(self[index])]
                isValid = isValid && value < 64
                group = group << 6 | UInt32(value & 63)
                // Every character but the first of four completes a byte.
                let open = UInt32(6 - 2 * (index & 3))
                if index & 3 > 0 { bytes.append(UInt8(truncatingIfNeeded: group >> open)) }
            }
            let rest = UInt32(count % 4 == 0 ? 0 : 6 - 2 * ((count - 1) & 3))
            isValid = isValid && group & (1 << rest - 1) == 0
        }
        return isValid ? bytes : nil
    }
}

private enum Base64URL {
    /// By character: its value, or 64 where it has none.
    static let values: [UInt8] = {
        var values = [UInt8](repeating: 64, count: 256)
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
