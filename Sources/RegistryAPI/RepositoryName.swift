public import Bytes

/// A repository name that has passed the grammar of the distribution specification ("Pulling
/// manifests"): parts of `a-z` and `0-9`, joined by `.`, `_`, `__` or dashes, with `/` between
/// them.
///
/// `init(validating:)` is the only way to get one, so a `RepositoryName` never needs checking
/// again: it holds no `..`, no empty part and nothing that a path or a log line would have to
/// escape.
public struct RepositoryName: Sendable, Hashable {
    public let bytes: ByteString

    /// Many clients cap the name at this many bytes, and so does CNCF Distribution.
    public static let longest = 255

    /// - Parameter text: percent-decoded; 1 to 255 bytes.
    /// - Returns: `nil` if `text` breaks the grammar. The optional leading `domain:port/` with
    ///   capitals, which registry:2 would route, is refused.
    public init?(validating text: borrowing Span<UInt8>) {
        guard Self.isValid(text) else { return nil }
        bytes = ByteString(copying: text)
    }

    /// Whether `text` would make a name. Allocates nothing.
    public static func isValid(_ text: borrowing Span<UInt8>) -> Bool {
        text.count <= longest && followsGrammar(text, slashes: true)
    }

    /// Whether `text` could stand as one whole part of a name, between two slashes.
    public static func isPart(_ text: borrowing Span<UInt8>) -> Bool {
        text.count <= longest && followsGrammar(text, slashes: false)
    }

    private static func followsGrammar(_ text: borrowing Span<UInt8>, slashes: Bool) -> Bool {
        var index = 0
        while true {
            guard index < text.count, text[index].isNameAlphanumeric else { return false }
            while index < text.count, text[index].isNameAlphanumeric { index += 1 }
            guard index < text.count else { return true }
            switch text[index] {
            case UInt8(ascii: "/") where slashes, UInt8(ascii: "."):
                index += 1
            case UInt8(ascii: "_"):
                index += 1
                if index < text.count, text[index] == UInt8(ascii: "_") { index += 1 }
            case UInt8(ascii: "-"):
                while index < text.count, text[index] == UInt8(ascii: "-") { index += 1 }
            default:
                return false
            }
        }
    }
}

extension UInt8 {
    fileprivate var isNameAlphanumeric: Bool { isASCIILowercase || isASCIIDigit }
}
