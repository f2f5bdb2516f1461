import AccessControl

/// Reads a configuration file, and collects everything that is wrong with it.
public enum ConfigurationReader {
    /// Every key that can be written, sections included, in the order of the sections.
    public static let knownKeys: [KnownKey] = Sections.root.keys(.root)

    /// Reads the file at `path`. A file that cannot be read is one error at its first line.
    public static func read(file path: String) -> ConfigurationReport {
        do throws(FileError) {
            let bytes = try FileBytes.read(path, atMost: YAMLText.byteCountLimit)
            return withShadow(read(bytes, file: path))
        } catch {
            var reading = Reading(file: path)
            reading.refuse(.start, .root, error.description, allowed: "a regular file, readable")
            return ConfigurationReport(configuration: nil, reading)
        }
    }

    /// Reads a file's bytes, and not the file that `access.shadow` names.
    ///
    /// - Parameter file: its path, for messages and for the relative paths in it.
    public static func read(_ bytes: [UInt8], file: String) -> ConfigurationReport {
        var reading = Reading(file: file)
        let tree = YAMLTree.read(bytes)
        for problem in tree.problems { reading.refuse(problem) }
        guard let root = tree.root,
            var configuration = Sections.root.read(root, .root, &reading)
        else { return ConfigurationReport(configuration: nil, reading) }
        configuration.file = file
        configuration.written = root
        return ConfigurationReport(configuration: configuration, reading)
    }
}

/// What came out of reading a configuration file.
public struct ConfigurationReport: Sendable {
    /// `nil` exactly if there are errors.
    public private(set) var configuration: Configuration?
    /// In the order of the file.
    public private(set) var errors: [ConfigurationError]
    /// What is allowed and probably not meant, in the order of the file; then, that rule tests were
    /// not run, if there are errors and tests.
    public private(set) var warnings: [ConfigurationError]
    /// Every file that is to be read because of it, also if there are errors.
    public let files: [FileReference]
    /// The known keys that were written, as in `KnownKey.path`.
    let usedKeys: Set<String>

    /// Takes in what was read from the file of the shadow rules.
    mutating func add(
        _ shadow: Configuration.Access?,
        errors more: [ConfigurationError],
        warnings moreWarnings: [ConfigurationError]
    ) {
        errors += more
        warnings += moreWarnings
        configuration?.shadow = shadow
        withdrawIfWrong()
    }

    init(configuration: Configuration?, _ reading: Reading) {
        errors = reading.errors.inFileOrder()
        warnings = reading.warnings.inFileOrder()
        files = reading.files
        usedKeys = reading.usedKeys
        self.configuration = configuration
        withdrawIfWrong()
    }

    /// With errors there is no configuration, and so nobody to ask its rule tests.
    private mutating func withdrawIfWrong() {
        guard !errors.isEmpty else { return }
        if let test = configuration?.access.tests.first {
            let message = "were not run (mend the errors first)"
            warnings.append(
                ConfigurationError(at: test.position, key: "access.tests", message: message)
            )
        }
        configuration = nil
    }
}
