public import Bytes

/// Which part of a list a client asked for (`protocol.md` 4.6).
public struct Page: Sendable, Hashable {
    /// The most names on one page; a larger `n` counts as this.
    public static let largest = 1000

    /// How many names at most: 0 to 1000, or `nil` where the client named no number.
    public let count: Int?
    /// The list goes on behind this name. Visible ASCII, at most 1,024 bytes, otherwise unchecked:
    /// it is the registry's to understand.
    public let last: ByteString?

    /// - Parameter count: cut at 1000.
    /// - Precondition: `count` is not negative, `last` has at most 1,024 bytes.
    public init(count: Int? = nil, last: ByteString? = nil) {
        precondition((count ?? 0) >= 0)
        precondition((last?.count ?? 0) <= Self.longestLast)
        self.count = count.map { min($0, Self.largest) }
        self.last = last
    }

    /// The most bytes of `last`.
    public static let longestLast = 1024
}
