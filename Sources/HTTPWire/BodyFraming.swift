internal import Bytes

/// Where the body behind a head ends (RFC 9112 section 6.3).
public enum BodyFraming: Sendable, Equatable {
    /// There is no body.
    case none
    /// Exactly this many bytes follow. 0 to 2^60; 0 means that a length of 0 was declared.
    case length(Int)
    /// The chunked coding follows: read it with `ChunkedDecoder`.
    case chunked
    /// Answers only: the body ends when the upstream closes. Whether it is whole cannot be known.
    case untilClose

    /// Whether at least one byte follows the head, or may follow.
    public var expectsBytes: Bool {
        switch self {
        case .none, .length(0): false
        case .length, .chunked, .untilClose: true
        }
    }
}

extension BodyFraming {
    /// The longest body. Far beyond any blob, and sums of two such lengths cannot overflow.
    public static let longest = 1 << 60

    /// What the framing fields declare: `none`, a length, or chunked.
    ///
    /// Two statements about the length are refused even where they agree: the next reader may
    /// believe another one (RFC 9112 section 6.3, rule 3 and 5; section 11.2).
    init(
        declaredBy fields: FieldSection,
        in bytes: Span<UInt8>,
        minorVersion: Int
    ) throws(WireError) {
        if let coding = fields.first(.transferEncoding) {
            if fields.contains(.contentLength) { throw .lengthAndCoding }
            if minorVersion == 0 { throw .codingOnHTTP10 }
            if fields.isRepeated(.transferEncoding) { throw .codingRepeated }
            guard bytes.extracting(coding).equalsIgnoringCase("chunked") else {
                throw .codingUnsupported
            }
            self = .chunked
        } else if let length = fields.first(.contentLength) {
            if fields.isRepeated(.contentLength) { throw .lengthRepeated }
            self = .length(try Self.length(bytes.extracting(length)))
        } else {
            self = .none
        }
    }

    /// Digits and nothing else: no sign, no blank, no list, no other base.
    private static func length(_ text: Span<UInt8>) throws(WireError) -> Int {
        if text.isEmpty { throw .lengthMalformed }
        for index in 0..<text.count where !text[index].isASCIIDigit { throw .lengthMalformed }
        guard let length = text.decimalValue, length <= longest else { throw .lengthTooLarge }
        return length
    }
}
