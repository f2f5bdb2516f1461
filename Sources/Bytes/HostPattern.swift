/// Hosts by name: `storage.example.com`, `*.example.com` (everything below, not the name itself) or
/// a literal address (IPv6 in brackets), each with or without `:PORT`.
public struct HostPattern: Sendable, Hashable {
    /// Lower case; of a pattern with `*` what stands behind the star, with its dot.
    private let name: ByteString
    private let hasStar: Bool
    /// `nil`: any.
    private let port: UInt16?

    public init?(parsing text: borrowing Span<UInt8>) {
        var end = text.count
        var port: UInt16?
        let isBracketed = end > 0 && text[0] == UInt8(ascii: "[")
        let colon = text.lastIndex(of: UInt8(ascii: ":"))
        if let colon, !isBracketed || text[colon - 1] == UInt8(ascii: "]") {
            let digits = text.extracting((colon + 1)..<text.count)
            guard (1...5).contains(digits.count), let value = digits.decimalValue, value > 0,
                let number = UInt16(exactly: value)
            else { return nil }
            port = number
            end = colon
        }
        self.port = port
        hasStar = end > 2 && text[0] == UInt8(ascii: "*") && text[1] == UInt8(ascii: ".")
        let host = text.extracting((hasStar ? 1 : 0)..<end)
        if let address = IPAddress(host: host) {
            name = ByteString(address.hostText)
            return
        }
        guard Self.isName(host.extracting((hasStar ? 1 : 0)..<host.count)) else { return nil }
        name = ByteString(host.lowercased)
    }

    /// - Parameter host: as in a URL.
    public func matches(_ host: borrowing Span<UInt8>, port: UInt16) -> Bool {
        if let wanted = self.port, wanted != port { return false }
        if let address = IPAddress(host: host) {
            return !hasStar && ByteString(address.hostText) == name
        }
        let lowered = host.lowercased
        guard hasStar else { return lowered == name.bytes }
        return lowered.count > name.count && lowered.suffix(name.count).elementsEqual(name.bytes)
    }

    /// Labels of letters, digits, `-` and `_` with single dots between them.
    private static func isName(_ text: borrowing Span<UInt8>) -> Bool {
        guard (1...253).contains(text.count) else { return false }
        var isLabelEmpty = true
        for index in 0..<text.count {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                if isLabelEmpty { return false }
                isLabelEmpty = true
                continue
            }
            let isSign = byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            guard byte.isASCIILetter || byte.isASCIIDigit || isSign else { return false }
            isLabelEmpty = false
        }
        return !isLabelEmpty
    }
}

extension Span<UInt8> {
    fileprivate var lowercased: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        for index in 0..<count { bytes.append(self[index].asciiLowercased) }
        return bytes
    }
}
