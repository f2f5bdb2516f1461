public import AccessControl

/// One thing that is wrong with the configuration or a file it names.
///
/// Prints as `FILE:LINE:COL: key.path: what is wrong (what is allowed)`. It never repeats a value
/// that may hold a secret, and what it repeats of the file is made printable first.
public struct ConfigurationError: Error, Sendable, Hashable {
    public let position: SourcePosition
    /// As in `access.rules[2].allow`; empty where the file as a whole is meant.
    public let key: String
    /// What is wrong, then in parentheses what is allowed.
    public let message: String

    public init(at position: SourcePosition, key: String, message: String) {
        self.position = position
        self.key = key
        self.message = message
    }

    /// `FILE:LINE:COL`.
    public var place: String { "\(position.file):\(position.line):\(position.column)" }
}

extension ConfigurationError: CustomStringConvertible {
    public var description: String {
        key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}

extension [ConfigurationError] {
    /// In the order of the file; those of one place in the order in which they were found.
    func inFileOrder() -> [ConfigurationError] {
        enumerated()
            .sorted { left, right in
                let (one, other) = (left.element.position, right.element.position)
                return (one.line, one.column, left.offset)
                    < (other.line, other.column, right.offset)
            }
            .map(\.element)
    }
}
