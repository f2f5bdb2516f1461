// Every key of the configuration is explained, and the example with every key has every key.

import Foundation
import Testing

@Suite struct DocumentationTests {
    /// The keys that have an entry: `### timeouts.request_head`, `### access.rules[].id`.
    static func documented() throws -> Set<String> {
        let text = try SourceTree.text("docs/configuration.md")
        let headings = text.split(separator: "\n").filter { $0.hasPrefix("### ") }
        return Set(
            headings.map { heading in
                heading.dropFirst(4).replacing("[]", with: "").filter { $0 != "`" }
                    .trimmingCharacters(in: .whitespaces)
            }
        )
    }

    /// The keys in an example as paths without list positions. Names that the operator makes up
    /// (of groups) are `NAME`, as on the page.
    static func keys(of path: String) throws -> Set<String> {
        var keys: Set<String> = []
        var parents: [(indent: Int, name: String)] = []
        let pattern = #/^(\s*(?:- )?)([a-z_0-9]+):(?: (.*))?$/#
        for line in try SourceTree.text(path).split(separator: "\n") {
            guard let match = line.wholeMatch(of: pattern) else { continue }
            let indent = match.1.count
            parents.removeAll { $0.indent >= indent }
            parents.append((indent, String(match.2)))
            let key = parents.map(\.name).joined(separator: ".")
            keys.insert(key.replacing(#/^access\.groups\.[a-z_0-9]+/#, with: "access.groups.NAME"))
        }
        return keys
    }

    @Test("docs/configuration.md and examples/reference.yaml have the same keys")
    func sameKeys() throws {
        let documented = try Self.documented()
        let example = try Self.keys(of: "examples/reference.yaml")
        let leaves = example.filter { key in !example.contains { $0.hasPrefix("\(key).") } }
        let isCovered = { (key: String, keys: Set<String>) in
            keys.contains { $0 == key || $0.hasPrefix("\(key).") || key.hasPrefix("\($0).") }
        }
        #expect(documented.count > 10)
        for key in leaves {
            #expect(isCovered(key, documented), "examples/reference.yaml: \(key) has no entry")
        }
        for key in documented {
            #expect(isCovered(key, example), "docs/configuration.md: \(key) is not in the example")
        }
    }

    @Test(
        "the pages that the README and the product promise exist",
        arguments: [
            "README.md", "docs/configuration.md", "docs/architecture.md", "examples/reference.yaml",
            "examples/minimal.yaml", "examples/compose.yaml",
            "examples/quickstart/config.yaml",
            "scripts/quickstart", "scripts/test", ".ci/run",
        ])
    func pages(path: String) throws {
        #expect(try !SourceTree.text(path).isEmpty)
    }

    @Test(
        "metrics that alerts and the dashboard ask for exist",
        arguments: ["examples/alerts.yaml", "examples/grafana.json"])
    func metrics(path: String) throws {
        let figures = SourceTree.sources.filter { $0.module == "Logbook" }.flatMap(\.lines)
            .joined(separator: "\n")
        let text = try SourceTree.text(path)
        let own = text.matches(of: #/registry_proxy_([a-z_]+)/#).map { match in
            String(match.1).replacing(#/_(?:bucket|sum|count)$/#, with: "")
        }
        let names = own + text.matches(of: #/\bprocess_[a-z_]+/#).map { String($0.output) }
        #expect(own.count > 5)
        for name in names { #expect(figures.contains("\"\(name)\""), "\(path): \(name)") }
    }

    @Test("the dashboard has every metric of the proxy's own, and is JSON")
    func dashboard() throws {
        let text = try SourceTree.text("examples/grafana.json")
        let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
        #expect((value as? [String: Any])?["panels"] is [Any])
        let readme = try SourceTree.text("README.md")
        let table = try #require(readme.split(separator: "| metric, prefix").last)
            .split(separator: "\n\n")[0]
        let rows = table.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let listed = rows.flatMap { row in
            row.split(separator: "|")[0].matches(of: #/`([a-z_]+)`/#).map { String($0.1) }
        }
        #expect(listed.count > 15)
        for name in listed { #expect(text.contains("registry_proxy_\(name)"), "\(name)") }
    }

    @Test("every event of `serve` has a row in docs/operating.md, and there are no others")
    func events() throws {
        let call = #/\.(?:debug|info|warning|error),\s*"([a-z_]+(?:\.[a-z_]+)?)",/#
        let said = SourceTree.sources.flatMap { file in
            file.lines.joined(separator: "\n").matches(of: call).map { String($0.1) }
        }
        let page = try SourceTree.text("docs/operating.md")
        let section = try #require(page.split(separator: "## Own events").last)
            .split(separator: "\n## ")[0]
        let rows = section.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let named = rows.flatMap { row in
            row.split(separator: "|")[0].matches(of: #/`([a-z_.]+)`/#).map { String($0.1) }
        }
        #expect(Set(named) == Set(said))
        #expect(named.count == Set(named).count)
    }
}
