public import Bytes

/// Makes the URLs in an upstream's answer lead back to the proxy, by cutting scheme and authority
/// off where the authority is one of ours (`protocol.md` 4.4). Every client resolves a path.
public enum LocationRewriting {
    /// The part of a `Location` value from its path on.
    ///
    /// - Parameter ours: the upstream's authority, the client's Host and our external one, in lower
    ///   case; a port that is the scheme's own makes no difference.
    /// - Returns: the whole value if it is a path already; `nil` if it leads to a foreign
    ///   authority, as a redirect to storage does, or is no `http` URL with a path: leave it alone.
    ///   So is one whose path begins with a second slash: alone, it would name an authority.
    public static func pathOnly(_ value: borrowing Span<UInt8>, ours: [ByteString]) -> Place? {
        guard let (start, isSecure) = value.authorityStart else {
            return value.starts(with: "/") ? Place(0, value.count) : nil
        }
        var end = start
        while end < value.count, !value[end].endsAuthority { end += 1 }
        guard end < value.count, value[end] == UInt8(ascii: "/"),
            !value.hasSlash(at: end + 1)
        else { return nil }
        let authority = value.extracting(start..<end).withoutPort(ofSecure: isSecure)
        for candidate in ours {
            let own = candidate.span.withoutPort(ofSecure: isSecure)
            if authority.equalsIgnoringCase(own) { return Place(end, value.count) }
        }
        return nil
    }

    /// Writes a `Link` value (RFC 8288: `<url>; rel="next"`, several with commas between them) with
    /// each of its URLs cut as `pathOnly` does. Everything else stays byte for byte.
    ///
    /// - Precondition: as much room as `value` is long; it never grows.
    public static func appendRewrittenLink(
        _ value: borrowing Span<UInt8>,
        ours: [ByteString],
        to buffer: Buffer
    ) {
        var index = 0
        var isQuoted = false
        while index < value.count {
            let byte = value[index]
            buffer.append(byte)
            index += 1
            if isQuoted, byte == UInt8(ascii: "\\"), index < value.count {
                buffer.append(value[index])
                index += 1
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == UInt8(ascii: "<"), !isQuoted {
                let rest = value.extracting(index..<value.count)
                let url = rest.extracting(
                    0..<(rest.firstIndex(of: UInt8(ascii: ">")) ?? rest.count))
                buffer.append(url.extracting(pathOnly(url, ours: ours) ?? Place(0, url.count)))
                index += url.count
            }
        }
    }
}

extension Span<UInt8> {
    /// Where the authority of `http://…`, `https://…` or `//…` begins; the last counts as plain.
    fileprivate var authorityStart: (start: Int, isSecure: Bool)? {
        if startsIgnoringCase("https://") { return (8, true) }
        if startsIgnoringCase("http://") { return (7, false) }
        return starts(with: "//") ? (2, false) : nil
    }

    /// Browsers take a backslash for a slash.
    fileprivate func hasSlash(at index: Int) -> Bool {
        index < count && (self[index] == UInt8(ascii: "/") || self[index] == UInt8(ascii: "\\"))
    }

    private func startsIgnoringCase(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        return count >= length && extracting(0..<length).equalsIgnoringCase(text)
    }

    @_lifetime(copy self)
    fileprivate func withoutPort(ofSecure isSecure: Bool) -> Span<UInt8> {
        let length = isSecure ? 4 : 3
        guard count > length else { return extracting(0..<count) }
        let tail = extracting(count - length..<count)
        let isDefault = isSecure ? tail.elementsEqual(":443") : tail.elementsEqual(":80")
        return extracting(0..<(isDefault ? count - length : count))
    }

    fileprivate func equalsIgnoringCase(_ lowerCase: borrowing Span<UInt8>) -> Bool {
        guard count == lowerCase.count, count > 0 else { return false }
        for index in 0..<count where self[index].asciiLowercased != lowerCase[index] {
            return false
        }
        return true
    }
}

extension UInt8 {
    fileprivate var endsAuthority: Bool {
        switch self {
        case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "\\"): true
        default: false
        }
    }
}
