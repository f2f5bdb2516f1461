import Testing

@testable import ProxyConfig

@Suite struct YAMLTreeTests {
    private func problems(_ text: String) -> [String] { problems(Array(text.utf8)) }

    private func problems(_ bytes: [UInt8]) -> [String] {
        YAMLTree.read(bytes).problems.map {
            "\($0.mark.line):\($0.mark.column): \($0.path): \($0.message)"
        }
    }

    @Test("block style, flow style and quotes make the same tree, with positions")
    func styles() throws {
        let root = try #require(
            YAMLTree.read(Array("a: {b: ['x', \"y\", z]}\nc:\n  - d: 1\n".utf8)).root
        )
        guard case .sequence(let letters)? = root["a"]?["b"]?.content else {
            Issue.record("no list")
            return
        }
        let texts = letters.map { node -> String in
            guard case .scalar(let text, let isPlain) = node.content else { return "?" }
            return "\(text) \(isPlain) \(node.mark.line):\(node.mark.column)"
        }
        #expect(texts == ["x false 1:9", "y false 1:14", "z true 1:19"])
        guard case .sequence(let list)? = root["c"]?.content else {
            Issue.record("no list")
            return
        }
        #expect(list[0]["d"]?.mark == YAMLMark(line: 3, column: 8))
    }

    @Test(
        "what makes a file mean something else than it says is refused",
        arguments: [
            ("a: &x 1\n", ["1:4: a: has an anchor (the value itself)"]),
            (
                "a: &x 1\nb: *x\n",
                [
                    "1:4: a: has an anchor (the value itself)",
                    "2:4: b: is an alias (the value itself; if it is text, quote it: \"*x\")",
                ]
            ),
            ("a: !!str 1\n", ["1:4: a: has a tag (a value without one)"]),
            ("a: ! 1\n", ["1:4: a: has a tag (a value without one)"]),
            ("? !x a\n: 1\n", ["1:3: a: is a key with an anchor or a tag (a word)"]),
            (
                "a:\n  b: 1\n  c: 2\n  b: 3\n",
                ["4:3: a.b: is here a second time, after line 2 (once)"]
            ),
            ("a: [{b: 1, b: 2}]\n", ["1:12: a[0].b: is here a second time, after line 1 (once)"]),
            ("a: 1\n---\nb: 2\n", ["2:1: : is a second document (one)"]),
            ("a: 1\n...\n---\n", ["3:1: : is a second document (one)"]),
            ("? [a]\n: 1\n", ["1:3: : has a key that is not text (a word)"]),
            ("", ["1:1: : is empty (a mapping)"]),
            ("# nothing\n", ["1:1: : is empty (a mapping)"]),
            ("a: b: c\n", ["1:5: : is not YAML: mapping values are not allowed in this context"]),
            (
                "a: 1\n}\n",
                ["2:1: : is not YAML: did not find expected key while parsing a block mapping"]
            ),
            (
                "a: \"x\n",
                [
                    "2:1: : is not YAML: found unexpected end of stream while scanning a quoted"
                        + " scalar"
                ]
            ),
            ("a: \u{1}\n", ["1:4: : is not YAML: control characters are not allowed"]),
        ]
    )
    func refusedConstructs(text: String, expected: [String]) {
        #expect(problems(text) == expected)
    }

    @Test(
        "a pattern without quotes that makes no YAML is to be quoted",
        arguments: [
            ("repos: [**]", "**"), ("- { id: a, repos: [x, */app], allow: [pull] }", "*/app"),
            ("- *.txt\n- b\n", "*.txt"), ("- {user}/**\n- b\n", "{user}/**"),
            ("repos: [a, users/{user}/**, b]", "users/{user}/**"),
            ("{ repos: [{dev,test}/{user}-x,a] }", "{dev,test}/{user}-x"),
            ("repos: {group}/**\ntags: []\n", "{group}/**"), ("tags: [v{1,2}*]", "v{1,2}*"),
            ("# \u{E9}\n\u{E9}: [\u{E9}, **]", "**"), ("tags: [@referrers]", "@referrers"),
            ("a: [b\nc: 1\n", nil), ("a: {b: 1} {c: 2}\n", nil), ("a: [{ user }/**]", nil),
            ("a: b: **\n", nil),
        ] as [(String, String?)]
    )
    func quoting(text: String, word: String?) throws {
        let problem = try #require(problems(text).first)
        #expect(problem.contains(": is not YAML: "))
        #expect(problem.contains("quote it") == (word != nil), "\(problem)")
        if let word { #expect(problem.hasSuffix(" (quote it: \"\(word)\")"), "\(problem)") }
    }

    @Test("a key is another key only if its bytes differ")
    func keysAreBytes() {
        #expect(problems("\u{E9}: 1\n\u{65}\u{301}: 2\n").isEmpty)
        #expect(problems("\u{E9}: 1\n\u{E9}: 2\n").count == 1)
    }

    @Test("bytes that are not UTF-8 text are refused where they stand")
    func badBytes() {
        #expect(
            problems([0xEF, 0xBB, 0xBF, 0x61]) == [
                "1:1: : begins with a byte order mark (UTF-8 without one)"
            ])
        #expect(
            problems([0xFF, 0xFE, 0x61, 0]) == [
                "1:1: : begins with a byte order mark (UTF-8 without one)"
            ])
        #expect(
            problems(Array("a: 1\nb: ".utf8) + [0, 0x0A]) == [
                "2:4: : contains a NUL byte (UTF-8 text)"
            ])
        #expect(
            problems(Array("a: 1\n\u{E9}: ".utf8) + [0xC3, 0x0A]) == [
                "2:4: : is not valid UTF-8 (UTF-8 text)"
            ])
    }

    @Test(
        "every byte that is no text at all is refused, alone and inside quotes",
        arguments: UInt8.min...UInt8.max)
    func everyByte(byte: UInt8) {
        let isText = byte == 9 || byte == 10 || byte == 13 || (0x20...0x7E).contains(byte)
        let bytes = Array("a: 'x".utf8) + [byte] + Array("x'\n".utf8)
        let hasProblem = !problems(bytes).isEmpty
        #expect(hasProblem == (!isText || byte == UInt8(ascii: "'")))
    }

    @Test("64 levels are read, 65 and 10,000 are refused")
    func depth() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth)
        }
        #expect(problems(nested(64)).isEmpty)
        #expect(problems(nested(65)) == ["1:65: : is nested too deeply (at most 64 levels)"])
        #expect(problems(nested(10_000)).count == 1)
        #expect(problems(String(repeating: "a: {", count: 10_000)).count == 1)
        #expect(problems(String(repeating: "- ", count: 10_000)).count == 1)
    }

    @Test("a file of 4 MiB is read, one byte more is refused unread")
    func size() {
        let comment = [UInt8](repeating: UInt8(ascii: "#"), count: YAMLText.byteCountLimit - 5)
        let largest = Array("a: 1\n".utf8) + comment
        #expect(problems(largest).isEmpty)
        #expect(problems(largest + [0x23]) == ["1:1: : is too large (at most 4MiB)"])
    }

    @Test("every prefix of a file is read or refused, never a crash")
    func prefixes() {
        let bytes = Array("a: {b: ['x', \"y\\n\", z]}\nc: |\n  t\n? d\n: &x !t [*x]\n--- \n".utf8)
        for length in 0...bytes.count { _ = YAMLTree.read(Array(bytes.prefix(length))) }
    }
}
