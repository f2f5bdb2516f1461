import Bytes
import RegistryAPI
import Testing

@testable import AccessControl

@Suite struct NameSearchTests {
    private func patterns(_ texts: [String]) throws -> [RepositoryPattern] {
        try texts.map { try RepositoryPattern(ByteString($0)) }
    }

    private func isMatch(_ pattern: RepositoryPattern, _ name: ByteString) -> Bool {
        pattern.matches(name.span, user: Span(), group: Span())
    }

    @Test(
        "one pattern covers another exactly if every name of one is a name of the other",
        arguments: [
            ("a/b", ["a/*"], true), ("a/*", ["a/b"], false), ("a/*", ["a/**"], true),
            ("a/**", ["a/*"], false), ("a/**", ["a/*", "a/*/**"], true),
            ("**", ["*", "*/**"], true),
            ("a", ["a/**"], false), ("{a,b}/*", ["a/*", "b/*"], true), ("a?", ["a*"], true),
            ("a*", ["a?"], false), ("users/{user}/x", ["users/*/x"], true),
            ("users/*/x", ["users/{user}/x"], false), ("{user}/*", ["{user}/**"], true),
            ("{group}/*", ["{user}/*"], false), ("*", ["?*"], true), ("a-*", ["a*"], true),
        ] as [(String, [String], Bool)])
    func covering(inner: String, outer: [String], isCovered: Bool) throws {
        let pattern = try patterns([inner])[0]
        #expect(pattern.isCovered(by: try patterns(outer)) == isCovered)
    }

    @Test(
        "two patterns overlap exactly if one name is a name of both",
        arguments: [
            ("a/*", "*/b", true), ("a/*", "b/*", false), ("a", "a/**", false),
            ("a/**", "**/b", true),
            ("{user}/x", "ann/*", true), ("{user}/x", "ann/y", false), ("a?", "a", false),
            ("a--b", "a-*", true), ("*.x", "a.*", true),
        ] as [(String, String, Bool)])
    func overlapping(one: String, other: String, overlaps: Bool) throws {
        let both = try patterns([one, other])
        #expect(both[0].overlaps(both[1]) == overlaps)
        #expect(both[1].overlaps(both[0]) == overlaps)
    }

    @Test("what is found is a repository name that matches as asked")
    func found() throws {
        let all = try patterns(["team/**", "**/cache", "a?c/{x,y}/**", "*-*/b.c/*", "**"])
        for wanted in all {
            for unwanted in all where unwanted.text != wanted.text {
                guard
                    case .name(let name) = NameSearch.shortest(matching: [wanted], but: [unwanted])
                else { continue }
                let isName = RepositoryName.isValid(name.span)
                #expect(isName, "\(name)")
                #expect(isMatch(wanted, name), "\(name)")
                #expect(!isMatch(unwanted, name), "\(name)")
            }
        }
    }

    @Test("a search among many patterns ends")
    func bounded() throws {
        let hard = try patterns((0..<5).map { "**/a*b*c*d\($0)*/**" })
        let answer = NameSearch.shortest(matching: hard)
        if case .name(let name) = answer {
            #expect(hard.allSatisfy { isMatch($0, name) })
        }
    }
}
