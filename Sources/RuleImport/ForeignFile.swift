import AccessControl
import Bytes
import ProxyConfig

/// A foreign configuration as a tree, and what was found wrong in it.
///
/// These files belong to other programs: keys that do not matter here are passed over, and what
/// does matter is read as that program reads it or noted.
struct ForeignFile {
    var notes: [ImportNote] = []

    /// - Parameter rules: ids of the rules that it is about, if they come to be.
    mutating func note(_ node: YAMLNode, _ text: String, about rules: [String] = []) {
        notes.append(ImportNote(line: node.mark.line, text: text, rules: rules))
    }

    /// The texts of a list, or of one text that stands for a list of one.
    func texts(_ node: YAMLNode?) -> [String] {
        switch node?.content {
        case .sequence(let nodes): nodes.compactMap { text($0) }
        case .scalar(let text, _): text.isEmpty ? [] : [text]
        case .mapping, .refused, nil: []
        }
    }

    func text(_ node: YAMLNode?) -> String? {
        guard case .scalar(let text, _)? = node?.content else { return nil }
        return text
    }

    func entries(_ node: YAMLNode?) -> [YAMLEntry] {
        guard case .mapping(let entries)? = node?.content else { return [] }
        return entries
    }

    /// The user of this name, if a user can have it here.
    func user(_ name: ByteString) -> Subject? {
        guard (1...128).contains(name.count), !name.bytes.contains(UInt8(ascii: ":")) else {
            return nil
        }
        return try? Subject(parsing: ByteString("user:".utf8 + name.bytes))
    }
}
