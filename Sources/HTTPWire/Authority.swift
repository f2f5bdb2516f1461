public import Bytes

/// A host and perhaps a port, as in `Host` (RFC 9110 section 7.2) and in an absolute target.
///
/// Narrower than RFC 3986: no user information, no percent-encoding, no sub-delimiters (a comma in
/// `Host` has split it in two before), no empty port, no empty label. What passes here can be
/// written into a URL, a log line or a field value as it is.
public struct Authority: Sendable, Equatable {
    /// A name, an IPv4 address, or an IPv6 address with its brackets. 1 to 255 bytes.
    public let host: Place
    /// 1 to 65535; `nil` if none was written.
    public let port: Int?

    /// - Returns: `nil` if the bytes at `place` are no such authority.
    public init?(parsing bytes: Span<UInt8>, at place: Place) {
        let text = bytes.extracting(place)
        guard let hostEnd = text.first == UInt8(ascii: "[") ? text.addressEnd : text.nameEnd else {
            return nil
        }
        if hostEnd == text.count {
            port = nil
        } else {
            guard text[hostEnd] == UInt8(ascii: ":"), text.count - hostEnd <= 6,
                let value = text.extracting((hostEnd + 1)..<text.count).decimalValue,
                (1...65535).contains(value)
            else { return nil }
            port = value
        }
        let start = place.range.lowerBound
        host = Place(start, start + hostEnd)
    }
}

extension Span<UInt8> {
    fileprivate var first: UInt8? { isEmpty ? nil : self[0] }

    /// Where a host name or IPv4 address ends: labels parted by dots, the last dot may end it.
    fileprivate var nameEnd: Int? {
        var index = 0
        var labelStart = 0
        while index < count, ByteSet.hostName.contains(self[index]) {
            if self[index] == UInt8(ascii: ".") {
                if index == labelStart { return nil }
                labelStart = index + 1
            }
            index += 1
        }
        return (1...255).contains(index) ? index : nil
    }

    /// Where an IPv6 address in brackets ends, behind its bracket.
    fileprivate var addressEnd: Int? {
        guard let bracket = firstIndex(of: UInt8(ascii: "]")) else { return nil }
        return extracting(1..<bracket).isIPv6Address ? bracket + 1 : nil
    }

    /// `IPv6address` of RFC 3986 section 3.2.2: eight groups, or fewer with one `::`; the last two
    /// may be an IPv4 address. No zone.
    private var isIPv6Address: Bool {
        var groups = 0
        var index = 0
        var isCompressed = false
        if count >= 2, self[0] == 0x3A, self[1] == 0x3A {
            isCompressed = true
            index = 2
        }
        while index < count {
            let end = extracting(index..<count).firstIndex(of: 0x3A).map { index + $0 } ?? count
            let group = extracting(index..<end)
            if end == count, group.isIPv4Address {
                groups += 2
                break
            }
            guard group.isHexadecimalGroup else { return false }
            groups += 1
            if end == count { break }
            index = end + 1
            // The colon must be followed by a group, or by the one other colon.
            if index == count { return false }
            if self[index] == 0x3A {
                if isCompressed { return false }
                isCompressed = true
                index += 1
            }
        }
        return isCompressed ? groups <= 7 : groups == 8
    }

    private var isHexadecimalGroup: Bool {
        for index in 0..<count where self[index].hexValue == nil { return false }
        return (1...4).contains(count)
    }

    private var isIPv4Address: Bool {
        var parts = 0
        var start = 0
        while start <= count {
            let end =
                extracting(start..<count).firstIndex(of: UInt8(ascii: ".")).map { start + $0 }
                ?? count
            let part = extracting(start..<end)
            guard part.count <= 3, let value = part.decimalValue, value <= 255,
                part.count == 1 || part[0] != UInt8(ascii: "0")
            else { return false }
            parts += 1
            start = end + 1
        }
        return parts == 4
    }
}
