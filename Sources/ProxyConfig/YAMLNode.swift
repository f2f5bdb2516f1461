/// One value of a YAML document and where it stands.
///
/// A scalar stays text: which type it has is decided by the key it belongs to, so `1.2` is a
/// version where a version is wanted and `yes` a user name where a user name is wanted.
package struct YAMLNode: Sendable {
    package enum Content: Sendable {
        /// `isPlain`: written without quotes. Only such text can be a number, a flag or nothing.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the order of the file; no key twice.
        case mapping([YAMLEntry])
        /// Stands for what was refused already, so that nobody complains about it again.
        case refused
    }

    package let content: Content
    package let mark: YAMLMark

    /// The value of `key`, if this is a mapping that has it.
    package subscript(key: String) -> YAMLNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }
}

package struct YAMLEntry: Sendable {
    package let key: String
    package let keyMark: YAMLMark
    package let value: YAMLNode
}

/// Line and column, both from 1. A column counts characters (Unicode scalars), as libyaml does.
package struct YAMLMark: Sendable, Hashable {
    package let line: Int
    package let column: Int

    static let start = YAMLMark(line: 1, column: 1)
}

/// Something that this dialect of YAML does not allow.
package struct YAMLProblem: Error, Sendable, Hashable {
    package let mark: YAMLMark
    /// Where in the tree, as in error messages; empty for what is wrong before there is a tree.
    package let path: String
    package let message: String
}
