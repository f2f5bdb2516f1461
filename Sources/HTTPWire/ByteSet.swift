// The character classes of RFC 9110 section 5.6 and RFC 3986, as questions about one byte.

internal import Bytes

/// A set of ASCII bytes: one bit each, so that asking costs a shift and touches no memory.
struct ByteSet {
    /// Bytes 0x00 to 0x3F.
    let low: UInt64
    /// Bytes 0x40 to 0x7F.
    let high: UInt64

    @inline(__always) func contains(_ byte: UInt8) -> Bool {
        let half = byte & 0x40 == 0 ? low : high
        return byte < 0x80 && half &>> UInt64(byte & 0x3F) & 1 != 0
    }

    /// `tchar` (RFC 9110 section 5.6.2): letters, digits, ``!#$%&'*+-.^_`|~``.
    @inline(__always) static var token: ByteSet {
        ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
    }

    /// `tchar` without `_`: CGI and its heirs hold `X_User` and `X-User` for the same name.
    @inline(__always) static var fieldName: ByteSet {
        ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_47FF_FFFE)
    }

    /// `pchar` (RFC 3986 section 3.3) and `/`, without `%` and `;`.
    @inline(__always) static var path: ByteSet {
        ByteSet(low: 0x27FF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
    }

    /// What a query is made of (RFC 3986 section 3.4); `%` only before two hexadecimal digits.
    @inline(__always) static var query: ByteSet {
        ByteSet(low: 0xAFFF_FFF2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
    }

    /// Letters, digits and `-._`: what the names of hosts are made of in practice.
    @inline(__always) static var hostName: ByteSet {
        ByteSet(low: 0x03FF_6000_0000_0000, high: 0x07FF_FFFE_87FF_FFFE)
    }
}

extension UInt8 {
    static let tab = UInt8(0x09)
    static let lineFeed = UInt8(0x0A)
    static let carriageReturn = UInt8(0x0D)
    static let space = UInt8(0x20)

    /// A blank: SP or HTAB, the bytes of optional whitespace (RFC 9110 section 5.6.3).
    @inline(__always) var isBlank: Bool { self == 0x20 || self == 0x09 }

    /// What a field value may hold (RFC 9110 section 5.5): blanks, visible ASCII, 0x80 to 0xFF.
    @inline(__always) var isFieldValueByte: Bool {
        // One comparison for what nearly every byte is.
        self &- 0x20 < 0x5F || self >= 0x80 || self == 0x09
    }

    /// Visible ASCII, `VCHAR`.
    @inline(__always) var isVisible: Bool { self &- 0x21 < 0x5E }
}

extension Span<UInt8> {
    /// Equal where the letters `A`…`Z` count as `a`…`z` on both sides.
    func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count
        where self[index].asciiLowercased != other[index].asciiLowercased { return false }
        return true
    }
}

extension Span<UInt8> {
    /// Whether all bytes of a range may stand in a field value. Asks all of them whatever the first
    /// says: without a way out of the loop the compiler asks sixteen at once.
    @inline(__always) func areFieldValueBytes(_ range: Range<Int>) -> Bool {
        let run = extracting(range)
        var wrong: UInt8 = 0
        for index in 0..<16 {
            let byte = run[index]
            wrong |= (byte < 0x20 ? 1 : 0) & (byte != 0x09 ? 1 : 0) | (byte == 0x7F ? 1 : 0)
        }
        return wrong == 0
    }
}
