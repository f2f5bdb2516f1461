public import Bytes

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution specification, "Pulling manifests").
public struct Tag: Sendable, Hashable {
    public let bytes: ByteString

    /// - Returns: `nil` if `text` breaks the grammar.
    public init?(validating text: borrowing Span<UInt8>) {
        guard Self.isValid(text) else { return nil }
        bytes = ByteString(copying: text)
    }

    /// Whether `text` would make a tag. Allocates nothing.
    public static func isValid(_ text: borrowing Span<UInt8>) -> Bool {
        guard (1...128).contains(text.count) else { return false }
        for index in 0..<text.count {
            let byte = text[index]
            if byte.isASCIILetter || byte.isASCIIDigit || byte == UInt8(ascii: "_") { continue }
            let isInner = byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
            guard isInner, index > 0 else { return false }
        }
        return true
    }
}
