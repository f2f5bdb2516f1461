import Logbook

/// When a certificate's time is over, seen from now.
struct Expiry: CustomStringConvertible {
    /// Whole days from now; negative if it is over.
    let days: Int
    /// RFC 3339, UTC.
    let date: String

    /// How many days before its end an operator should hear of it (product.md section 8).
    static let warningDays = 21

    /// - Parameter seconds: since 1970.
    init(_ seconds: Int64, now: WallTime = .now) {
        let end = WallTime(seconds: seconds, nanoseconds: 0)
        days = Int((end.nanoseconds - now.nanoseconds) / 86_400_000_000_000)
        date = end.description
    }

    var isNear: Bool { days < Self.warningDays }

    /// `expires in 3 days, at 2026-12-01T00:00:00Z`.
    var description: String {
        switch days {
        case ..<0: "has expired, at \(date)"
        case 1: "expires in 1 day, at \(date)"
        default: "expires in \(days) days, at \(date)"
        }
    }
}
