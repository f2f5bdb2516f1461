import Bytes

/// A JSON text as a value (RFC 8259), for the little JSON that tokens and their file consist of.
///
/// Strict: no member twice, no number but whole ones, no invalid UTF-8, at most eight levels deep.
enum JSONValue: Sendable, Equatable {
    case null
    case flag(Bool)
    case number(Int64)
    case string(ByteString)
    case array([JSONValue])
    case object([Member])

    struct Member: Sendable, Equatable {
        let name: ByteString
        let value: JSONValue
    }

    fileprivate static let deepest = 8

    /// - Returns: `nil` if `text` is no such JSON, or something stands behind it.
    init?(parsing text: borrowing Span<UInt8>) {
        var reader = JSONReader(copy text)
        guard let value = reader.value(), reader.isAtEnd() else { return nil }
        self = value
    }

    /// The member of this name; `nil` if this is no object or has none.
    subscript(name: ByteString) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    var text: ByteString? { if case .string(let text) = self { text } else { nil } }
    var integer: Int64? { if case .number(let number) = self { number } else { nil } }
    var elements: [JSONValue]? { if case .array(let values) = self { values } else { nil } }

    /// The texts of an array of strings; `nil` if it is anything else.
    var texts: [ByteString]? {
        guard let elements else { return nil }
        let texts = elements.compactMap(\.text)
        return texts.count == elements.count ? texts : nil
    }
}

extension JSONReader {
    /// Room that is made at once.
    private static let usualCount = 8

    /// - Parameter depth: how many arrays and objects it stands in.
    mutating func value(depth: Int = 0) -> JSONValue? {
        guard depth <= JSONValue.deepest else { return nil }
        switch next {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return text().map { .string($0) }
        case UInt8(ascii: "t"): return word("true") ? .flag(true) : nil
        case UInt8(ascii: "f"): return word("false") ? .flag(false) : nil
        case UInt8(ascii: "n"): return word("null") ? .null : nil
        default: return integer().map { .number($0) }
        }
    }

    private mutating func object(depth: Int) -> JSONValue? {
        var members: [JSONValue.Member] = []
        members.reserveCapacity(Self.usualCount)
        guard enterObject() else { return nil }
        while hasMember() {
            guard let name = text(), skip(UInt8(ascii: ":")), let value = value(depth: depth + 1),
                !members.contains(where: { $0.name == name })
            else { return nil }
            members.append(JSONValue.Member(name: name, value: value))
        }
        return isBroken ? nil : .object(members)
    }

    private mutating func array(depth: Int) -> JSONValue? {
        var values: [JSONValue] = []
        values.reserveCapacity(Self.usualCount)
        guard enterArray() else { return nil }
        while hasElement() {
            guard let value = value(depth: depth + 1) else { return nil }
            values.append(value)
        }
        return isBroken ? nil : .array(values)
    }
}
