public import Bytes

/// Who the client is, where trusted proxies stand in front and say so in `X-Forwarded-For`. Pure.
public enum ForwardedFor {
    /// Walks the list from its right end, which the nearest proxy has written, as long as whoever
    /// wrote an entry is trusted.
    ///
    /// - Parameters:
    ///   - peer: the other end of the connection.
    ///   - trusted: networks of the proxies that are believed.
    /// - Returns: the first address that is not a trusted proxy's; the last one that could be read
    ///   if the list ends before, or has an entry that is no address.
    public static func client(
        behind peer: IPAddress,
        in fields: FieldSection,
        of bytes: borrowing Span<UInt8>,
        trusted: [IPNetwork]
    ) -> IPAddress {
        var client = peer
        guard trusted.contains(client), fields.contains(.xForwardedFor) else { return client }
        for line in fields.lines.reversed() where line.field == .xForwardedFor {
            let value = bytes.extracting(line.value)
            var end = value.count
            while end >= 0 {
                var start = end
                while start > 0, value[start - 1] != UInt8(ascii: ",") { start -= 1 }
                guard let next = address(value.extracting(start..<end)) else { return client }
                client = next
                guard trusted.contains(client) else { return client }
                end = start - 1
            }
        }
        return client
    }

    /// The scheme that the nearest proxy was asked under; `nil` if it does not say, or says
    /// something else than `http` and `https`.
    public static func scheme(
        in fields: FieldSection,
        of bytes: borrowing Span<UInt8>
    ) -> StaticString? {
        guard let line = fields.lines.last(where: { $0.field == .xForwardedProto }) else {
            return nil
        }
        let value = bytes.extracting(line.value)
        let start = value.lastIndex(of: UInt8(ascii: ",")).map { $0 + 1 } ?? 0
        let last = value.extracting(start..<value.count)
        let word = last.extracting(trim(last))
        if word.equalsIgnoringCase("https") { return "https" }
        return word.equalsIgnoringCase("http") ? "http" : nil
    }

    /// One entry: an address, perhaps with a port, IPv6 then in brackets.
    private static func address(_ entry: borrowing Span<UInt8>) -> IPAddress? {
        let text = entry.extracting(trim(entry))
        if let plain = IPAddress(parsing: text) { return plain }
        guard !text.isEmpty else { return nil }
        let isBracketed = text[0] == UInt8(ascii: "[")
        if isBracketed, text[text.count - 1] == UInt8(ascii: "]") { return IPAddress(host: text) }
        guard let colon = text.lastIndex(of: UInt8(ascii: ":")),
            let port = text.extracting((colon + 1)..<text.count).decimalValue, port < 65536
        else { return nil }
        return IPAddress(host: text.extracting(0..<colon))
    }

    /// Where the text is without the blanks around it.
    private static func trim(_ text: borrowing Span<UInt8>) -> Range<Int> {
        var start = 0
        var end = text.count
        while start < end, text[start] == UInt8(ascii: " ") || text[start] == 0x09 { start += 1 }
        while end > start, text[end - 1] == UInt8(ascii: " ") || text[end - 1] == 0x09 { end -= 1 }
        return start..<end
    }
}

extension [IPNetwork] {
    /// Whether one of them has this address.
    public func contains(_ address: IPAddress) -> Bool { contains { $0.contains(address) } }
}
