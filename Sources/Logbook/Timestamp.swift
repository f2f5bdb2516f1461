public import Bytes

/// Writes moments as text: RFC 3339 with microseconds in UTC, `2026-11-21T07:56:03.123456Z`.
///
/// Keeps the text of the last second, so that a line usually costs six digits. A value type: each
/// loop has its own.
public struct Timestamp: Sendable {
    private var second = Int64.min
    private var text = InlineArray<27, UInt8>(repeating: 0x2D)

    /// How many bytes `append` writes.
    public static let byteCount = 27

    public init() {
        text[10] = 0x54
        text[13] = 0x3A
        text[16] = 0x3A
        text[19] = 0x2E
        text[26] = 0x5A
    }

    /// Appends 27 bytes.
    ///
    /// - Precondition: as many bytes of room.
    public mutating func append(_ time: WallTime, to buffer: Buffer) {
        if time.seconds != second { renew(time.seconds) }
        text.put(time.microseconds, digits: 6, at: 20)
        buffer.append(text.span)
    }

    private mutating func renew(_ newSecond: Int64) {
        second = newSecond
        let civil = CivilTime(secondsSince1970: newSecond)
        text.put(civil.year, digits: 4, at: 0)
        text.put(civil.month, digits: 2, at: 5)
        text.put(civil.day, digits: 2, at: 8)
        text.put(civil.hour, digits: 2, at: 11)
        text.put(civil.minute, digits: 2, at: 14)
        text.put(civil.second, digits: 2, at: 17)
    }
}

/// Writes moments as Apache and nginx do: `21/Nov/2026:07:56:03 +0000`. Cached like `Timestamp`.
struct CommonLogTimestamp: Sendable {
    private var second = Int64.min
    private var text = InlineArray<26, UInt8>(repeating: 0x30)

    init() {
        text[2] = 0x2F
        text[6] = 0x2F
        text[11] = 0x3A
        text[14] = 0x3A
        text[17] = 0x3A
        text[20] = 0x20
        text[21] = 0x2B
    }

    /// Appends 26 bytes.
    mutating func append(_ time: WallTime, to buffer: Buffer) {
        if time.seconds != second { renew(time.seconds) }
        buffer.append(text.span)
    }

    private mutating func renew(_ newSecond: Int64) {
        second = newSecond
        let civil = CivilTime(secondsSince1970: newSecond)
        let monthNames = Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)
        for index in 0..<3 { text[3 + index] = monthNames[(civil.month - 1) * 3 + index] }
        text.put(civil.day, digits: 2, at: 0)
        text.put(civil.year, digits: 4, at: 7)
        text.put(civil.hour, digits: 2, at: 12)
        text.put(civil.minute, digits: 2, at: 15)
        text.put(civil.second, digits: 2, at: 18)
    }
}

extension InlineArray where Element == UInt8 {
    /// Writes `value` in decimal, with leading zeros, over `digits` bytes from `start` on.
    mutating func put(_ value: Int, digits: Int, at start: Int) {
        var rest = value
        for position in (start..<start + digits).reversed() {
            self[position] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        }
    }
}
