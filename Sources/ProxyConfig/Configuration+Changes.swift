import Bytes

/// What differs between two configurations, in words for the log.
extension Configuration {
    /// What was written otherwise in `old`, one line each, in the order of the file. Empty if both
    /// say the same: the order of rules, for one, makes no difference.
    public func changes(from old: Configuration) -> [String] {
        let before = WrittenKeys(old.written)
        let after = WrittenKeys(written)
        var lines: [String] = []
        for key in after.order where before.values[key] != after.values[key] {
            lines.append(Self.describe(key, before.values[key], after.values[key]))
        }
        for key in before.order where after.values[key] == nil {
            lines.append(Self.describe(key, before.values[key], nil))
        }
        return lines
    }

    private static func describe(_ key: String, _ old: WrittenValue?, _ new: WrittenValue?)
        -> String
    {
        switch (old, new) {
        case (.text(let old), .text(let new)): "\(key): \(old) became \(new)"
        case (.list(let old), .list(let new)): "\(key): " + difference(old, new)
        case (.element(let old), .element(let new)):
            "\(key) has another " + differingKeys(old, new).joined(separator: " and ")
        case (nil, .text(let new)): "\(key) was added: \(new)"
        case (nil, .list(let new)):
            new.isEmpty
                ? "\(key) was added, empty" : "\(key) was added: " + new.joined(separator: ", ")
        case (nil, _): "\(key) was added"
        case (.text(let old), nil): "\(key) was removed; it was \(old)"
        case (_, nil): "\(key) was removed"
        default: "\(key) changed"
        }
    }

    private static func difference(_ old: [String], _ new: [String]) -> String {
        let added = new.filter { !old.contains($0) }
        let removed = old.filter { !new.contains($0) }
        var parts: [String] = []
        if !added.isEmpty { parts.append("added " + added.joined(separator: ", ")) }
        if !removed.isEmpty { parts.append("removed " + removed.joined(separator: ", ")) }
        return parts.isEmpty ? "another order" : parts.joined(separator: "; ")
    }

    private static func differingKeys(_ old: [String: String], _ new: [String: String]) -> [String]
    {
        Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }.sorted()
    }
}

/// A value as written, as far as a line of the log can tell it.
private enum WrittenValue: Hashable {
    case text(String)
    /// Scalars.
    case list([String])
    /// An element of a list that has an `id`, a rule for one: its keys and what they say.
    case element([String: String])
}

/// The keys of a file with their values, flat. An element that has an `id` goes by it, so that its
/// place in the list is nothing to it.
private struct WrittenKeys {
    private(set) var order: [String] = []
    private(set) var values: [String: WrittenValue] = [:]

    init(_ root: YAMLNode?) {
        if let root { add(root, at: "") }
    }

    private mutating func add(_ node: YAMLNode, at key: String) {
        switch node.content {
        case .refused: break
        case .scalar(let text, _): put(.text(printable(text)), at: key)
        case .mapping(let entries):
            for entry in entries {
                let name = printable(entry.key)
                add(entry.value, at: key.isEmpty ? name : "\(key).\(name)")
            }
        case .sequence(let nodes):
            let scalars = nodes.compactMap(\.scalarText)
            if scalars.count == nodes.count {
                return put(.list(scalars.map { printable($0) }), at: key)
            }
            for (index, node) in nodes.enumerated() {
                if let id = node["id"]?.scalarText, case .mapping(let entries) = node.content {
                    let parts = entries.map { (printable($0.key), $0.value.asText) }
                    let element = Dictionary(parts) { first, _ in first }
                    put(.element(element), at: "\(key)[\(printable(id))]")
                } else {
                    add(node, at: "\(key)[\(index)]")
                }
            }
        }
    }

    private mutating func put(_ value: WrittenValue, at key: String) {
        if values.updateValue(value, forKey: key) == nil { order.append(key) }
    }
}

extension YAMLNode {
    fileprivate var scalarText: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    /// Equal for equal values, however they were laid out.
    fileprivate var asText: String {
        switch content {
        case .refused: ""
        case .scalar(let text, _): "\(text.utf8.count)=\(text)"
        case .sequence(let nodes): "[\(nodes.map(\.asText).joined(separator: ","))]"
        case .mapping(let entries):
            "{\(entries.map { "\($0.key)=\($0.value.asText)" }.sorted().joined(separator: ","))}"
        }
    }
}
