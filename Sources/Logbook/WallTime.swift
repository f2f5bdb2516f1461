import Bytes

/// A moment of the wall clock. Good for showing; never for measuring, because it can jump.
public struct WallTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds; negative before.
    public let nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The two parts of a C `timespec`.
    public init(seconds: Int64, nanoseconds: Int64) {
        self.nanoseconds = seconds * 1_000_000_000 + nanoseconds
    }

    /// CLOCK_REALTIME at this moment. Costs no system call on Linux (vDSO).
    public static var now: WallTime { WallTime(nanoseconds: Clock.realtime) }

    public static func < (left: WallTime, right: WallTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Whole seconds, rounded down.
    var seconds: Int64 {
        let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The rest beyond `seconds`: 0 to 999,999 microseconds.
    var microseconds: Int {
        let remainder = nanoseconds % 1_000_000_000
        return Int((remainder < 0 ? remainder + 1_000_000_000 : remainder) / 1000)
    }
}

extension WallTime: CustomStringConvertible {
    /// RFC 3339 with whole seconds in UTC: `2026-11-21T07:56:03Z`.
    public var description: String {
        let room = Buffer(capacity: Timestamp.byteCount)
        var timestamp = Timestamp()
        timestamp.append(self, to: room)
        return ByteString(copying: room.bytes.extracting(0..<19)).description + "Z"
    }
}

/// Date and time of day of one second in UTC, in the proleptic Gregorian calendar.
struct CivilTime: Equatable {
    let year, month, day, hour, minute, second: Int
    /// 0 for Sunday to 6 for Saturday.
    let weekday: Int

    /// - Parameter seconds: since 1970. `WallTime` can hold the years 1677 to 2262.
    init(secondsSince1970 seconds: Int64) {
        let (quotient, remainder) = Int(seconds).quotientAndRemainder(dividingBy: 86_400)
        let days = remainder < 0 ? quotient - 1 : quotient
        let secondOfDay = remainder < 0 ? remainder + 86_400 : remainder
        // Days are counted from 0000-03-01, so that a leap day is the last of its year; 400 years
        // have 146,097 days, and five months from March on have 153.
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        // 1970-01-01 was a Thursday.
        weekday = ((days + 4) % 7 + 7) % 7
        hour = secondOfDay / 3600
        minute = secondOfDay / 60 % 60
        second = secondOfDay % 60
    }
}
