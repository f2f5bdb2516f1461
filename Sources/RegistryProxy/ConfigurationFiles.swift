import ProxyConfig

/// The files that a configuration consists of: reads them, and notices when one changes.
///
/// A file has changed once it differs from what was read and stayed the same from one look to the
/// next; one that is being written is left alone. Looking is stat(2), not inotify(7), which is
/// silent on network file systems and wants a watch for every folder and link on the way to a file.
/// A look follows all of them, whatever was renamed or linked anew, Kubernetes' `..data` for one.
struct ConfigurationFiles {
    /// The configuration's own file.
    let path: String
    /// As they were right before they were last read, with success or not.
    private var read: [String: FileStamp] = [:]
    /// As they were when last looked at.
    private var seen: [String: FileStamp] = [:]
    /// As they were when what is in force was read.
    private var inForce: [String: FileStamp] = [:]

    /// A configuration that was read whole, with all of its files, and is right.
    struct Candidate {
        let configuration: Configuration
        let assembly: Assembly
        /// What `check` would warn of, but for doubts about the rules themselves.
        let warnings: [ConfigurationError]
        fileprivate let stamps: [String: FileStamp]
    }

    init(_ path: String) {
        self.path = path
        read[path] = FileStamp(ofFile: path)
    }

    /// Reads everything, and checks it.
    mutating func readAll() throws(Assembly.Problems) -> Candidate {
        // Before reading: a change that comes meanwhile is one more change.
        for path in read.keys { read[path] = FileStamp(ofFile: path) }
        let report = ConfigurationReader.read(file: path)
        for file in report.files { read[file.path] = FileStamp(ofFile: file.path) }
        guard let configuration = report.configuration else {
            throw Assembly.Problems(all: report.errors)
        }
        let assembly = try Assembly(configuration)
        let named = Set(report.files.map(\.path) + [path])
        return Candidate(
            configuration: configuration,
            assembly: assembly,
            warnings: report.warnings + assembly.warnings,
            stamps: read.filter { named.contains($0.key) }
        )
    }

    /// The same, for those who serve: a file of token keys that is missing is made first.
    mutating func readAllMakingKeys() throws(Assembly.Problems) -> Candidate {
        let candidate = try readAll()
        guard try candidate.assembly.tokens.makeMissingKeys() else { return candidate }
        return try readAll()
    }

    /// `candidate` is in force: files that only earlier ones name are no concern any more.
    mutating func accept(_ candidate: Candidate) {
        inForce = candidate.stamps
        read = candidate.stamps
    }

    /// The files, other than the configuration's own, that were replaced or written to since what
    /// is in force was read.
    func rewritten(in candidate: Candidate) -> [String] {
        candidate.stamps.filter { path, stamp in
            path != self.path && inForce[path] != nil && inForce[path] != stamp
        }
        .keys.sorted()
    }

    /// Looks at every file. To be asked again and again, half a second apart.
    ///
    /// - Returns: whether they should be read again.
    mutating func haveChanged() -> Bool {
        let before = seen
        seen = [:]
        for path in read.keys { seen[path] = FileStamp(ofFile: path) }
        return seen != read && seen == before
    }
}
