import Bytes
import HTTPWire
import Testing

/// Random damage to right messages. Whatever comes of it: the cuts do not matter, nothing traps,
/// and what is accepted can be written anew and read back as the same.
@Suite struct MutationTests {
    private static let tokens: [[UInt8]] = [
        "\r\n", "\r", "\n", " ", "\t", "\0", ":", ",", ";", "_", "\u{7F}", "\u{FF}", "0", "+", "-",
        "\r\n\r\n", "\r\n ", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
        "chunked", "Host: b\r\n", "HTTP/1.1", "/", "..", "%2f", "close", "Connection: ",
    ].map { Array($0.utf8) }

    private func mutate(_ bytes: [UInt8], with random: inout SeededRandom) -> [UInt8] {
        var mutated = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let at = Int.random(in: 0...mutated.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: mutated.insert(contentsOf: Self.tokens.randomElement(using: &random)!, at: at)
            case 1 where at < mutated.count: mutated[at] = UInt8.random(in: 0...255, using: &random)
            case 2 where at < mutated.count: mutated.remove(at: at)
            default: mutated.insert(UInt8.random(in: 0...255, using: &random), at: at)
            }
        }
        return mutated
    }

    private func cuts(_ count: Int, with random: inout SeededRandom) -> [Int] {
        (0..<3).map { _ in Int.random(in: 0...count, using: &random) }.sorted()
    }

    @Test("damaged requests have one reading at most", arguments: 0..<8)
    func requests(seed: Int) {
        var random = SeededRandom(state: UInt64(seed))
        let sources = IncrementalTests.requests.map { Array($0.utf8) }
        for _ in 0..<1500 {
            let bytes = mutate(sources.randomElement(using: &random)!, with: &random)
            let whole = readRequest(bytes)
            #expect(readRequest(bytes, cuts: cuts(bytes.count, with: &random)) == whole)
            #expect(readRequest(bytes, cuts: Array(0..<bytes.count)) == whole)
            if case .complete = whole { expectSameAnew(bytes) }
        }
    }

    @Test("damaged answers have one reading at most", arguments: 0..<4)
    func answers(seed: Int) {
        var random = SeededRandom(state: UInt64(seed) + 100)
        let sources = IncrementalTests.answers.map { Array($0.utf8) }
        for _ in 0..<1500 {
            let bytes = mutate(sources.randomElement(using: &random)!, with: &random)
            let whole = readAnswer(bytes)
            #expect(readAnswer(bytes, cuts: cuts(bytes.count, with: &random)) == whole)
            #expect(readAnswer(bytes, cuts: Array(0..<bytes.count)) == whole)
        }
    }

    /// Lines taken apart by nothing but CRLF, and written in one form, must say the same.
    private func expectSameAnew(_ bytes: [UInt8]) {
        var head = RequestHead()
        guard (try? head.parse(array: bytes)) == true else { return }
        let version = "HTTP/1.\(head.minorVersion)"
        var anew = Array(bytes[head.methodPlace.range]) + [0x20] + Array(bytes[head.target.range])
        anew += Array(" \(version)\r\n".utf8)
        for line in head.fields.lines {
            anew += Array(bytes[line.name.range]) + Array(": ".utf8)
            anew += Array(bytes[line.value.range]) + Array("\r\n".utf8)
        }
        anew += Array("\r\n".utf8)
        var second = RequestHead()
        #expect((try? second.parse(array: anew)) == true)
        #expect(second.byteCount == anew.count)
        #expect(second.framing == head.framing && second.keepsAlive == head.keepsAlive)
        #expect(second.expectsContinue == head.expectsContinue)
        #expect(describe(second.fields, in: anew) == describe(head.fields, in: bytes))
    }
}
