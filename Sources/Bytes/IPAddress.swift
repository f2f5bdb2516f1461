/// An IPv4 or IPv6 address, without port and zone. IPv4 in IPv6 clothes (`::ffff:192.0.2.1`) is
/// what it is: IPv4.
public struct IPAddress: Sendable, Hashable {
    /// The 128 bits of an IPv6 address; of an IPv4 address those of `::ffff:a.b.c.d`.
    let high: UInt64
    let low: UInt64

    public static let loopback = IPAddress(high: 0, low: Self.mapped | 0x7F00_0001)
    private static let mapped: UInt64 = 0xFFFF_0000_0000

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// From 4 or 16 bytes in network order; `nil` for another count.
    public init?(bytes: borrowing Span<UInt8>) {
        switch bytes.count {
        case 4: self.init(high: 0, low: Self.mapped | Self.number(bytes.extracting(0..<4)))
        case 16:
            self.init(
                high: Self.number(bytes.extracting(0..<8)),
                low: Self.number(bytes.extracting(8..<16))
            )
        default: return nil
        }
    }

    /// Reads `192.0.2.1` or `2001:db8::1`; `nil` for anything else, a zone and brackets included.
    public init?(parsing text: borrowing Span<UInt8>) {
        if let value = ipv4(text) {
            self.init(high: 0, low: Self.mapped | UInt64(value))
        } else if let groups = ipv6(text) {
            self.init(bytes: groups.span)
        } else {
            return nil
        }
    }

    /// As in a URL: `192.0.2.1`, or an IPv6 address in brackets.
    public init?(host: borrowing Span<UInt8>) {
        let isBracketed =
            host.count > 2 && host[0] == UInt8(ascii: "[")
            && host[host.count - 1] == UInt8(ascii: "]")
        let text = isBracketed ? host.extracting(1..<(host.count - 1)) : copy host
        guard isBracketed == (text.firstIndex(of: UInt8(ascii: ":")) != nil) else { return nil }
        self.init(parsing: text)
    }

    /// 4 or 16 bytes, network order.
    public var bytes: [UInt8] {
        let all = [high, low].flatMap { half in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
        }
        return isIPv6 ? all : Array(all[12...])
    }

    public var isIPv6: Bool { high != 0 || low >> 32 != 0xFFFF }

    private static func number(_ bytes: borrowing Span<UInt8>) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<bytes.count { value = value << 8 | UInt64(bytes[index]) }
        return value
    }
}

/// What kind of address it is.
extension IPAddress {
    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        isIPv6 ? high == 0 && low == 1 : low >> 24 & 0xFF == 127
    }

    /// 0.0.0.0 or `::`: every address of this machine.
    public var isWildcard: Bool { high == 0 && (low == 0 || low == Self.mapped) }

    /// Whether it has no meaning outside of one organisation or link: RFC 1918, RFC 4193 (fc00::/7)
    /// and link-local (169.254.0.0/16, fe80::/10).
    public var isPrivate: Bool {
        if isIPv6 { return high >> 57 == 0xFC >> 1 || high >> 54 == 0xFE80 >> 6 }
        let value = UInt32(truncatingIfNeeded: low)
        return value >> 24 == 10 || value >> 20 == 0xAC1 || value >> 16 == 0xC0A8
            || value >> 16 == 0xA9FE
    }
}

extension IPAddress: CustomStringConvertible {
    /// The one form of RFC 5952: lower case, the longest run of zeros as `::`.
    public var description: String {
        guard isIPv6 else {
            return stride(from: 24, through: 0, by: -8).map { String(low >> $0 & 0xFF) }
                .joined(separator: ".")
        }
        let groups = (0..<8).map { index in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> (48 - index % 4 * 16))
        }
        let zeros = longestZeros(groups)
        guard zeros.count > 1 else { return text(groups[...]) }
        return "\(text(groups[..<zeros.lowerBound]))::\(text(groups[zeros.upperBound...]))"
    }

    /// As in a URL: IPv6 in brackets.
    public var hostText: String { isIPv6 ? "[\(self)]" : description }

    private func text(_ groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    private func longestZeros(_ groups: [UInt16]) -> Range<Int> {
        var longest = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 { start = index + 1 }
            if index + 1 - start > longest.count { longest = start..<(index + 1) }
        }
        return longest
    }
}

/// Four decimal numbers without leading zeros (RFC 6943 section 3.1.1 tells why nothing else).
private func ipv4(_ text: borrowing Span<UInt8>) -> UInt32? {
    var value: UInt32 = 0
    var start = 0
    for part in 0..<4 {
        var end = start
        while end < text.count, text[end] != UInt8(ascii: ".") { end += 1 }
        let digits = text.extracting(start..<end)
        let isPadded = digits.count > 1 && digits[0] == UInt8(ascii: "0")
        guard digits.count <= 3, !isPadded, let number = digits.decimalValue, number < 256 else {
            return nil
        }
        value = value << 8 | UInt32(number)
        // A dot behind each of the first three, the end behind the fourth.
        guard (part == 3) == (end == text.count) else { return nil }
        start = end + 1
    }
    return value
}

/// RFC 4291 section 2.2: groups of hexadecimal digits, perhaps one `::`, perhaps IPv4 at the end.
private func ipv6(_ text: borrowing Span<UInt8>) -> [UInt8]? {
    guard text.count <= 45, let gap = text.firstDoubleColon else {
        guard text.count <= 45, let bytes = ipv6Groups(text, mayEndInIPv4: true) else { return nil }
        return bytes.count == 16 ? bytes : nil
    }
    let behind = text.extracting((gap + 2)..<text.count)
    guard let front = ipv6Groups(text.extracting(0..<gap), mayEndInIPv4: false),
        let back = ipv6Groups(behind, mayEndInIPv4: true),
        front.count + back.count <= 14
    else { return nil }
    return front + Array(repeating: 0, count: 16 - front.count - back.count) + back
}

private func ipv6Groups(_ text: borrowing Span<UInt8>, mayEndInIPv4: Bool) -> [UInt8]? {
    var bytes: [UInt8] = []
    var start = 0
    while start < text.count {
        var end = start
        while end < text.count, text[end] != UInt8(ascii: ":") { end += 1 }
        let group = text.extracting(start..<end)
        let isLast = end == text.count
        if isLast, mayEndInIPv4, let value = ipv4(group) {
            for shift in stride(from: 24, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        } else if let value = ipv6Group(group) {
            bytes += [UInt8(value >> 8), UInt8(value & 0xFF)]
        } else {
            return nil
        }
        // A colon with nothing behind it separates nothing.
        if end == text.count - 1 { return nil }
        start = end + 1
    }
    return bytes
}

private func ipv6Group(_ digits: borrowing Span<UInt8>) -> UInt16? {
    guard (1...4).contains(digits.count) else { return nil }
    var value: UInt16 = 0
    for index in 0..<digits.count {
        guard let nibble = digits[index].hexValue else { return nil }
        value = value << 4 | UInt16(nibble)
    }
    return value
}

extension Span<UInt8> {
    fileprivate var firstDoubleColon: Int? {
        for index in 0..<Swift.max(count - 1, 0)
        where self[index] == UInt8(ascii: ":") && self[index + 1] == UInt8(ascii: ":") {
            return index
        }
        return nil
    }
}
