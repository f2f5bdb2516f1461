/// An immutable run of bytes that are usually, but not certainly, text.
///
/// User names, paths and field values are compared byte for byte, never as `String`: Swift holds
/// `"é"` and `"e\u{301}"` for equal, and two different invalid sequences as well.
public struct ByteString: Sendable, Hashable {
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }
    public init(_ text: String) { bytes = Array(text.utf8) }
    public init(copying span: borrowing Span<UInt8>) {
        // SAFETY: the pointer stays inside the closure, where the array copies from it.
        bytes = unsafe span.withUnsafeBufferPointer { unsafe [UInt8]($0) }
    }

    public var count: Int { bytes.count }
    public var isEmpty: Bool { bytes.isEmpty }
    public var span: Span<UInt8> {
        @_lifetime(borrow self) get { bytes.span }
    }

    /// All bytes at once; an array's own way, one by one, takes several times as long.
    public func hash(into hasher: inout Hasher) {
        // SAFETY: the pointer stays inside the closure, where the hasher reads from it.
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }

    public static func == (left: borrowing Span<UInt8>, right: ByteString) -> Bool {
        left.elementsEqual(right.bytes.span)
    }
}

extension [UInt8] {
    /// Appends all of `span` at once; one by one it takes several times as long.
    public mutating func append(copying span: borrowing Span<UInt8>) {
        // SAFETY: the pointer stays inside the closure, where the array copies from it.
        unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}

extension ByteString: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self.init(text) }
}

/// For messages to people only: invalid UTF-8 shows as U+FFFD.
extension ByteString: CustomStringConvertible {
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

extension ByteString: Comparable {
    /// Bytewise order, as sorted by a registry.
    public static func < (left: ByteString, right: ByteString) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
