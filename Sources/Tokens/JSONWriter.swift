public import Bytes

/// Writes JSON (RFC 8259), its members in the order in which they are given.
public struct JSONWriter {
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    public init() {}

    public mutating func begin(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    public mutating func end(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }

    public mutating func key(_ name: StaticString) {
        text(ByteString(name.description))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    public mutating func member(_ name: StaticString, _ value: ByteString) {
        key(name)
        text(value)
    }

    public mutating func member(_ name: StaticString, _ value: Int64) {
        key(name)
        bytes.append(contentsOf: String(value).utf8)
        needsComma = true
    }

    public mutating func member(_ name: StaticString, _ values: [ByteString]) {
        key(name)
        texts(values)
    }

    public mutating func texts(_ values: [ByteString]) {
        list(values) { json, value in json.text(value) }
    }

    public mutating func list<Element>(
        _ elements: [Element],
        _ write: (inout JSONWriter, Element) -> Void
    ) {
        begin("[")
        for element in elements { write(&self, element) }
        end("]")
    }

    /// A string. What is no UTF-8 becomes U+FFFD; control characters are escaped.
    public mutating func text(_ text: ByteString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        for scalar in text.description.unicodeScalars { append(scalar) }
        bytes.append(UInt8(ascii: "\""))
        needsComma = true
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x22, 0x5C: bytes += [UInt8(ascii: "\\"), UInt8(scalar.value)]
        case 0..<0x20, 0x7F..<0xA0:
            bytes += Array("\\u00".utf8)
            bytes += UInt8(scalar.value).hexadecimalDigits
        case 0x20..<0x7F: bytes.append(UInt8(scalar.value))
        default: bytes.append(contentsOf: String(scalar).utf8)
        }
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }
}
