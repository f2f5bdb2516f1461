import Secrets
import Testing

@Suite struct SealingKeyTests {
    private let text = Array("team-b/secret".utf8)
    private let context = Array("catalog:alice".utf8)

    @Test("what was sealed opens, at any length")
    func opens() throws {
        let key = try SealingKey()
        for length in [0, 1, 15, 16, 17, 255, 4096] {
            let text = [UInt8](repeating: 0x41, count: length)
            let sealed = try key.seal(text, for: context)
            #expect(sealed.count == length + SealingKey.overhead)
            #expect(key.open(sealed, for: context) == text)
        }
    }

    @Test("sealed text shows nothing, and is another one each time")
    func hides() throws {
        let key = try SealingKey()
        let sealed = try key.seal(text, for: context)
        #expect(try key.seal(text, for: context) != sealed)
        for start in 0...(sealed.count - 4) {
            let piece = Array(sealed[start..<start + 4])
            #expect(!text.indices.dropLast(3).contains { Array(text[$0..<$0 + 4]) == piece })
        }
    }

    @Test("with any bit turned, cut short, or for another purpose or key it does not open")
    func refuses() throws {
        let key = try SealingKey()
        let sealed = try key.seal(text, for: context)
        for bit in 0..<sealed.count * 8 {
            var turned = sealed
            turned[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(key.open(turned, for: context) == nil)
        }
        for length in 0..<sealed.count {
            #expect(key.open(Array(sealed[..<length]), for: context) == nil)
        }
        #expect(key.open(sealed + [0], for: context) == nil)
        #expect(key.open(sealed, for: Array("catalog:bob".utf8)) == nil)
        #expect(key.open(sealed, for: []) == nil)
        #expect(try SealingKey().open(sealed, for: context) == nil)
    }
}
