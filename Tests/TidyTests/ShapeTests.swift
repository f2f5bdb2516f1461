// How the code reads: lengths, and words that have no place in a server.

import Foundation
import Testing

@Suite struct ShapeTests {
    @Test("no line is longer than 100 characters")
    func lines() {
        for file in SourceTree.sources + SourceTree.tests {
            for (number, line) in file.lines.enumerated() where line.count > 100 {
                // Literals of strings and regular expressions cannot be broken.
                let isLiteral = line.contains("#/") || line.contains("\"")
                if isLiteral && file.code[number].count <= 100 { continue }
                if line.contains("#/") { continue }
                Issue.record("\(file):\(number + 1): \(line.count) characters")
            }
        }
    }

    @Test("no file is longer than 500 lines")
    func files() {
        for file in SourceTree.sources + SourceTree.tests {
            #expect(file.lines.count <= 501, "\(file)")
        }
    }

    /// A ratchet: no longer function is left, so none may come. Tests may hold long tables.
    @Test("no function is longer than 60 lines, in tests 90")
    func functions() {
        let limits = [(SourceTree.sources, 60), (SourceTree.tests, 90)]
        for (files, limit) in limits {
            for file in files {
                for function in Self.functions(of: file) where function.count > limit {
                    Issue.record("\(file):\(function.line): \(function.count) lines")
                }
            }
        }
    }

    @Test("the function finder finds functions")
    func finder() {
        let text = """
            struct A {
                func short() -> Int { 1 }
                init(
                    a: Int
                ) {
                    print(a)
                }

                private static func long() {
                    if true {
                    }
                }
            }
            """
        let found = Self.functions(of: SourceFile(path: "Sources/A/A.swift", text: text))
        #expect(found.map(\.line) == [3, 9])
        #expect(found.map(\.count) == [5, 4])
    }

    /// Functions that end on a line of their own, by indentation, which swift format keeps exact.
    static func functions(of file: SourceFile) -> [(line: Int, count: Int)] {
        let start = #/^(\s*)(?:@?\w+(?:\([\w: ]*\))? )*(?:func |init[?(<]|deinit\b|subscript[(<])/#
        var found: [(line: Int, count: Int)] = []
        for (number, line) in file.code.enumerated() {
            guard let match = line.prefixMatch(of: start) else { continue }
            let end = "\(match.1)}"
            if line.hasSuffix("}") { continue }
            let rest = file.lines[number...]
            // A requirement of a protocol has no body; the next declaration comes first.
            guard let last = rest.firstIndex(where: { $0 == end || $0.hasPrefix("\(end) ") }) else {
                continue
            }
            let hasBody = rest[number..<last].contains { $0.hasSuffix("{") }
            if hasBody { found.append((number + 1, last - number + 1)) }
        }
        return found
    }

    /// Each can stop the whole server, loses a task, or was left over.
    static let forbidden: [(name: String, pattern: String)] = [
        ("try!", #"\btry!"#), ("as!", #"\bas! "#), ("fatalError", #"\bfatalError\("#),
        ("print", #"(^|[^.\w])print\("#), ("Task.detached", #"\bTask\.detached\b"#),
        ("TODO", #"\b(TODO|FIXME|XXX)\b"#), ("Foundation", #"^import Foundation$"#),
        ("assertionFailure", #"\bassertionFailure\("#), ("sleep", #"\b(u|nano)?sleep\("#),
    ]

    @Test(
        "what can stop the server or was left over is not in Sources",
        arguments: forbidden.map(\.name))
    func words(name: String) throws {
        let entry = try #require(Self.forbidden.first { $0.name == name })
        let pattern = try Regex(entry.pattern)
        for file in SourceTree.sources {
            let lines = name == "TODO" ? file.lines : file.code
            for (number, line) in lines.enumerated() where line.contains(pattern) {
                Issue.record("\(file):\(number + 1): \(line)")
            }
        }
    }

    @Test("tests await conditions and never sleep")
    func sleeps() throws {
        let pattern = try Regex(#"\b(Task|Thread)\.sleep|\bu?sleep\("#)
        for file in SourceTree.tests where !file.path.contains("TidyTests") {
            for (number, line) in file.code.enumerated() where line.contains(pattern) {
                Issue.record("\(file):\(number + 1): \(line)")
            }
        }
    }
}
