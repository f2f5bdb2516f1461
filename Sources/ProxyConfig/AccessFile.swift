/// Reading the access rules alone: of a configuration whose other parts do not matter, or of a file
/// that holds nothing else.
extension ConfigurationReader {
    /// Reads the `access` section of the file at `path`; of a file without that key and without the
    /// keys of a whole configuration, all of it is the section.
    public static func readAccess(file path: String) -> AccessReport {
        do throws(FileError) {
            return readAccess(try FileBytes.read(path, atMost: YAMLText.byteCountLimit), file: path)
        } catch {
            var reading = Reading(file: path)
            reading.refuse(.start, .root, error.description, allowed: "a regular file, readable")
            return AccessReport(access: nil, reading)
        }
    }

    /// Reads a file's bytes.
    ///
    /// - Parameter file: its path, for messages.
    public static func readAccess(_ bytes: [UInt8], file: String) -> AccessReport {
        var reading = Reading(file: file)
        let tree = YAMLTree.read(bytes)
        for problem in tree.problems { reading.refuse(problem) }
        guard let root = tree.root else { return AccessReport(access: nil, reading) }
        let place = KeyPlace.root.key("access")
        let access: Configuration.Access?
        if let section = root["access"] {
            access = Sections.access.read(section, place, &reading)
        } else if root["listen"] != nil || root["upstream"] != nil {
            access = Configuration.Access()
        } else {
            access = Sections.access.read(root, place, &reading)
        }
        return AccessReport(access: access, reading)
    }
}

extension ConfigurationReader {
    /// With the rules that `access.shadow` names, which are checked like the live ones.
    static func withShadow(_ report: ConfigurationReport) -> ConfigurationReport {
        guard let file = report.configuration?.access.shadow else { return report }
        let shadow = readAccess(file: file.path)
        var errors = shadow.errors
        if let nested = shadow.access?.shadow {
            errors.append(nested.error("stands in a file of shadow rules (only in access itself)"))
        }
        var whole = report
        whole.add(shadow.access, errors: errors, warnings: shadow.warnings)
        return whole
    }
}

/// What came out of reading access rules.
public struct AccessReport: Sendable {
    /// `nil` exactly if there are errors.
    public let access: Configuration.Access?
    /// In the order of the file.
    public let errors: [ConfigurationError]
    public let warnings: [ConfigurationError]

    init(access: Configuration.Access?, _ reading: Reading) {
        errors = reading.errors.inFileOrder()
        warnings = reading.warnings.inFileOrder()
        self.access = errors.isEmpty ? access : nil
    }
}
