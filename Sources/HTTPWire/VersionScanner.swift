internal import Bytes

/// Reads `HTTP/1.0` or `HTTP/1.1` (RFC 9112 section 2.3), one byte at a time.
struct VersionScanner {
    private var taken = 0
    private var major: UInt8 = 0

    /// - Returns: the minor version behind the eighth byte, `nil` before.
    mutating func take(_ byte: UInt8) throws(WireError) -> Int? {
        let isRight: Bool =
            switch taken {
            case 0: byte == UInt8(ascii: "H")
            case 1, 2: byte == UInt8(ascii: "T")
            case 3: byte == UInt8(ascii: "P")
            case 4: byte == UInt8(ascii: "/")
            case 6: byte == UInt8(ascii: ".")
            default: byte.isASCIIDigit
            }
        guard isRight else { throw .versionMalformed }
        if taken == 5 { major = byte }
        taken += 1
        guard taken == 8 else { return nil }
        guard major == UInt8(ascii: "1"), byte <= UInt8(ascii: "1") else {
            throw .versionUnsupported
        }
        return Int(byte & 1)
    }
}
