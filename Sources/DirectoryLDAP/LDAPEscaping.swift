import Bytes

// What a name looks like inside a filter and inside a distinguished name: two languages, two ways
// of escaping, never one for the other.

extension Span<UInt8> {
    /// These bytes as the value of an assertion in a search filter (RFC 4515 section 3).
    ///
    /// Everything but printable ASCII is written as `\` and two digits as well, so that the filter
    /// is ASCII whatever the name is.
    var escapedForFilter: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(count)
        for index in 0..<count {
            switch self[index] {
            case UInt8(ascii: "*"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "\\"),
                0..<0x20, 0x7F...:
                text.append(escaped: self[index])
            default: text.append(self[index])
            }
        }
        return text
    }

    /// These bytes as the value of an attribute in a distinguished name (RFC 4514 section 2.4).
    ///
    /// Valid UTF-8 stays readable. A blank or `#` at the start, and a blank at the end, would mean
    /// something else.
    var escapedForDN: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(count)
        for index in 0..<count {
            let byte = self[index]
            let isAtEdge = index == 0 || index == count - 1
            switch byte {
            case 0..<0x20, 0x7F: text.append(escaped: byte)
            case UInt8(ascii: " ") where isAtEdge, UInt8(ascii: "#") where index == 0:
                text += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\""), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"),
                UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "="), UInt8(ascii: "\\"):
                text += [UInt8(ascii: "\\"), byte]
            default: text.append(byte)
            }
        }
        return text
    }
}

extension [UInt8] {
    fileprivate mutating func append(escaped byte: UInt8) {
        append(UInt8(ascii: "\\"))
        for digit in [byte >> 4, byte & 15] {
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
