public import Bytes

/// What a load balancer says of the client before the client's own bytes: the PROXY protocol,
/// versions 1 and 2 (haproxy.org/download/2.8/doc/proxy-protocol.txt). Pure; refuses what is not
/// exactly as written there.
public enum ProxyHeader: Sendable, Hashable {
    /// The balancer speaks for itself, or does not know for whom.
    case unknown
    case client(IPAddress, port: UInt16)

    /// What the first bytes of a connection are.
    public enum Reading: Sendable, Hashable {
        /// So far all is well, but it is not complete.
        case incomplete
        case complete(ProxyHeader, byteCount: Int)
        case malformed
    }

    /// The longest header that is read, with its extensions.
    public static let longest = 4096

    public static func read(_ bytes: borrowing Span<UInt8>) -> Reading {
        guard !bytes.isEmpty else { return .incomplete }
        return bytes[0] == UInt8(ascii: "P") ? readText(bytes) : readBinary(bytes)
    }
}

/// Version 1: a line of text.
extension ProxyHeader {
    private static let begin = Array("PROXY ".utf8)
    /// With its line break.
    private static let longestLine = 107

    private static func readText(_ bytes: borrowing Span<UInt8>) -> Reading {
        for index in 0..<min(bytes.count, begin.count) where bytes[index] != begin[index] {
            return .malformed
        }
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\r")) else {
            return bytes.count < longestLine - 1 ? .incomplete : .malformed
        }
        guard end <= longestLine - 2 else { return .malformed }
        guard end + 1 < bytes.count else { return .incomplete }
        guard bytes[end + 1] == UInt8(ascii: "\n"), end >= begin.count,
            let header = line(bytes.extracting(begin.count..<end))
        else { return .malformed }
        return .complete(header, byteCount: end + 2)
    }

    /// - Parameter text: what stands behind `PROXY `.
    private static func line(_ text: borrowing Span<UInt8>) -> ProxyHeader? {
        if text.elementsEqual("UNKNOWN") || text.starts(with: "UNKNOWN ") { return .unknown }
        var words = Words(count: text.count)
        guard let family = words.next(text), let source = words.next(text),
            let destination = words.next(text), let sourcePort = words.next(text),
            let destinationPort = words.next(text), words.isAtEnd,
            let client = address(text.extracting(source), text.extracting(family)),
            address(text.extracting(destination), text.extracting(family)) != nil,
            let port = port(text.extracting(sourcePort)),
            Self.port(text.extracting(destinationPort)) != nil
        else { return nil }
        return .client(client, port: port)
    }

    /// An IPv4 address in IPv6 clothes is IPv6 here, as it is written.
    private static func address(
        _ text: borrowing Span<UInt8>,
        _ family: borrowing Span<UInt8>
    ) -> IPAddress? {
        let isV6 = family.elementsEqual("TCP6")
        guard isV6 || family.elementsEqual("TCP4"),
            isV6 == (text.firstIndex(of: UInt8(ascii: ":")) != nil)
        else { return nil }
        return IPAddress(parsing: text)
    }

    private static func port(_ digits: borrowing Span<UInt8>) -> UInt16? {
        guard (1...5).contains(digits.count), digits.count == 1 || digits[0] != UInt8(ascii: "0"),
            let value = digits.decimalValue
        else { return nil }
        return UInt16(exactly: value)
    }

    /// Words between single blanks.
    private struct Words {
        let count: Int
        var position = 0

        init(count: Int) { self.count = count }

        var isAtEnd: Bool { position > count }

        mutating func next(_ text: borrowing Span<UInt8>) -> Range<Int>? {
            guard position <= count else { return nil }
            var end = position
            while end < count, text[end] != UInt8(ascii: " ") { end += 1 }
            let word = position..<end
            position = end + 1
            return word.isEmpty ? nil : word
        }
    }
}

/// Version 2: binary.
extension ProxyHeader {
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    private static let fixedCount = 16

    private static func readBinary(_ bytes: borrowing Span<UInt8>) -> Reading {
        for index in 0..<min(bytes.count, signature.count) where bytes[index] != signature[index] {
            return .malformed
        }
        guard bytes.count >= fixedCount else { return .incomplete }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        let byteCount = fixedCount + length
        guard byteCount <= longest else { return .malformed }
        guard bytes.count >= byteCount else { return .incomplete }
        let addresses = bytes.extracting(fixedCount..<byteCount)
        guard let header = header(command: bytes[12], family: bytes[13], addresses) else {
            return .malformed
        }
        return .complete(header, byteCount: byteCount)
    }

    private static func header(
        command: UInt8,
        family: UInt8,
        _ addresses: borrowing Span<UInt8>
    ) -> ProxyHeader? {
        switch (command, family) {
        // LOCAL: a health check. What else it says is to be ignored.
        case (0x20, _): .unknown
        // Unspecified; a unix socket, which has no address.
        case (0x21, 0x00): .unknown
        case (0x21, 0x31): addresses.count >= 216 ? .unknown : nil
        case (0x21, 0x11): client(addresses, addressSize: 4)
        case (0x21, 0x21): client(addresses, addressSize: 16)
        default: nil
        }
    }

    /// Source, destination, their ports, then extensions, which are skipped.
    private static func client(
        _ addresses: borrowing Span<UInt8>,
        addressSize: Int
    ) -> ProxyHeader? {
        let ports = addressSize * 2
        guard addresses.count >= ports + 4,
            let source = IPAddress(bytes: addresses.extracting(0..<addressSize))
        else { return nil }
        let port = UInt16(addresses[ports]) << 8 | UInt16(addresses[ports + 1])
        return .client(source, port: port)
    }
}
