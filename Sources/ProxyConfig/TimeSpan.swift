/// A length of time as the configuration writes it: `500ms`, `10s`, `5m`, `8h`.
///
/// Whole nanoseconds in 64 bits, ready to be added to a monotonic clock's reading.
public struct TimeSpan: Sendable, Hashable, Comparable {
    /// Never negative.
    public let nanoseconds: Int64

    public static func milliseconds(_ count: Int64) -> TimeSpan {
        TimeSpan(nanoseconds: count * 1_000_000)
    }
    public static func seconds(_ count: Int64) -> TimeSpan { .milliseconds(count * 1000) }
    public static func minutes(_ count: Int64) -> TimeSpan { .seconds(count * 60) }
    public static func hours(_ count: Int64) -> TimeSpan { .minutes(count * 60) }

    private init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func < (left: TimeSpan, right: TimeSpan) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Longest first, for printing.
    private static let units: [(name: String, span: TimeSpan)] = [
        ("h", .hours(1)), ("m", .minutes(1)), ("s", .seconds(1)), ("ms", .milliseconds(1)),
    ]
}

extension TimeSpan: CustomStringConvertible {
    /// In the largest unit that divides it: `5m`, `75s`.
    public var description: String {
        if nanoseconds == 0 { return "0s" }
        for unit in Self.units where nanoseconds % unit.span.nanoseconds == 0 && nanoseconds > 0 {
            return "\(nanoseconds / unit.span.nanoseconds)\(unit.name)"
        }
        return "\(nanoseconds / 1_000_000)ms"
    }
}

extension TimeSpan: Quantity {
    static let unitNames = "ms, s, m or h"
    static let example = "10s"

    static func make(_ count: Int64, unit: String) -> TimeSpan?? {
        guard let span = units.first(where: { $0.name == unit })?.span else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: span.nanoseconds)
        return .some(overflow ? nil : TimeSpan(nanoseconds: product))
    }
}
