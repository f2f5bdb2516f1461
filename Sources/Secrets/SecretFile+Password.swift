public import Bytes

/// Files that hold one password and nothing else.
extension SecretFile {
    /// The longest password that is read.
    public static let longestPassword = 1024

    /// The password in a file's content; one line break at its end does not count.
    ///
    /// - Throws: `notAPassword` unless 1 to 1024 bytes are left, none of them a control byte.
    public static func password(in content: SecretBytes) throws(SecretFileError) -> SecretBytes {
        let bytes = content.bytes
        var count = bytes.count
        if count > 0, bytes[count - 1] == UInt8(ascii: "\n") {
            count -= 1
            if count > 0, bytes[count - 1] == UInt8(ascii: "\r") { count -= 1 }
        }
        let password = bytes.extracting(0..<count)
        guard (1...longestPassword).contains(count) else { throw .notAPassword }
        for index in 0..<count where password[index] < 0x20 || password[index] == 0x7F {
            throw .notAPassword
        }
        return SecretBytes(copying: password)
    }
}

extension SecretBytes {
    /// The value of an `Authorization` field for the scheme Basic (RFC 7617 section 2).
    /// - Parameter user: without a colon.
    public convenience init(basicUser user: ByteString, password: SecretBytes) {
        let plain = SecretBuffer(capacity: user.count + 1 + password.count)
        for byte in user.bytes { plain.append(byte) }
        plain.append(UInt8(ascii: ":"))
        let secret = password.bytes
        for index in 0..<secret.count { plain.append(secret[index]) }
        let value = SecretBuffer(capacity: 6 + (plain.count + 2) / 3 * 4)
        for byte in "Basic ".utf8 { value.append(byte) }
        value.append(base64: plain.bytes)
        self.init(copying: value.bytes)
    }
}
