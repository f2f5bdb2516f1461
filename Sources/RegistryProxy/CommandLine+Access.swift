import RuleImport

struct ImportOptions: Equatable {
    /// More than the largest configuration that is read as YAML.
    static let largestByteCount = 8 << 20

    var source: ImportedRules.Source
    var file: String
}

extension Command {
    /// `access import SOURCE FILE` and `access diff OLD NEW`.
    static func access(_ words: [String]) throws(UsageError) -> Command {
        let parsed = try Arguments(
            words,
            repeatable: ["--log"],
            flags: ["--json", "--exit-code"],
            topic: .access
        )
        if parsed.asksForHelp { return .help(.access) }
        switch parsed.names.first {
        case "import": return try accessImport(parsed)
        case "diff": return try accessDiff(parsed)
        case nil: throw UsageError(message: "no action (import, diff)", topic: .access)
        case let word?: throw UsageError(message: "unknown action \"\(word)\"", topic: .access)
        }
    }

    private static func accessImport(_ parsed: Arguments) throws(UsageError) -> Command {
        let names = parsed.names.dropFirst()
        let sources = ImportedRules.Source.allCases.map(\.rawValue).joined(separator: ", ")
        guard let word = names.first else {
            throw UsageError(message: "import from what? (\(sources))", topic: .access)
        }
        guard let source = ImportedRules.Source(rawValue: word) else {
            throw UsageError(message: "unknown source \"\(word)\" (\(sources))", topic: .access)
        }
        guard let file = names.dropFirst().first else {
            throw UsageError(message: "access import needs a FILE", topic: .access)
        }
        try parsed.refuseNames(after: 3)
        guard parsed.flags.isEmpty, parsed.lists.isEmpty else {
            throw UsageError(message: "access import has no options", topic: .access)
        }
        return .accessImport(ImportOptions(source: source, file: file))
    }

    /// What follows the two files are logs as well, if there is `--log`.
    private static func accessDiff(_ parsed: Arguments) throws(UsageError) -> Command {
        let names = Array(parsed.names.dropFirst())
        guard names.count >= 2 else {
            throw UsageError(message: "access diff needs OLD and NEW", topic: .access)
        }
        var logs = parsed.lists["--log"] ?? []
        if logs.isEmpty { try parsed.refuseNames(after: 3) }
        logs += names.dropFirst(2)
        return .accessDiff(
            DiffOptions(
                old: names[0],
                new: names[1],
                logs: logs,
                isJSON: parsed.flags.contains("--json"),
                tellsByExitCode: parsed.flags.contains("--exit-code")
            )
        )
    }
}
