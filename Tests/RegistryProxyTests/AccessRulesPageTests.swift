// docs/access-rules.md says nothing that is not so: its examples are loaded, its questions asked.

import Foundation
import Testing

@testable import RegistryProxy

private let rest = """
    listen: [{ address: 127.0.0.1:0 }]
    upstream: { url: http://127.0.0.1:5000 }

    """

@Suite struct AccessRulesPageTests {
    /// One fenced block of the page.
    private struct Block {
        let kind: String
        let lines: [String]
        let number: Int

        /// The lines below `tests:`, which end each example.
        var tests: [String] {
            lines.drop { $0 != "  tests:" }.dropFirst().map { String($0.dropFirst("    - ".count)) }
        }

        /// The rules with what a configuration needs beside them, behind, so that the rules' lines
        /// stay what they are.
        var configuration: String {
            lines.prefix { $0 != "  tests:" }.map { $0 + "\n" }.joined() + rest
        }
    }

    private static func page() throws -> [Block] {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/access-rules.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        var blocks: [Block] = []
        var open: (kind: String, number: Int, lines: [String])?
        for (index, line) in text.components(separatedBy: "\n").enumerated() {
            if line.hasPrefix("```") {
                if let block = open {
                    blocks.append(Block(kind: block.kind, lines: block.lines, number: block.number))
                    open = nil
                } else {
                    open = (String(line.dropFirst(3)), index + 1, [])
                }
            } else {
                open?.lines.append(line)
            }
        }
        return blocks
    }

    private static func write(_ text: String, _ name: String, in folder: URL) throws -> String {
        let url = folder.appendingPathComponent(name)
        try text.write(to: url, atomically: true, encoding: .utf8)
        return url.path
    }

    private static func folder() throws -> URL {
        let url = FileManager.default.temporaryDirectory
            .appendingPathComponent("registry-proxy-page-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url
    }

    @Test("every example is right, and each of its rule tests has the answer it expects")
    func examples() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let blocks = try Self.page().filter { $0.kind == "yaml" }
        #expect(blocks.count >= 9)
        var count = 0
        for block in blocks {
            let whole = block.lines.map { $0 + "\n" }.joined() + rest
            let file = try Self.write(whole, "whole.yaml", in: folder)
            let outcome = check(CheckOptions(configuration: file), [Assembly.problems], [])
            #expect(outcome.exitCode == .done, "line \(block.number): \(outcome.standardError)")
            let path = try Self.write(block.configuration, "config.yaml", in: folder)
            for test in block.tests {
                let (words, isAllowed) = Self.question(test)
                guard case .explain(var options) = try Command(parsing: ["explain"] + words) else {
                    continue
                }
                options.configuration = path
                let answer = explain(options)
                #expect((answer.exitCode == .done) == isAllowed, "line \(block.number): \(test)")
                count += 1
            }
        }
        #expect(count >= 38)
    }

    /// `dave in team-web, team-db may not pull a from 10.0.0.1 at 2037-06-30` in the words of
    /// `explain`.
    private static func question(_ test: String) -> (words: [String], isAllowed: Bool) {
        let parts = test.components(separatedBy: " may ")
        let isAllowed = !parts[1].hasPrefix("not ")
        let subject = parts[0].components(separatedBy: " in ")
        let groups = subject.count > 1 ? subject[1].components(separatedBy: ", ") : []
        let predicate = parts[1].replacing("not ", with: "", maxReplacements: isAllowed ? 0 : 1)
            .replacing(" from ", with: " --from ").replacing(" at ", with: " --at ")
        return (
            [subject[0]] + predicate.split(separator: " ").map(String.init)
                + groups.flatMap { ["--group", $0] }, isAllowed
        )
    }

    @Test("every command that is shown prints what is shown")
    func commands() throws {
        let folder = try Self.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let blocks = try Self.page()
        let first = try #require(blocks.first { $0.kind == "yaml" })
        _ = try Self.write(first.configuration, "old.yaml", in: folder)
        var count = 0
        for block in blocks {
            if block.kind == "yaml" {
                for name in ["config.yaml", "new.yaml"] {
                    _ = try Self.write(block.configuration, name, in: folder)
                }
            }
            guard block.kind == "console" else { continue }
            let words = block.lines[0].split(separator: " ").map(String.init)
            #expect(words.starts(with: ["$", "registry-proxy"]))
            let output = try Self.run(Array(words.dropFirst(2)), in: folder.path)
            let shown = block.lines.dropFirst().map { $0 + "\n" }.joined()
            #expect(output == shown, "line \(block.number)")
            count += 1
        }
        #expect(count >= 5)
    }

    private static func run(_ words: [String], in folder: String) throws -> String {
        let words = words.map { $0.hasSuffix(".yaml") ? "\(folder)/\($0)" : $0 }
        let output: String
        switch try Command(parsing: words) {
        case .explain(var options):
            options.configuration = "\(folder)/config.yaml"
            output = explain(options).standardOutput
        case .accessDiff(let options): output = accessDiff(options).standardOutput
        default: output = "not a command that this page shows"
        }
        return output.replacing("\(folder)/", with: "")
    }

    @Test("the table of patterns is true")
    func patterns() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/access-rules.md")
        let text = try String(contentsOf: path, encoding: .utf8)
        let table = text.components(separatedBy: "| pattern | matches | does not match |\n")[1]
            .components(separatedBy: "\n\n")[0]
        let rows = table.split(separator: "\n").dropFirst()
        #expect(rows.count >= 6)
        for row in rows {
            let cells = row.split(separator: "|").map { cell in
                cell.split(separator: "`").enumerated().filter { $0.offset % 2 == 1 }
                    .map { String($0.element) }
            }
            let pattern = try #require(cells[0].first)
            for (column, isMatch) in [(1, true), (2, false)] where column < cells.count {
                for name in cells[column] {
                    #expect(try Self.matches(pattern, name) == isMatch, "\(pattern) \(name)")
                }
            }
        }
    }

    /// Asked as an operator would.
    private static func matches(_ pattern: String, _ name: String) throws -> Bool {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let rule = #"{ id: it, who: [anyone], repos: ["\#(pattern)"], allow: [pull] }"#
        let text = "access: { rules: [\(rule)] }\n\(rest)"
        let path = try write(text, "config.yaml", in: folder)
        guard
            case .explain(let options) = try Command(
                parsing: ["explain", "anonymous", "pull", name, "--config", path])
        else { return false }
        return explain(options).exitCode == .done
    }
}
