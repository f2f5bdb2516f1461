import AccessControl
import Bytes
import ProxyConfig

/// Another program's access rules, as far as they can be said in ours.
public struct ImportedRules: Sendable {
    /// An `access` section for a configuration, with comments that tell where each rule is from.
    public let text: String
    /// What could not be carried over, or not exactly, and why: `FILE:LINE: …`, in the file's
    /// order. The rule that a note is about is named at its end.
    public let notes: [String]

    /// Whose rules.
    public enum Source: String, Sendable, CaseIterable {
        /// docker_auth: the `acl` of its configuration.
        case dockerAuth = "docker-auth"
        /// zot: the `accessControl` of its configuration.
        case zot
    }

    /// Reads a configuration of `source`.
    ///
    /// The rules never give more than the source did, except that create and overwrite imply pull;
    /// where they do, and where they give less, a note says so.
    ///
    /// - Parameter file: its path, for messages.
    public static func read(
        _ bytes: [UInt8],
        file: String,
        from source: Source
    ) -> Result<ImportedRules, ImportFailure> {
        let tree = YAMLTree.read(bytes)
        guard let root = tree.root, tree.problems.isEmpty else {
            return .failure(
                ImportFailure(
                    messages: tree.problems.map { problem in
                        let key = problem.path.isEmpty ? "" : "\(problem.path): "
                        let place = "\(file):\(problem.mark.line):\(problem.mark.column)"
                        return "\(place): \(key)\(problem.message)"
                    }
                )
            )
        }
        switch source {
        case .dockerAuth:
            guard root["acl"] != nil else { return .failure(missing("acl", file)) }
            let reader = DockerAuthReader(root)
            let groups = reader.labels.groups
            return .success(
                ImportedRules(
                    Translation(regions: reader.regions, always: [], groups: groups),
                    groups,
                    reader.catalog,
                    reader.file.notes,
                    file
                )
            )
        case .zot:
            guard let reader = ZotReader(root) else {
                return .failure(missing("http.accessControl", file))
            }
            let translation = Translation(
                regions: reader.regions,
                always: reader.administrators,
                groups: reader.groups
            )
            return .success(
                ImportedRules(translation, reader.groups, nil, reader.file.notes, file)
            )
        }
    }

    private init(
        _ translation: Translation,
        _ groups: [ByteString: [ByteString]],
        _ catalog: Region.Grant?,
        _ readerNotes: [ImportNote],
        _ file: String
    ) {
        var unique: [ImportNote] = []
        for note in readerNotes + translation.notes where !unique.contains(note) {
            unique.append(note)
        }
        let rules = translation.rules.filter { !$0.names.patterns.isEmpty }
        let ids = Set(rules.map(\.id))
        let notes = unique.enumerated()
            .sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
            .map { $0.element.naming(ids) }
        text =
            RuleText(
                header: ["Made from \(file) by registry-proxy access import."],
                notes: notes,
                groups: groups,
                rules: rules,
                catalog: catalog
            )
            .text
        self.notes = notes.map { "\(file):\($0.line): \($0.text)" }
    }

    private static func missing(_ key: String, _ file: String) -> ImportFailure {
        ImportFailure(messages: ["\(file):1:1: \(key): is not there"])
    }
}

/// The file is not what it was said to be.
public struct ImportFailure: Error, Sendable, Hashable {
    /// `FILE:LINE:COL: …`.
    public let messages: [String]
}
