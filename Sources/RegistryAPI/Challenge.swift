public import Bytes

/// The value of a `WWW-Authenticate` field: what a client should come back with.
public struct Challenge: Sendable, Hashable {
    public let bytes: ByteString

    /// `Basic realm="…", charset="UTF-8"` (RFC 7617 section 2.1).
    ///
    /// - Returns: `nil` if `realm` is empty or has bytes other than visible ASCII and blanks;
    ///   quotes and backslashes are escaped.
    public init?(basicRealm realm: ByteString) {
        var text = Array("Basic realm=".utf8)
        guard text.append(quoted: realm) else { return nil }
        bytes = ByteString(text + Array(", charset=\"UTF-8\"".utf8))
    }

    /// `Bearer realm="…",service="…",scope="…",error="…"`: where to get a token and what it must be
    /// for (distribution specification, "Token Authentication"; RFC 6750 section 3).
    ///
    /// - Parameters:
    ///   - realm: the URL of the token endpoint.
    ///   - scopes: none: any token will do.
    ///   - error: what is wrong with the token that was sent; `nil` if none was.
    /// - Returns: `nil` under the same conditions as above.
    public init?(
        bearerRealm realm: ByteString,
        service: ByteString,
        scopes: [Scope],
        error: TokenError? = nil
    ) {
        var text = Array("Bearer realm=".utf8)
        guard text.append(quoted: realm) else { return nil }
        text += Array(",service=".utf8)
        guard text.append(quoted: service) else { return nil }
        if !scopes.isEmpty {
            text += Array(",scope=".utf8)
            let list = scopes.map(\.text.bytes).joined(separator: [UInt8(ascii: " ")])
            guard text.append(quoted: ByteString(Array(list))) else { return nil }
        }
        if let error { text += Array(",error=\"\(error.rawValue)\"".utf8) }
        bytes = ByteString(text)
    }

    /// RFC 6750 section 3.1.
    public enum TokenError: String, Sendable {
        case invalidToken = "invalid_token"
        case insufficientScope = "insufficient_scope"
    }
}

extension [UInt8] {
    /// Appends a quoted string (RFC 9110 section 5.6.4).
    ///
    /// - Returns: false if `text` is empty or has other bytes than visible ASCII and blanks.
    fileprivate mutating func append(quoted text: ByteString) -> Bool {
        guard !text.isEmpty else { return false }
        append(UInt8(ascii: "\""))
        for byte in text.bytes {
            guard (0x20...0x7E).contains(byte) else { return false }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                append(UInt8(ascii: "\\"))
            }
            append(byte)
        }
        append(UInt8(ascii: "\""))
        return true
    }
}
