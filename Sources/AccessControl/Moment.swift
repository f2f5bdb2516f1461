import Bytes

/// One second of the wall clock, in UTC.
public struct Moment: Sendable, Hashable, Comparable {
    /// Since 1970-01-01T00:00:00Z, without leap seconds.
    public let secondsSince1970: Int64

    public init(secondsSince1970: Int64) { self.secondsSince1970 = secondsSince1970 }

    /// Which second of its day a date without a time stands for.
    public enum DayEdge: Sendable { case first, last }

    /// Reads a date (`2027-06-30`) or a time with `Z` or an offset (RFC 3339 section 5.6, the
    /// seconds may be left out, no fractions): `2027-06-30T12:00:00+02:00`.
    ///
    /// - Parameter edge: what a date means.
    /// - Returns: `nil` for anything else, days that do not exist included.
    public init?(parsing text: borrowing Span<UInt8>, dateIs edge: DayEdge) {
        var reader = DigitReader(position: 0)
        guard let year = reader.number(4, in: text), reader.take("-", in: text),
            let month = reader.number(2, in: text), reader.take("-", in: text),
            let day = reader.number(2, in: text), let days = Self.days(year, month, day)
        else { return nil }
        let midnight = Int64(days) * 86_400
        if reader.position == text.count {
            self.init(secondsSince1970: edge == .first ? midnight : midnight + 86_399)
            return
        }
        guard reader.take("T", in: text), let second = reader.secondOfDay(in: text),
            let offset = reader.offset(in: text), reader.position == text.count
        else { return nil }
        self.init(secondsSince1970: midnight + Int64(second) - Int64(offset))
    }

    public static func < (left: Moment, right: Moment) -> Bool {
        left.secondsSince1970 < right.secondsSince1970
    }

    /// Days since 1970 in the Gregorian calendar; `nil` for a day that does not exist.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int? {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard (1970...9999).contains(year), (1...12).contains(month),
            (1...lengths[month - 1]).contains(day)
        else { return nil }
        let before = year - 1
        let untilYear = before * 365 + before / 4 - before / 100 + before / 400
        return untilYear + lengths[..<(month - 1)].reduce(0, +) + day - 1 - 719_162
    }
}

extension Moment: CustomStringConvertible {
    /// `2027-06-30T23:59:59Z`.
    public var description: String {
        var year = 1970
        var month = 1
        var (days, seconds) = secondsSince1970.quotientAndRemainder(dividingBy: 86_400)
        if seconds < 0 { (days, seconds) = (days - 1, seconds + 86_400) }
        while let next = Self.days(year + 1, 1, 1), next <= Int(days) { year += 1 }
        while month < 12, let next = Self.days(year, month + 1, 1), next <= Int(days) { month += 1 }
        let day = Int(days) - (Self.days(year, month, 1) ?? 0) + 1
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let time = [seconds / 3600, seconds / 60 % 60, seconds % 60].map { two(Int($0)) }
        return "\(year)-\(two(month))-\(two(day))T\(time.joined(separator: ":"))Z"
    }
}

/// Goes over the digits and marks of a time.
private struct DigitReader {
    var position: Int

    /// Exactly `count` digits.
    mutating func number(_ count: Int, in text: borrowing Span<UInt8>) -> Int? {
        guard position + count <= text.count else { return nil }
        let digits = text.extracting(position..<(position + count))
        guard let value = digits.decimalValue else { return nil }
        position += count
        return value
    }

    mutating func take(_ mark: Unicode.Scalar, in text: borrowing Span<UInt8>) -> Bool {
        guard position < text.count, text[position] == UInt8(ascii: mark) else { return false }
        position += 1
        return true
    }

    /// `12:00` or `12:00:00`.
    mutating func secondOfDay(in text: borrowing Span<UInt8>) -> Int? {
        guard let hour = number(2, in: text), take(":", in: text),
            let minute = number(2, in: text), hour < 24, minute < 60
        else { return nil }
        guard take(":", in: text) else { return hour * 3600 + minute * 60 }
        guard let second = number(2, in: text), second < 60 else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    /// `Z`, `+02:00` or `-02:00`, in seconds east of UTC.
    mutating func offset(in text: borrowing Span<UInt8>) -> Int? {
        if take("Z", in: text) { return 0 }
        let isEast = take("+", in: text)
        guard isEast || take("-", in: text), let hours = number(2, in: text),
            take(":", in: text), let minutes = number(2, in: text), hours < 24, minutes < 60
        else { return nil }
        return (isEast ? 1 : -1) * (hours * 3600 + minutes * 60)
    }
}
