public import Bytes

/// Where a redirect leads: an `http` or `https` URL (RFC 9110 section 10.2.2), without user
/// information. What passes here can be written into a request as it is.
public struct RedirectTarget: Sendable, Equatable {
    public let isSecure: Bool
    /// As in a URL: a name, or a literal address, IPv6 in brackets.
    public let host: ByteString
    public let port: UInt16
    /// As in `Host`: without the scheme's own port.
    public let authority: ByteString
    /// Path and query; begins with `/`.
    public let pathAndQuery: ByteString

    /// Longer ones are refused.
    public static let longest = 8192

    /// - Parameters:
    ///   - value: of `Location`.
    ///   - base: where the redirect came from; `nil`: the URL must be whole.
    public init?(
        parsing value: borrowing Span<UInt8>,
        from base: RedirectTarget? = nil
    ) {
        guard Self.isClean(value) else { return nil }
        let end = value.firstIndex(of: UInt8(ascii: "#")) ?? value.count
        let url = value.extracting(0..<end)
        if let base, url.starts(with: "/"), !url.starts(with: "//") {
            isSecure = base.isSecure
            host = base.host
            port = base.port
            authority = base.authority
            pathAndQuery = ByteString(copying: url)
            return
        }
        let secure = url.starts(withIgnoringCase: "https://")
        guard secure || url.starts(withIgnoringCase: "http://") else { return nil }
        let start = secure ? 8 : 7
        var slash = start
        while slash < url.count, url[slash] != 0x2F, url[slash] != 0x3F { slash += 1 }
        guard slash <= Int(UInt16.max),
            let parsed = Authority(parsing: url, at: Place(start, slash))
        else { return nil }
        isSecure = secure
        host = ByteString(copying: url.extracting(parsed.host))
        let usual = secure ? 443 : 80
        port = UInt16(parsed.port ?? usual)
        let isUsual = port == usual
        authority = isUsual ? host : ByteString(host.bytes + Array(":\(port)".utf8))
        let rest = ByteString(copying: url.extracting(slash..<url.count))
        let hasPath = slash < url.count && url[slash] == 0x2F
        pathAndQuery = hasPath ? rest : ByteString([0x2F] + rest.bytes)
    }

    private static func isClean(_ value: borrowing Span<UInt8>) -> Bool {
        guard (1...longest).contains(value.count) else { return false }
        for index in 0..<value.count {
            let byte = value[index]
            guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") else { return false }
        }
        return true
    }
}
