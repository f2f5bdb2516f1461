/// A half-open range of byte positions within one particular buffer.
///
/// Parsers return places instead of copies: 8 bytes each, no allocation. A place means something
/// only together with the bytes it was made from, and only until those move.
public struct Place: Sendable, Hashable {
    public let start: UInt32
    public let end: UInt32

    /// - Precondition: `0 <= start <= end <= UInt32.max`.
    @inlinable public init(_ start: Int, _ end: Int) {
        precondition(start <= end)
        self.start = UInt32(start)
        self.end = UInt32(end)
    }

    /// The empty place at the beginning.
    public static let none = Place(0, 0)

    @inlinable public var range: Range<Int> { Int(start)..<Int(end) }
    @inlinable public var count: Int { Int(end) - Int(start) }
    @inlinable public var isEmpty: Bool { start == end }
}

extension Span<UInt8> {
    /// The bytes at `place`. Traps if it lies outside.
    @_lifetime(copy self)
    @inlinable public func extracting(_ place: Place) -> Span<UInt8> {
        extracting(place.range)
    }
}
