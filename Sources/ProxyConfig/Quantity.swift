import Bytes

/// A number with a unit. The unit is never left out: `10` alone is seconds to one reader and
/// milliseconds to the next.
protocol Quantity: Sendable, Comparable, CustomStringConvertible {
    static var unitNames: String { get }
    static var example: String { get }
    /// - Returns: `nil` for an unknown unit; `.some(nil)` if the value does not fit.
    static func make(_ count: Int64, unit: String) -> Self??
}

/// How a quantity was read from text.
enum QuantityReading<Value> {
    case value(Value)
    case noUnit
    case tooLarge
    case malformed
}

extension Quantity {
    /// Reads digits and a unit, with nothing before, between or behind them.
    static func read(_ text: String) -> QuantityReading<Self> {
        let digits = text.utf8.prefix { $0.isASCIIDigit }
        guard !digits.isEmpty else { return .malformed }
        let unit = String(decoding: text.utf8.dropFirst(digits.count), as: UTF8.self)
        if unit.isEmpty { return .noUnit }
        guard let count = Int64(String(decoding: digits, as: UTF8.self)) else {
            return make(0, unit: unit) == nil ? .malformed : .tooLarge
        }
        switch make(count, unit: unit) {
        case .none: return .malformed
        case .some(.none): return .tooLarge
        case .some(.some(let value)): return .value(value)
        }
    }
}
