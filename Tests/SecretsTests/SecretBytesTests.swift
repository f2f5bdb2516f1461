import Bytes
import Secrets
import Testing

@Suite struct SecretBytesTests {
    @Test("nothing that holds a secret shows it")
    func redacted() throws {
        let secret = SecretBytes(copying: ByteString("hunter2").span)
        let buffer = SecretBuffer(capacity: 16)
        #expect(fill(buffer, "aHVudGVyMg=="))
        let hash = try #require(try PasswordHash.bcrypt(ByteString("hunter2").span, cost: 4))
        let code = SHA256.digest(of: secret.bytes)
        var text = "\(secret) \(buffer) \(hash) \(code)"
        text += String(reflecting: secret) + String(reflecting: buffer) + String(reflecting: hash)
        dump([secret], to: &text)
        dump(buffer, to: &text)
        dump(["x": hash], to: &text)
        dump(code, to: &text)
        #expect(!text.contains("hunter2"))
        #expect(!text.contains("$2y$"))
        #expect(!text.contains("104"))
        #expect(text.contains("<redacted>"))
    }

    @Test("a wiped buffer is empty and can be used again")
    func wipe() {
        let buffer = SecretBuffer(capacity: 3)
        #expect(fill(buffer, "YWJj"))
        #expect(ByteString(copying: buffer.bytes) == "abc")
        buffer.wipe()
        #expect(buffer.count == 0)
        #expect(fill(buffer, "eHk="))
        #expect(ByteString(copying: buffer.bytes) == "xy")
    }

    @Test("comparison finds every difference")
    func constantTime() {
        let one: [UInt8] = [1, 2, 3]
        #expect(areEqual(one, [1, 2, 3]))
        #expect(!areEqual(one, [1, 2]))
        for index in 0..<3 {
            var other = one
            other[index] ^= 0x80
            #expect(!areEqual(one, other))
        }
        #expect(areEqual([], []))
    }

    private func fill(_ buffer: SecretBuffer, _ text: String) -> Bool {
        buffer.fill(base64: ByteString(text).span)
    }

    private func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.span.equalsInConstantTime(right.span)
    }

    @Test("random bytes have the length asked for and differ")
    func random() throws {
        let one = try SecretBytes.random(count: 32)
        let two = try SecretBytes.random(count: 32)
        #expect(one.count == 32)
        #expect(ByteString(copying: one.bytes) != ByteString(copying: two.bytes))
        #expect(try RandomBytes.make(count: 8) != RandomBytes.make(count: 8))
    }
}
