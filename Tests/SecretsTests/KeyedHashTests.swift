import Bytes
import Secrets
import Testing

@Suite struct KeyedHashTests {
    private func hexadecimal(_ code: Code32) -> String {
        code.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test(
        "SHA-256 agrees with FIPS 180-4",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ]
    )
    func sha256(text: String, digest: String) {
        #expect(hexadecimal(SHA256.digest(of: ByteString(text).span)) == digest)
        var pieces = SHA256()
        for byte in text.utf8 { pieces.update([byte].span) }
        #expect(hexadecimal(pieces.finish()) == digest)
    }

    /// RFC 4231, test cases 1 to 3.
    @Test(
        "HMAC agrees with RFC 4231, also when it is used again",
        arguments: [
            (
                [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
            ),
        ]
    )
    func hmac(key: [UInt8], message: [UInt8], code: String) {
        let hash = KeyedHash(key: SecretBytes(copying: key.span))
        #expect(hexadecimal(hash.code(message.span)) == code)
        #expect(hexadecimal(hash.code(message.span)) == code)
    }

    @Test("two parts are hashed with label and lengths, so no two pairs meet")
    func parts() throws {
        let key = try SecretBytes.random(count: 32)
        let hash = KeyedHash(key: key)
        let message: [UInt8] = [7, 0, 0, 0, 2, 0x61, 0x62, 0, 0, 0, 1, 0x63]
        let code = hash.code(label: 7, ByteString("ab").span, ByteString("c").span)
        #expect(code == hash.code(message.span))
        #expect(code != hash.code(label: 7, ByteString("a").span, ByteString("bc").span))
        #expect(code != hash.code(label: 8, ByteString("ab").span, ByteString("c").span))
        let other = KeyedHash(key: try SecretBytes.random(count: 32))
        #expect(code != other.code(message.span))
    }

    @Test("codes are equal only if every bit is")
    func equality() {
        let digest = SHA256.digest(of: [1].span)
        #expect(digest == SHA256.digest(of: [1].span))
        #expect(digest != SHA256.digest(of: [2].span))
        #expect(Set([digest, SHA256.digest(of: [1].span)]).count == 1)
    }
}
