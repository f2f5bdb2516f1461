import Bytes
public import Logbook

// Moments as text, in the two forms that the trail uses, and back.

extension WallTime {
    /// `2026-11-21`, `2026-11-21T07:56:03Z`, `….123456Z`, or with an offset such as `+01:00` in the
    /// place of `Z` (RFC 3339 section 5.6). A date alone is its first moment in UTC.
    ///
    /// - Returns: `nil` for anything else, also for days that no month has.
    public init?(text: borrowing Span<UInt8>) {
        var reader = DigitReader(copy text)
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2),
            reader.take("-"), let day = reader.number(2),
            let days = Self.days(year, month, day)
        else { return nil }
        if reader.isAtEnd {
            self.init(seconds: Int64(days) * 86_400, nanoseconds: 0)
            return
        }
        guard reader.take("T"), let hour = reader.number(2), hour < 24, reader.take(":"),
            let minute = reader.number(2), minute < 60, reader.take(":"),
            let second = reader.number(2), second < 61
        else { return nil }
        let nanoseconds = reader.take(".") ? reader.fraction() : 0
        guard let nanoseconds, let offset = reader.offset(), reader.isAtEnd else { return nil }
        let clock = (hour * 60 + minute - offset) * 60 + min(second, 59)
        self.init(seconds: Int64(days * 86_400 + clock), nanoseconds: Int64(nanoseconds))
    }

    /// `20261121T075603.123456Z`: sorts as the moments do, and may stand in a file's name.
    var compactText: String {
        let line = Buffer(capacity: Timestamp.byteCount)
        var timestamp = Timestamp()
        timestamp.append(self, to: line)
        let text = ByteString(copying: line.bytes).bytes
        return String(decoding: text.filter { $0 != 0x2D && $0 != 0x3A }, as: UTF8.self)
    }

    init?(compactText text: [UInt8]) {
        guard text.count == 23, text[8] == UInt8(ascii: "T") else { return nil }
        var long = Array(text[0..<4]) + [0x2D] + text[4..<6] + [0x2D]
        long += Array(text[6..<11]) + [0x3A] + text[11..<13] + [0x3A] + text[13...]
        self.init(text: long.span)
    }

    /// Days since 1970-01-01 of a day in the proleptic Gregorian calendar.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int? {
        guard (1...12).contains(month), year >= 1678, year <= 2261 else { return nil }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1...lengths[month - 1]).contains(day) else { return nil }
        let before = lengths[..<(month - 1)].reduce(0, +)
        let years = year - 1
        let leapDays = years / 4 - years / 100 + years / 400
        return years * 365 + leapDays + before + day - 1 - 719_162
    }
}

/// Reads fixed numbers of digits off the front of a text.
private struct DigitReader: ~Escapable {
    private let text: Span<UInt8>
    private var index = 0

    @_lifetime(copy text)
    init(_ text: consuming Span<UInt8>) { self.text = text }

    var isAtEnd: Bool { index == text.count }

    mutating func number(_ digits: Int) -> Int? {
        guard index + digits <= text.count,
            let value = text.extracting(index..<index + digits).decimalValue
        else { return nil }
        index += digits
        return value
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < text.count, text[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    /// One to nine digits behind the point, as nanoseconds.
    mutating func fraction() -> Int? {
        var value = 0
        var digits = 0
        while digits < 9, index < text.count, text[index].isASCIIDigit {
            value = value * 10 + Int(text[index] - 0x30)
            index += 1
            digits += 1
        }
        guard digits > 0 else { return nil }
        for _ in digits..<9 { value *= 10 }
        return value
    }

    /// `Z`, or minutes east of Greenwich.
    mutating func offset() -> Int? {
        if take("Z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = number(2), hours < 24, take(":"),
            let minutes = number(2), minutes < 60
        else { return nil }
        return (isEast ? 1 : -1) * (hours * 60 + minutes)
    }
}
