import Bytes
import Testing

@testable import AccessControl

@Suite struct LiteralSearchTests {
    /// How often each literal was found.
    private func search(_ literals: [String], in text: String) -> [Int] {
        let search = LiteralSearch(literals.map { Array($0.utf8) })
        var found = literals.map { _ in 0 }
        var node = LiteralSearch.root
        for byte in text.utf8 {
            node = search.step(node, byte)
            var end = search.longestEnd(at: node)
            while let place = end {
                found[search.literal(endingAt: place)] += 1
                end = search.shorterEnd(than: place)
            }
        }
        return found
    }

    private func count(_ literal: String, in text: String) -> Int {
        let (literal, text) = (Array(literal.utf8), Array(text.utf8))
        return text.indices.count { text[$0...].starts(with: literal) }
    }

    @Test("every literal is found wherever it stands, also inside another")
    func everything() {
        #expect(search(["he", "she", "his", "hers"], in: "ushers") == [1, 1, 0, 1])
        #expect(search(["a", "aa", "aaa"], in: "aaaa") == [4, 3, 2])
        #expect(search(["bc", "abcd"], in: "abce") == [1, 0])
        #expect(search([], in: "abc") == [])
    }

    @Test("as looking for each by itself", arguments: 1...200)
    func random(seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        func word(_ longest: Int) -> String {
            String((0...random.below(longest)).map { _ in random.pick(Array("ab/")) })
        }
        let literals = Array(Set((0..<20).map { _ in word(6) })).sorted()
        let text = word(60)
        #expect(search(literals, in: text) == literals.map { count($0, in: text) })
    }

    @Test(
        "the literal runs of a pattern",
        arguments: [
            ("a/b", [["^a/b$"]]), ("a/*", [["^a/", "$"]]), ("a/**", [["^a/", "$"]]),
            ("**", [["^", "$"]]), ("**/b", [["^", "/b$"]]), ("a/**/b", [["^a/", "/b$"]]),
            ("*/b-?/c", [["^", "/b-", "/c$"]]), ("{user}/x", [["^", "/x$"]]),
            ("{a,b}/x", [["^b/x$"], ["^a/x$"]]),
            ("{a,{user}}", [["^", "$"], ["^a$"]]),
            ("{a,b/**}", [["^b/", "$"], ["^a$"]]),
        ] as [(String, [[String]])])
    func runs(pattern: String, expected: [[String]]) throws {
        let literals = PatternLiterals(try RepositoryPattern(ByteString(pattern)))
        let shown = literals.combinations.map { runs in
            runs.map { run in
                "\(run)".replacing("\0/", with: "^").replacing("/\0", with: "$")
            }
        }
        #expect(shown == expected)
    }

    @Test("too many alternatives are wildcards")
    func many() throws {
        let letters = "{a,b,c,d,e}"
        let text = "x/\(letters)\(letters)\(letters)/y"
        let literals = PatternLiterals(try RepositoryPattern(ByteString(text)))
        #expect(literals.combinations == [["\0/x/", "/y/\0"]])
    }

    @Test("the frame is around the name")
    func frame() {
        let name = Array("ab".utf8)
        let framed = (0..<(name.count + PatternLiterals.frameCount)).map {
            PatternLiterals.framed(name.span, at: $0)
        }
        #expect(framed == Array("\0/ab/\0".utf8))
    }
}
