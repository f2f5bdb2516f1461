import Bytes

/// Goes through the members of a JSON object, and of the objects that are its members, in order
/// (RFC 8259, without blanks, as records are written). Arrays are passed over.
struct MemberScanner: ~Escapable {
    struct Member {
        /// The name of the object that it is in; empty for the outermost.
        let object: Range<Int>
        let name: Range<Int>
        /// Without quotes, if it is a string.
        let value: Range<Int>
    }

    private let text: Span<UInt8>
    private var index = 0
    private var object = 0..<0
    private var depth = 0
    private var isBroken = false

    @_lifetime(copy text)
    init(_ text: consuming Span<UInt8>) { self.text = text }

    /// Whether the text was one object, to its end.
    var isWhole: Bool { !isBroken && depth == 0 && index == text.count }

    mutating func open() -> Bool {
        depth = 1
        return take("{")
    }

    /// - Returns: `nil` at the end, and where the text is not of this form.
    mutating func next() -> Member? {
        while depth > 0, !isBroken {
            if take("}") {
                depth -= 1
                object = 0..<0
                _ = depth > 0 && take(",")
                continue
            }
            guard let name = string(), take(":") else { break }
            if depth == 1, take("{") {
                depth = 2
                object = name
                continue
            }
            guard let value = value() else { break }
            _ = take(",")
            return Member(object: object, name: name, value: value)
        }
        isBroken = isBroken || depth > 0
        return nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < text.count, text[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    /// A string's inside.
    private mutating func string() -> Range<Int>? {
        guard take("\"") else { return nil }
        let start = index
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "\""):
                index += 1
                return start..<index - 1
            case UInt8(ascii: "\\"): index += 2
            default: index += 1
            }
        }
        return nil
    }

    /// A string, a number or a word; of an array, its place.
    private mutating func value() -> Range<Int>? {
        guard index < text.count else { return nil }
        let start = index
        switch text[index] {
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "["):
            while index < text.count, !take("]") {
                if text[index] == UInt8(ascii: "\"") {
                    guard string() != nil else { return nil }
                } else {
                    index += 1
                }
            }
            return start..<index
        default:
            while index < text.count, text[index].isInWord { index += 1 }
            return index > start ? start..<index : nil
        }
    }
}

extension UInt8 {
    /// A byte of a number, `true`, `false` or `null`.
    fileprivate var isInWord: Bool {
        isASCIIDigit || isASCIILowercase || self == 0x2D || self == 0x2E || self == 0x2B
            || self == 0x45
    }
}
