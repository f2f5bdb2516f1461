public import Bytes

/// The name that the registry gave to an upload session. Opaque: only its bytes are checked, by the
/// route of registry:2, `[a-zA-Z0-9-_.=]+`, and `~`, which no path needs to escape either.
public struct UploadID: Sendable, Hashable {
    public let bytes: ByteString

    /// - Returns: `nil` for other bytes, more than 255 of them, `.` and `..`.
    public init?(validating text: borrowing Span<UInt8>) {
        guard (1...255).contains(text.count) else { return nil }
        guard !text.elementsEqual("."), !text.elementsEqual("..") else { return nil }
        for index in 0..<text.count where !text[index].standsInUploadID { return nil }
        bytes = ByteString(copying: text)
    }
}

extension UInt8 {
    fileprivate var standsInUploadID: Bool {
        switch self {
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "="),
            UInt8(ascii: "~"):
            true
        default: isASCIILetter || isASCIIDigit
        }
    }
}
