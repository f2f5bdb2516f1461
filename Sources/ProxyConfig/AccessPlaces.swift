import AccessControl
import Bytes

/// Where the parts of the access rules stand in the file: what is found out about them later is
/// told there.
struct AccessPlaces: Sendable {
    private var access: SourcePosition?
    /// By list: `rules`, `server`.
    private var entries: [String: [Entry]] = [:]
    private var groups: [(name: String, position: SourcePosition)] = []

    /// One rule or grant.
    private struct Entry: Sendable {
        let position: SourcePosition
        /// By key: a value, or the elements of a list.
        var parts: [String: [SourcePosition]] = [:]
    }

    init() {}

    init(of node: YAMLNode, _ reading: Reading) {
        access = reading.position(node.mark)
        for list in ["rules", "server"] {
            entries[list] = (node[list]?.elements ?? []).map { Self.entry($0, reading) }
        }
        if case .mapping(let written)? = node["groups"]?.content {
            groups = written.map { ($0.key, reading.position($0.keyMark)) }
        }
    }

    private static func entry(_ node: YAMLNode, _ reading: Reading) -> Entry {
        var entry = Entry(position: reading.position(node.mark))
        for key in ["who", "except", "repos"] {
            entry.parts[key] = (node[key]?.elements ?? []).map { reading.position($0.mark) }
        }
        entry.parts["until"] = (node["when"]?["until"]).map { [reading.position($0.mark)] }
        return entry
    }

    /// The error or warning `message` about what stands at `place`.
    func error(at place: LintFinding.Place, _ message: String) -> ConfigurationError {
        switch place {
        case .rules: error(access, "access.rules", message)
        case .rule(let rule): entry("rules", rule, message)
        case .who(let rule, let index): entry("rules", rule, "who", index, message)
        case .except(let rule, let index): entry("rules", rule, "except", index, message)
        case .repository(let rule, let index): entry("rules", rule, "repos", index, message)
        case .until(let rule):
            error(
                entries["rules"]?[rule].parts["until"]?.first,
                "access.rules[\(rule)].when.until",
                message
            )
        case .group(let index):
            error(
                groups[index].position,
                "access.groups.\(printable(groups[index].name))",
                message
            )
        case .grantWho(let grant, let index): entry("server", grant, "who", index, message)
        case .grantExcept(let grant, let index): entry("server", grant, "except", index, message)
        }
    }

    private func entry(_ list: String, _ index: Int, _ message: String) -> ConfigurationError {
        error(entries[list]?[index].position, "access.\(list)[\(index)]", message)
    }

    private func entry(
        _ list: String,
        _ index: Int,
        _ part: String,
        _ element: Int,
        _ message: String
    ) -> ConfigurationError {
        error(
            entries[list]?[index].parts[part]?[element],
            "access.\(list)[\(index)].\(part)[\(element)]",
            message
        )
    }

    private func error(
        _ position: SourcePosition?,
        _ key: String,
        _ message: String
    ) -> ConfigurationError {
        ConfigurationError(
            at: position ?? SourcePosition(file: "", line: 1, column: 1),
            key: key,
            message: message
        )
    }
}
