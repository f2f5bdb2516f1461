public import Bytes

/// Writes moments as `Date` fields have them (RFC 9110 section 5.6.7):
/// `Sun, 06 Nov 1994 08:49:37 GMT`. Keeps the text of the last second, like `Timestamp`.
public struct HTTPDate: Sendable {
    private var second = Int64.min
    private var text = InlineArray<29, UInt8>(repeating: 0x20)

    public init() {}

    /// Appends 29 bytes.
    ///
    /// - Precondition: as many bytes of room.
    public mutating func append(_ time: WallTime, to buffer: Buffer) {
        if time.seconds != second { renew(time.seconds) }
        buffer.append(text.span)
    }

    private mutating func renew(_ newSecond: Int64) {
        second = newSecond
        let civil = CivilTime(secondsSince1970: newSecond)
        text.put("SunMonTueWedThuFriSat", part: civil.weekday, at: 0)
        text[3] = UInt8(ascii: ",")
        text.put(civil.day, digits: 2, at: 5)
        text.put("JanFebMarAprMayJunJulAugSepOctNovDec", part: civil.month - 1, at: 8)
        text.put(civil.year, digits: 4, at: 12)
        text.put(civil.hour, digits: 2, at: 17)
        text[19] = UInt8(ascii: ":")
        text.put(civil.minute, digits: 2, at: 20)
        text[22] = UInt8(ascii: ":")
        text.put(civil.second, digits: 2, at: 23)
        text.put("GMT", part: 0, at: 26)
    }
}

extension InlineArray where Element == UInt8 {
    /// Writes one of several names of three letters.
    fileprivate mutating func put(_ names: String, part: Int, at start: Int) {
        let letters = Array(names.utf8)
        for index in 0..<3 { self[start + index] = letters[part * 3 + index] }
    }
}
