/// A number of bytes as the configuration writes it: `16B`, `32KiB`, `4MiB`, `1GiB`.
public struct ByteCount: Sendable, Hashable, Comparable {
    /// Never negative.
    public let bytes: Int

    public static func bytes(_ count: Int) -> ByteCount { ByteCount(bytes: count) }
    public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 10) }
    public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 20) }
    public static func gibibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 30) }

    private init(bytes: Int) { self.bytes = bytes }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// Largest first, for printing. `KB`, `k` and the like are refused: they mean 1000 to some.
    private static let units: [(name: String, size: Int)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]
}

extension ByteCount: CustomStringConvertible {
    /// In the largest unit that divides it: `32KiB`.
    public var description: String {
        for unit in Self.units where bytes % unit.size == 0 && bytes > 0 {
            return "\(bytes / unit.size)\(unit.name)"
        }
        return "\(bytes)B"
    }
}

extension ByteCount: Quantity {
    static let unitNames = "B, KiB, MiB or GiB"
    static let example = "32KiB"

    static func make(_ count: Int64, unit: String) -> ByteCount?? {
        guard let size = units.first(where: { $0.name == unit })?.size else { return nil }
        let (product, overflow) = Int(count).multipliedReportingOverflow(by: size)
        return .some(overflow ? nil : ByteCount(bytes: product))
    }
}
