import AccessControl
import Bytes
import Testing

func matches(
    _ pattern: String,
    _ name: String,
    user: String = "",
    group: String = ""
) throws -> Bool {
    try RepositoryPattern(ByteString(pattern)).matches(
        Array(name.utf8).span,
        user: Array(user.utf8).span,
        group: Array(group.utf8).span
    )
}

@Suite struct PatternTests {
    @Test(
        "a pattern covers these names and not those",
        arguments: [
            ("app", ["app"], ["ap", "appl", "app/x", "x/app"]),
            (
                "library/*", ["library/a", "library/a-b.c"],
                ["library", "library/a/b", "xlibrary/a"]
            ),
            ("a/**", ["a/b", "a/b/c", "a/b/c/d"], ["a", "ab", "b/a", "ab/c"]),
            ("**", ["a", "a/b", "a/b/c"], []),
            ("*", ["a", "abc"], ["a/b"]),
            ("*/*", ["a/b"], ["a", "a/b/c"]),
            ("**/b", ["b", "a/b", "a/c/b"], ["ab", "a/ab", "b/a", "a/b/c"]),
            ("a/**/b", ["a/b", "a/x/b", "a/x/y/b", "a/b/b"], ["ab", "a/xb", "a/b/x", "a/bb"]),
            ("**/x/**", ["x/a", "a/x/b", "x/x/x"], ["x", "a/x", "ax/b"]),
            ("a/**/**", ["a/b", "a/b/c"], ["a"]),
            ("a-*", ["a-", "a-b", "a-b-c"], ["a", "a-b/c"]),
            ("*-a", ["-a", "b-a", "a-a-a"], ["a", "b-ab", "x/b-a"]),
            ("*a*", ["a", "bab", "aa"], ["b", "b/a"]),
            ("a?c", ["abc", "a.c"], ["ac", "a/c", "abbc"]),
            ("??", ["ab"], ["a", "abc", "a/"]),
            ("{a,b}", ["a", "b"], ["c", "ab", "a,b"]),
            ("{a,b}/{c,d}", ["a/c", "a/d", "b/c", "b/d"], ["a/b", "c/d", "a", "a/c/d"]),
            ("x{a,bc}y", ["xay", "xbcy"], ["xy", "xby", "xabcy"]),
            (
                "{public,mirror/docker}/**", ["public/a", "mirror/docker/a"],
                ["mirror/a", "public"]
            ),
            ("{a,b/**}", ["a", "b/c", "b/c/d"], ["b", "a/b"]),
            ("{a,{b,c}d}e", ["ae", "bde", "cde"], ["be", "ade"]),
            ("{a*,?b}/c", ["a/c", "axx/c", "xb/c"], ["b/c", "a/b/c", "xxb/c"]),
            ("a/{**/b,c}", ["a/b", "a/x/b", "a/c"], ["a/x/c", "a"]),
            ("a.b", ["a.b"], ["axb"]),
            ("a_b__c--d", ["a_b__c--d"], ["a_b_c-d"]),
        ] as [(String, [String], [String])]
    )
    func coverage(pattern: String, covered: [String], others: [String]) throws {
        for name in covered { #expect(try matches(pattern, name), "\(name)") }
        for name in others + [""] { #expect(try !matches(pattern, name), "\(name)") }
    }

    @Test("a variable is exactly one whole part and never read as a pattern")
    func variables() throws {
        #expect(try matches("users/{user}/**", "users/ann/x/y", user: "ann"))
        #expect(try matches("users/{user}", "users/ann", user: "ann"))
        #expect(try matches("{user}/{user}", "ann/ann", user: "ann"))
        #expect(try matches("**/{user}", "a/b/ann", user: "ann"))
        #expect(try matches("{group}/{user}/x", "web/ann/x", user: "ann", group: "web"))
        #expect(try matches("{team,{user}}/x", "ann/x", user: "ann"))
        #expect(try matches("{team,{user}}/x", "team/x"))
        #expect(try matches("{ann/x,{user}/*}", "ann/y", user: "ann"))
        for name in ["users/an/x", "users/annn/x", "users/bob/x", "users/ann", "ann/x", "users//x"]
        {
            #expect(try !matches("users/{user}/*", name, user: "ann"), "\(name)")
        }
        for user in ["", "*", "**", "?", "a/b", "{user}", "..", "Ann"] {
            for name in ["users/x", "users/a/b", "users", "users/ann"] {
                #expect(try !matches("users/{user}", name, user: user), "\(user) \(name)")
            }
        }
    }

    @Test(
        "a pattern that breaks the grammar is refused with what is allowed",
        arguments: [
            ("", .empty), (String(repeating: "a", count: 256), .tooLong),
            ("a**", .doubleStarInsidePart(at: 2)), ("**a", .doubleStarInsidePart(at: 1)),
            ("a/**b/c", .doubleStarInsidePart(at: 3)), ("***", .doubleStarInsidePart(at: 1)),
            ("a/b**/c", .doubleStarInsidePart(at: 4)), ("{a,b}**", .doubleStarInsidePart(at: 6)),
            ("x{a,**}", .doubleStarInsidePart(at: 5)), ("{a,**}x", .doubleStarInsidePart(at: 4)),
            ("{a,**}/x", .doubleStarEndsAlternative(at: 4)),
            ("x{user}", .variableInsidePart(at: 2)),
            ("{user}x", .variableInsidePart(at: 1)), ("{user}{group}", .variableInsidePart(at: 1)),
            ("x{a,{group}}", .variableInsidePart(at: 5)),
            ("{a,{user}}*", .variableInsidePart(at: 4)),
            ("{a,b", .openBrace(at: 1)), ("a/{{b,c}", .openBrace(at: 3)),
            ("a}", .closingBrace(at: 2)),
            ("{a,b}}", .closingBrace(at: 6)), ("{}", .emptyAlternative(at: 2)),
            ("{a,}", .emptyAlternative(at: 4)),
            ("{,a}", .emptyAlternative(at: 2)), ("{a}", .loneAlternative(at: 1)),
            ("{users}", .loneAlternative(at: 1)),
            ("{a/,b}", .slashAtEdgeOfAlternative(at: 3)),
            ("a{/b,c}", .slashAtEdgeOfAlternative(at: 3)),
            ("{a,b/**/}", .slashAtEdgeOfAlternative(at: 8)),
        ] as [(String, PatternError)]
    )
    func errors(text: String, expected: PatternError) {
        #expect(throws: expected) { try RepositoryPattern(ByteString(text)) }
        #expect(expected.description.contains("("), "says what is allowed")
    }

    /// An exponential matcher would not come back from any of these.
    @Test(
        "names that nearly match cost no more than name times pattern",
        arguments: [
            String(repeating: "*a", count: 120) + "*b", String(repeating: "**/", count: 80) + "b",
            String(repeating: "{a,a}", count: 50) + "b",
            String(repeating: "{a*,*a}", count: 36) + "b",
            String(repeating: "{", count: 60) + "a" + String(repeating: ",a}", count: 60) + "b",
            String(repeating: "**/*a*/", count: 36) + "b",
        ]
    )
    func noExplosion(pattern: String) throws {
        let long = String(repeating: "a", count: 255)
        let parts = String(repeating: "a/", count: 127) + "a"
        let compiled = try RepositoryPattern(ByteString(pattern))
        for name in [long, parts] {
            let bytes = Array(name.utf8)
            for _ in 0..<20 {
                let isMatch = compiled.matches(bytes.span, user: Span(), group: Span())
                #expect(!isMatch)
            }
        }
    }

    /// Against a matcher that tries everything and is too simple to be wrong.
    @Test("random patterns agree with the plain definition")
    func randomPatterns() throws {
        var random = SeededRandom(seed: 42)
        let pieces = [
            "a", "b", "*", "?", "/", "/", "**", "**/", "{user}", "{a,b}", "{a/b,*}", "{a,**}",
        ]
        var tried = 0
        while tried < 3000 {
            let text = (0...random.below(6)).map { _ in random.pick(pieces) }.joined()
            guard let pattern = try? RepositoryPattern(ByteString(text)) else { continue }
            tried += 1
            for _ in 0..<20 {
                let parts = (0...random.below(4)).map { _ in
                    random.pick(["a", "b", "ab", "u", "ba"])
                }
                let name = parts.joined(separator: "/")
                let expected = PlainPattern.expansions(of: text.replacing("**", with: "§")).contains
                {
                    PlainPattern.matches($0, parts, user: "u")
                }
                let user = Array("u".utf8)
                let result = pattern.matches(Array(name.utf8).span, user: user.span, group: Span())
                #expect(result == expected, "\(text) \(name)")
            }
        }
    }
}

/// The definition of `access.md`, by trying everything. `**` is written `§` here: two stars that
/// only meet when alternatives are put in are not that wildcard.
enum PlainPattern {
    /// The pattern with every combination of its alternatives; braces are not nested here.
    static func expansions(of text: String) -> [String] {
        guard let open = text.range(of: "{", from: text.startIndex, skipping: "{user}"),
            let close = text[open...].firstIndex(of: "}")
        else { return [text] }
        let before = text[..<open]
        let after = text[text.index(after: close)...]
        return text[text.index(after: open)..<close].split(separator: ",").flatMap {
            expansions(of: "\(before)\($0)\(after)")
        }
    }

    static func matches(_ pattern: String, _ name: [String], user: String) -> Bool {
        let parts = pattern.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        return parts[...].match(name[...], user: user)
    }
}

extension String {
    fileprivate func range(
        of brace: Character,
        from start: Index,
        skipping variable: String
    ) -> Index? {
        guard let found = self[start...].firstIndex(of: brace) else { return nil }
        guard self[found...].hasPrefix(variable) else { return found }
        return range(of: brace, from: index(after: found), skipping: variable)
    }

    fileprivate func matchPart(_ part: Substring) -> Bool {
        self[...].matchPart(part)
    }
}

extension Substring {
    fileprivate func matchPart(_ part: Substring) -> Bool {
        guard let first else { return part.isEmpty }
        switch first {
        case "*":
            return dropFirst().matchPart(part) || (!part.isEmpty && matchPart(part.dropFirst()))
        case "?": return !part.isEmpty && dropFirst().matchPart(part.dropFirst())
        default: return part.first == first && dropFirst().matchPart(part.dropFirst())
        }
    }
}

extension ArraySlice<String> {
    fileprivate func match(_ name: ArraySlice<String>, user: String) -> Bool {
        guard let first else { return name.isEmpty }
        if first == "§" {
            if count == 1 { return !name.isEmpty }
            if dropFirst().match(name, user: user) { return true }
            return !name.isEmpty && match(name.dropFirst(), user: user)
        }
        guard let part = name.first else { return false }
        let isSame = first == "{user}" ? part == user : first.matchPart(part[...])
        return isSame && dropFirst().match(name.dropFirst(), user: user)
    }
}
