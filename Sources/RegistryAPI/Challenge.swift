public import Bytes

/// The value of a `WWW-Authenticate` field that asks for a user name and a password.
public struct Challenge: Sendable, Hashable {
    public let bytes: ByteString

    /// `Basic realm="…", charset="UTF-8"` (RFC 7617 section 2.1).
    ///
    /// - Returns: `nil` if `realm` is empty or has bytes other than visible ASCII and blanks;
    ///   quotes and backslashes are escaped.
    public init?(basicRealm realm: ByteString) {
        guard !realm.isEmpty else { return nil }
        var text: [UInt8] = Array("Basic realm=\"".utf8)
        for byte in realm.bytes {
            guard (0x20...0x7E).contains(byte) else { return nil }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                text.append(UInt8(ascii: "\\"))
            }
            text.append(byte)
        }
        text += Array("\", charset=\"UTF-8\"".utf8)
        bytes = ByteString(text)
    }
}
