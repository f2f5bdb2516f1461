import Bytes
import Foundation
import Secrets
import Testing

@Suite struct Base64Tests {
    private func decode(_ text: String, capacity: Int = 768) -> [UInt8]? {
        let buffer = SecretBuffer(capacity: capacity)
        guard buffer.fill(base64: ByteString(text).span) else {
            #expect(buffer.count == 0)
            return nil
        }
        return ByteString(copying: buffer.bytes).bytes
    }

    @Test("what an encoder writes is read, for every length and byte")
    func roundTrips() {
        for length in 0..<300 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ length) }
            #expect(decode(Data(bytes).base64EncodedString()) == bytes)
        }
    }

    @Test(
        "every other spelling is refused",
        arguments: [
            "YQ", "YQ=", "YQ===", "YQ==\n", " YQ==", "Y Q==", "YQ==YQ==", "YQ=a", "=", "====",
            "Y===",
            "YR==", "YWK=", "YW-_", "YW=j", "YW\u{00e9}j", "YWJj=", "YWJjZ", "Y\0==",
        ]
    )
    func refused(text: String) { #expect(decode(text) == nil) }

    @Test("only the 64 characters count, wherever they stand")
    func alphabet() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for byte in UInt8.min...UInt8.max {
            for position in 0..<8 {
                var text = Array("AAAAAAAA".utf8)
                text[position] = byte
                let buffer = SecretBuffer(capacity: 6)
                let isPadding = byte == 0x3D && position == 7
                #expect(buffer.fill(base64: text.span) == (alphabet.contains(byte) || isPadding))
            }
        }
    }

    @Test("what does not fit is refused, and the last byte that fits is taken")
    func capacity() {
        #expect(decode("YWJj", capacity: 3) == Array("abc".utf8))
        #expect(decode("YWJj", capacity: 2) == nil)
        #expect(decode("YWI=", capacity: 2) == Array("ab".utf8))
        #expect(decode("YWJjYWJj", capacity: 2) == nil)
        #expect(decode("YWJjYQ==", capacity: 4) == Array("abca".utf8))
        #expect(decode("YWJjYQ==", capacity: 3) == nil)
    }
}
