public import AccessControl
import Bytes

/// A secret that the configuration names and never holds, and where it does, for messages about it.
public struct SecretReference: Sendable, Hashable {
    public enum Place: Sendable, Hashable {
        /// Relative paths have become relative to the configuration file's folder.
        case file(String)
        /// The environment variable of this name.
        case variable(String)
    }

    public let place: Place
    public let position: SourcePosition
    /// The key that names it: `upstream.password_file`.
    public let key: String

    /// As it is written: a path, or `env:NAME`.
    public var text: String {
        switch place {
        case .file(let path): path
        case .variable(let name): Self.variablePrefix + name
        }
    }

    /// An error at the place that names the secret.
    ///
    /// - Parameter message: what is wrong with it, then in parentheses what is allowed.
    public func error(_ message: String) -> ConfigurationError {
        ConfigurationError(at: position, key: key, message: "\(text): \(message)")
    }

    /// What stands in front of a variable's name. A file of such a name is written `./env:NAME`.
    static let variablePrefix = "env:"
}

extension ValueKind<SecretReference> {
    /// A secret that is there before the start.
    static let secret = kind { reference, file, reading in reading.use(file) }

    /// A secret whose file is made if it is missing.
    static let madeSecret = kind { _, _, _ in }

    private static func kind(
        _ note: @escaping @Sendable (SecretReference, FileReference, inout Reading) -> Void
    ) -> ValueKind {
        ValueKind(type: "path or env:NAME", allowed: allowed) { node, place, reading in
            guard let scalar = reading.scalar(node, place, allowed: allowed) else { return nil }
            guard scalar.text.hasPrefix(SecretReference.variablePrefix) else {
                let read = ValueKind<FileReference>.outputFile.read(node, place, &reading)
                guard let file = read else { return nil }
                let reference = SecretReference(
                    place: .file(file.path), position: file.position, key: file.key)
                note(reference, file, &reading)
                return reference
            }
            let name = String(scalar.text.dropFirst(SecretReference.variablePrefix.count))
            guard name.isVariableName else {
                let wrong = "\(quoted(scalar.text)) names no environment variable"
                let names = "env: and letters, digits and _, not a digit first"
                reading.refuse(node.mark, place, wrong, allowed: names)
                return nil
            }
            return SecretReference(
                place: .variable(name),
                position: reading.position(node.mark),
                key: place.shown
            )
        }
    }

    private static let allowed = "the path of a file, or env:NAME for an environment variable"
}

extension String {
    /// POSIX: Base Definitions, section 8.1.
    fileprivate var isVariableName: Bool {
        guard let first = utf8.first, !(0x30...0x39).contains(first) else { return false }
        return utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
            default: false
            }
        }
    }
}
