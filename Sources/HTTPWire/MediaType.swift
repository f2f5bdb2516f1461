internal import Bytes

extension Span<UInt8> {
    /// The type and subtype that the value of a `Content-Type` field names, without parameters
    /// (RFC 9110 section 8.3.1).
    ///
    /// - Returns: `nil` if it names none, or several.
    public var mediaType: Span<UInt8>? {
        @_lifetime(copy self) get {
            var end = firstIndex(of: UInt8(ascii: ";")) ?? count
            while end > 0, self[end - 1].isBlank { end -= 1 }
            let type = extracting(0..<end)
            guard let slash = type.firstIndex(of: UInt8(ascii: "/")), slash > 0, slash + 1 < end
            else { return nil }
            for index in 0..<end where index != slash && !ByteSet.token.contains(type[index]) {
                return nil
            }
            return type
        }
    }
}
