import Bytes

/// An IPv4 or IPv6 address. IPv4 in IPv6 clothes (`::ffff:127.0.0.1`) becomes what it is: IPv4.
public struct IPAddress: Sendable, Hashable {
    /// 4 or 16 bytes, network order.
    public let bytes: [UInt8]

    public static let loopback = IPAddress(bytes: [127, 0, 0, 1])

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameter host: `192.0.2.1`, or an IPv6 address in brackets; no zone.
    init?(host: [UInt8]) {
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]"), host.count > 2 {
            guard let bytes = ipv6(host[1..<(host.count - 1)]) else { return nil }
            let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10...11] == [255, 255]
            self.init(bytes: isMapped ? Array(bytes[12...]) : bytes)
        } else {
            guard let bytes = ipv4(host[...]) else { return nil }
            self.init(bytes: bytes)
        }
    }

    public var isIPv6: Bool { bytes.count == 16 }
    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool {
        isIPv6 ? bytes.last == 1 && bytes.dropLast().allSatisfy { $0 == 0 } : bytes[0] == 127
    }
    /// 0.0.0.0 or [::]: every address of this machine.
    public var isWildcard: Bool { bytes.allSatisfy { $0 == 0 } }
    /// As in a URL: IPv6 in brackets.
    public var hostText: String { isIPv6 ? "[\(self)]" : description }
}

extension IPAddress: CustomStringConvertible {
    /// IPv6 without `::`: readable by every parser, and only for messages and system calls.
    public var description: String {
        guard isIPv6 else { return bytes.map { String($0) }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2)
            .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
            .joined(separator: ":")
    }
}

/// Four decimal numbers without leading zeros (RFC 6943 section 3.1.1 tells why nothing else).
private func ipv4(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
        let isPadded = part.count > 1 && part.first == UInt8(ascii: "0")
        guard part.count <= 3, !isPadded, let value = Array(part).span.decimalValue,
            let byte = UInt8(exactly: value)
        else { return nil }
        bytes.append(byte)
    }
    return bytes
}

/// RFC 4291 section 2.2: groups of hexadecimal digits, perhaps one `::`, perhaps IPv4 at the end.
private func ipv6(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let colon = UInt8(ascii: ":")
    let gap = text.indices.dropLast().first { text[$0] == colon && text[$0 + 1] == colon }
    guard let gap else {
        guard let bytes = ipv6Groups(text, mayEndInIPv4: true) else { return nil }
        return bytes.count == 16 ? bytes : nil
    }
    guard let front = ipv6Groups(text[..<gap], mayEndInIPv4: false),
        let back = ipv6Groups(text[(gap + 2)...], mayEndInIPv4: true),
        front.count + back.count <= 14
    else { return nil }
    return front + Array(repeating: 0, count: 16 - front.count - back.count) + back
}

private func ipv6Groups(_ text: ArraySlice<UInt8>, mayEndInIPv4: Bool) -> [UInt8]? {
    if text.isEmpty { return [] }
    var groups = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    var tail: [UInt8] = []
    if mayEndInIPv4, let last = groups.last, let bytes = ipv4(last) {
        tail = bytes
        groups.removeLast()
    }
    var bytes: [UInt8] = []
    for group in groups {
        guard let pair = ipv6Group(group) else { return nil }
        bytes += pair
    }
    return bytes + tail
}

private func ipv6Group(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
    guard (1...4).contains(digits.count) else { return nil }
    var value: UInt16 = 0
    for digit in digits {
        guard let nibble = digit.hexValue else { return nil }
        value = value << 4 | UInt16(nibble)
    }
    return [UInt8(value >> 8), UInt8(value & 0xFF)]
}
