public import Bytes

/// A content digest: an algorithm, a colon and at least 32 hexadecimal digits, by the grammar that
/// registry:2 routes (`protocol.md` 4.1). Whether the length fits the algorithm is the registry's
/// question.
public struct Digest: Sendable, Hashable {
    public let bytes: ByteString

    /// Longer ones are refused; SHA-512 needs 135 bytes.
    public static let longest = 512

    /// - Parameter text: percent-decoded.
    /// - Returns: `nil` if `text` breaks the grammar.
    public init?(validating text: borrowing Span<UInt8>) {
        guard text.count <= Self.longest, let colon = text.firstIndex(of: UInt8(ascii: ":")) else {
            return nil
        }
        guard Self.isAlgorithm(text.extracting(0..<colon)) else { return nil }
        guard text.count - colon - 1 >= 32 else { return nil }
        for index in colon + 1..<text.count where text[index].hexValue == nil { return nil }
        bytes = ByteString(copying: text)
    }

    /// Whether `text` names an algorithm: parts that begin with a letter, one of `-_+.` between
    /// them.
    static func isAlgorithm(_ text: borrowing Span<UInt8>) -> Bool {
        var startsPart = true
        for index in 0..<text.count {
            let byte = text[index]
            if startsPart {
                guard byte.isASCIILetter else { return false }
                startsPart = false
            } else if !byte.isASCIILetter && !byte.isASCIIDigit {
                guard byte.joinsAlgorithmParts else { return false }
                startsPart = true
            }
        }
        return !startsPart
    }
}

extension UInt8 {
    fileprivate var joinsAlgorithmParts: Bool {
        switch self {
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "."): true
        default: false
        }
    }
}
