import Foundation
import Testing

@testable import ProxyConfig

@Suite struct ExamplesTests {
    @Test(
        "each example loads without a word",
        arguments: ["minimal", "reference", "ldap", "quickstart/config", "../packaging/config"])
    func loads(name: String) throws {
        let report = ConfigurationReader.read(file: repositoryPath("examples/\(name).yaml"))
        #expect(report.errors.map(\.description) == [])
        #expect(report.warnings.map(\.description) == [])
    }

    @Test("the example for Kubernetes lacks nothing but an audit trail")
    func kubernetes() {
        let path = repositoryPath("examples/kubernetes/config.yaml")
        let report = ConfigurationReader.read(file: path)
        #expect(report.errors.map(\.description) == [])
        #expect(report.warnings.count == 1)
        #expect(report.warnings.allSatisfy { $0.description.contains("log.audit: is absent") })
    }

    @Test("reference.yaml shows every key")
    func referenceIsComplete() {
        let report = ConfigurationReader.read(file: repositoryPath("examples/reference.yaml"))
        let missing = ConfigurationReader.knownKeys.map(\.path).filter {
            !report.usedKeys.contains($0)
        }
        #expect(missing == [])
    }

    @Test("what reference.yaml shows for keys with a default is the default")
    func referenceShowsDefaults() throws {
        let path = repositoryPath("examples/reference.yaml")
        let shown = try #require(ConfigurationReader.read(file: path).configuration)
        let bare = try #require(report(base).configuration)
        #expect(shown.limits == bare.limits)
        #expect(shown.timeouts == bare.timeouts)
        #expect(shown.log.level == bare.log.level)
        #expect(shown.log.access == bare.log.access)
        var audit = try #require(shown.log.audit)
        audit.path = .none
        audit.signingKeyFile = nil
        #expect(audit == Configuration.Audit())
        #expect(shown.auth.cache == bare.auth.cache)
        #expect(shown.auth.realm == bare.auth.realm)
        #expect(shown.listen[0].tls?.minimumVersion == Configuration.TLS().minimumVersion)
    }

    /// Whatever an editor, a merge or a half-written file leaves behind.
    @Test("reference.yaml with a byte lost, doubled or replaced is read or refused, never a crash")
    func damagedFiles() throws {
        let path = repositoryPath("examples/reference.yaml")
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        let replacements = Array("\n\t :-,[]{}&*!|>'\"%@?#\0\u{E9}".utf8)
        for index in bytes.indices {
            var damaged = bytes
            switch index % 3 {
            case 0: damaged.remove(at: index)
            case 1: damaged.insert(bytes[index], at: index)
            default: damaged[index] = replacements[index / 3 % replacements.count]
            }
            let report = ConfigurationReader.read(damaged, file: "p.yaml")
            #expect((report.configuration == nil) == !report.errors.isEmpty)
        }
    }

    /// The registry has no login of its own: whoever reaches it has everything.
    @Test("in compose.yaml only the proxy publishes a port, and the registry's network is internal")
    func composeIsClosed() throws {
        let text = try String(
            contentsOfFile: repositoryPath("examples/compose.yaml"),
            encoding: .utf8
        )
        let tree = YAMLTree.read(Array(text.utf8))
        #expect(tree.problems == [])
        let services = try #require(tree.root?["services"])
        #expect(services["proxy"]?["ports"] != nil)
        #expect(services["registry"] != nil)
        #expect(services["registry"]?["ports"] == nil)
        guard case .sequence(let networks)? = services["registry"]?["networks"]?.content,
            case .scalar("inside", _)? = networks.first?.content,
            case .scalar("true", _)? = tree.root?["networks"]?["inside"]?["internal"]?.content
        else {
            Issue.record("the registry's network is not internal")
            return
        }
        #expect(networks.count == 1)
    }

    /// One entry per key in the order of the reader, and one introduction per section.
    @Test("docs/configuration.md has the reader's keys, types, defaults and ranges")
    func documentationIsTrue() throws {
        let text = try String(
            contentsOfFile: repositoryPath("docs/configuration.md"),
            encoding: .utf8
        )
        let lines = text.split(separator: "\n")
        let headings = lines.filter { $0.hasPrefix("## ") || $0.hasPrefix("### ") }.map(String.init)
        let known = ConfigurationReader.knownKeys
        #expect(headings == known.map { ($0.isSection ? "## " : "### ") + $0.path })
        let rows = lines.filter { $0.hasPrefix("| ") && !$0.hasPrefix("| type |") }
        let expected = known.filter { !$0.isSection }.map { key in
            "| \(key.type) | \(key.unit) | \(key.defaultText.map { "`\($0)`" } ?? "none")"
                + " | \(key.range.isEmpty ? "–" : "`\(key.range)`") |"
        }
        #expect(rows.count == expected.count)
        for (row, start) in zip(rows, expected) { #expect(row.hasPrefix(start)) }
    }

    @Test("each entry of docs/configuration.md tells why, when, and what without the key")
    func documentationIsComplete() throws {
        let text = try String(
            contentsOfFile: repositoryPath("docs/configuration.md"),
            encoding: .utf8
        )
        let known = Set(ConfigurationReader.knownKeys.map(\.path))
        for entry in text.components(separatedBy: "\n### ").dropFirst() {
            let name = entry.prefix { $0 != "\n" }
            for word in ["Why: ", "When it fires: ", "If unset: ", "See also: `"] {
                #expect(entry.contains("\n" + word), "\(name): \(word)")
            }
            let links = entry.components(separatedBy: "See also: `")[1].prefix { $0 != "\n" }
            for link in links.components(separatedBy: "`, `") {
                let key = link.replacing("`.", with: "")
                #expect(known.contains(key), "\(name): \(key)")
            }
        }
    }
}

extension KnownKey {
    fileprivate var isSection: Bool { type.hasSuffix("section") }

    fileprivate var unit: String {
        switch type {
        case "duration": "`ms`, `s`, `m`, `h` required"
        case "size": "`B`, `KiB`, `MiB`, `GiB` required"
        case "count": "none"
        case "rate": "bytes per second"
        default: "–"
        }
    }
}

/// A file of this repository.
private func repositoryPath(_ name: String) -> String {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return tests.appendingPathComponent("../../\(name)").standardized.path
}
