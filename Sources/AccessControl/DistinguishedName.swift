public import Bytes

/// The name of an entry of a directory (RFC 4514), kept in a form in which equal names have equal
/// bytes.
///
/// Equal means what directories mean by it (RFC 4517 section 4.2.15 with caseIgnoreMatch, section
/// 4.2.11): letter case, blanks around and repeated blanks inside of values do not count, nor do
/// the order of the parts of a multi-valued RDN and the way something is escaped. Attributes are
/// known by both their name and their number for those of RFC 4514 section 3.
public struct DistinguishedName: Sendable, Hashable {
    /// As it was written.
    public let text: ByteString
    /// Equal for equal names, and only for them.
    public let normalised: ByteString
    /// The value of the first RDN's first attribute, unescaped: `team-web` of
    /// `cn=team-web,ou=groups,dc=example,dc=com`.
    public let leadingValue: ByteString

    /// The most bytes of a name.
    public static let longest = 4096

    /// - Returns: `nil` if `text` is empty, too long, or no distinguished name. Blanks around `,`,
    ///   `+` and `=` are accepted, as people write them.
    public init?(parsing text: ByteString) {
        guard (1...Self.longest).contains(text.count) else { return nil }
        var parser = NameParser(text: text.bytes)
        guard let relatives = parser.parse(), let first = relatives.first?.first else { return nil }
        self.text = text
        leadingValue = ByteString(first.value)
        normalised = ByteString(
            Array(relatives.map { Self.normalise($0) }.joined(separator: [UInt8(ascii: ",")]))
        )
    }

    public static func == (left: DistinguishedName, right: DistinguishedName) -> Bool {
        left.normalised == right.normalised
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(normalised) }

    private static func normalise(_ relative: [NameParser.Attribute]) -> [UInt8] {
        let parts = relative.map { $0.type + [UInt8(ascii: "=")] + escaped(folded($0.value)) }
        let sorted = parts.sorted { $0.lexicographicallyPrecedes($1) }
        return Array(sorted.joined(separator: [UInt8(ascii: "+")]))
    }

    /// Lower case, without blanks around, one blank for several.
    private static func folded(_ value: [UInt8]) -> [UInt8] {
        let words = lowercased(value).split(separator: UInt8(ascii: " "))
        return Array(words.joined(separator: [UInt8(ascii: " ")]))
    }

    /// What is no UTF-8 stays as it is.
    private static func lowercased(_ value: [UInt8]) -> [UInt8] {
        guard let text = String(validating: value, as: UTF8.self) else { return value }
        return Array(text.unicodeScalars.map(\.properties.lowercaseMapping).joined().utf8)
    }

    /// So that no value can look like two parts.
    private static func escaped(_ value: [UInt8]) -> [UInt8] {
        value.flatMap { byte -> [UInt8] in
            switch byte {
            case UInt8(ascii: ","), UInt8(ascii: "+"), UInt8(ascii: "\\"):
                [UInt8(ascii: "\\"), byte]
            default: [byte]
            }
        }
    }
}

extension DistinguishedName: CustomStringConvertible {
    public var description: String { text.description }
}

/// Reads the string form of RFC 4514 section 3.
private struct NameParser {
    let text: [UInt8]
    private var position = 0

    /// A type in lower case, and a value without escapes.
    typealias Attribute = (type: [UInt8], value: [UInt8])

    init(text: [UInt8]) { self.text = text }

    mutating func parse() -> [[Attribute]]? {
        var relatives: [[Attribute]] = []
        repeat {
            var relative: [Attribute] = []
            repeat {
                guard let attribute = attribute() else { return nil }
                relative.append(attribute)
            } while take("+")
            relatives.append(relative)
        } while take(",")
        return position == text.count ? relatives : nil
    }

    private mutating func attribute() -> Attribute? {
        skipBlanks()
        guard let type = type() else { return nil }
        skipBlanks()
        guard take("=") else { return nil }
        skipBlanks()
        let value = isNext("#") ? encodedValue() : plainValue()
        return value.map { (type, $0) }
    }

    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard isNext(mark) else { return false }
        position += 1
        return true
    }

    private func isNext(_ mark: Unicode.Scalar) -> Bool {
        position < text.count && text[position] == UInt8(ascii: mark)
    }

    private mutating func skipBlanks() { while take(" ") {} }

    /// A name (`cn`) or a number (`2.5.4.3`); known numbers become names.
    private mutating func type() -> [UInt8]? {
        let start = position
        while position < text.count, text[position].isInAttributeType { position += 1 }
        let type = text[start..<position].map(\.asciiLowercased)
        guard let first = type.first, first != UInt8(ascii: "-"), first != UInt8(ascii: ".") else {
            return nil
        }
        let isNumber = first.isASCIIDigit
        let isRight = type.allSatisfy {
            isNumber
                ? $0.isASCIIDigit || $0 == UInt8(ascii: ".")
                : $0 != UInt8(ascii: ".")
        }
        guard isRight else { return nil }
        return Self.shortNames[ByteString(type)]?.bytes ?? type
    }

    /// RFC 4514 section 3, and the long names of RFC 4519 for the same attributes.
    private static let shortNames: [ByteString: ByteString] = [
        "2.5.4.3": "cn", "commonname": "cn", "2.5.4.7": "l", "localityname": "l",
        "2.5.4.8": "st", "stateorprovincename": "st", "2.5.4.10": "o", "organizationname": "o",
        "2.5.4.11": "ou", "organizationalunitname": "ou", "2.5.4.6": "c", "countryname": "c",
        "2.5.4.9": "street", "streetaddress": "street", "0.9.2342.19200300.100.1.25": "dc",
        "domaincomponent": "dc", "0.9.2342.19200300.100.1.1": "uid", "userid": "uid",
    ]

    /// Up to the next unescaped `,` or `+`, without the blanks before it.
    private mutating func plainValue() -> [UInt8]? {
        var value: [UInt8] = []
        var lengthWithoutBlanks = 0
        while position < text.count, !isNext(","), !isNext("+") {
            let byte = text[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\\"):
                guard let escaped = escapedByte() else { return nil }
                value.append(escaped)
                lengthWithoutBlanks = value.count
            case UInt8(ascii: "\""), UInt8(ascii: ";"), UInt8(ascii: "<"), UInt8(ascii: ">"), 0:
                return nil
            default:
                value.append(byte)
                if byte != UInt8(ascii: " ") { lengthWithoutBlanks = value.count }
            }
        }
        value.removeSubrange(lengthWithoutBlanks...)
        return value.isEmpty ? nil : value
    }

    /// Two hexadecimal digits, or one of the marks that may be escaped.
    private mutating func escapedByte() -> UInt8? {
        guard position < text.count else { return nil }
        let byte = text[position]
        position += 1
        if let high = byte.hexValue {
            guard position < text.count, let low = text[position].hexValue else { return nil }
            position += 1
            return high << 4 | low
        }
        return " \"#+,;<=>\\".utf8.contains(byte) ? byte : nil
    }

    /// `#` and the BER encoding of a short string in hexadecimal digits.
    private mutating func encodedValue() -> [UInt8]? {
        position += 1
        var bytes: [UInt8] = []
        while position + 1 < text.count, let high = text[position].hexValue,
            let low = text[position + 1].hexValue
        {
            bytes.append(high << 4 | low)
            position += 2
        }
        skipBlanks()
        // UTF8String, PrintableString, TeletexString, IA5String (X.690 section 8.1).
        guard bytes.count > 2, [0x0C, 0x13, 0x14, 0x16].contains(bytes[0]),
            bytes[1] < 0x80, bytes.count == Int(bytes[1]) + 2
        else { return nil }
        return Array(bytes[2...])
    }
}

extension UInt8 {
    fileprivate var isInAttributeType: Bool {
        isASCIILetter || isASCIIDigit || self == UInt8(ascii: "-") || self == UInt8(ascii: ".")
    }
}
