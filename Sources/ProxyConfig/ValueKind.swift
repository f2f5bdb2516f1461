/// How one kind of value is read, described and printed.
struct ValueKind<Value: Sendable>: Sendable {
    /// For the reference: `duration`.
    let type: String
    /// For the reference: `100ms … 5m`.
    let range: String
    /// For messages: what may stand here.
    let allowed: String
    /// Known keys below `place`.
    let keys: @Sendable (_ place: KeyPlace) -> [KnownKey]
    /// - Returns: `nil` after an error was put into the reading.
    let read: @Sendable (YAMLNode, KeyPlace, inout Reading) -> Value?
    /// How a default is printed in the reference.
    let show: @Sendable (Value) -> String

    init(
        type: String,
        range: String = "",
        allowed: String,
        keys: @escaping @Sendable (KeyPlace) -> [KnownKey] = { _ in [] },
        show: @escaping @Sendable (Value) -> String = { "\($0)" },
        read: @escaping @Sendable (YAMLNode, KeyPlace, inout Reading) -> Value?
    ) {
        self.type = type
        self.range = range
        self.allowed = allowed
        self.keys = keys
        self.show = show
        self.read = read
    }
}

extension ValueKind {
    /// A kind that is written as one scalar. `parse` answers a value or what is wrong.
    static func scalar(
        type: String,
        range: String = "",
        allowed: String,
        show: @escaping @Sendable (Value) -> String = { "\($0)" },
        parse: @escaping @Sendable (_ text: String, _ isPlain: Bool) -> Parsed<Value>
    ) -> ValueKind {
        ValueKind(type: type, range: range, allowed: allowed, show: show) { node, place, reading in
            guard let scalar = reading.scalar(node, place, allowed: allowed) else { return nil }
            switch parse(scalar.text, scalar.isPlain) {
            case .value(let value): return value
            case .wrong(let wrong):
                reading.refuse(node.mark, place, wrong, allowed: allowed)
                return nil
            case .explained(let message):
                reading.refuse(node.mark, place, message)
                return nil
            }
        }
    }

    /// A list, of at least one value unless it may be empty.
    static func list<Element>(
        of kind: ValueKind<Element>,
        mayBeEmpty: Bool = false
    ) -> ValueKind where Value == [Element] {
        let allowed = "a list, each \(kind.allowed)"
        return ValueKind(
            type: "list of \(kind.type)",
            range: kind.range,
            allowed: allowed,
            keys: { kind.keys($0.element(0)) },
            show: { $0.map(kind.show).joined(separator: ", ") },
            read: { node, place, reading in
                guard let nodes = reading.sequence(node, place, allowed: allowed) else {
                    return nil
                }
                if nodes.isEmpty, !mayBeEmpty {
                    reading.refuse(node.mark, place, "is an empty list", allowed: allowed)
                }
                return nodes.enumerated().compactMap { index, node in
                    kind.read(node, place.element(index), &reading)
                }
            }
        )
    }
}

/// A value, or what is wrong with its text.
enum Parsed<Value> {
    case value(Value)
    case wrong(String)
    /// The same, with what is allowed in this case.
    case explained(String)
}

extension Reading {
    /// One line of text. Quotes make no difference to text, but only plain text can be nothing.
    mutating func scalar(
        _ node: YAMLNode,
        _ place: KeyPlace,
        allowed: String
    ) -> (text: String, isPlain: Bool)? {
        switch node.content {
        case .refused: return nil
        case .sequence: refuse(node.mark, place, "is a list", allowed: allowed)
        case .mapping(let entries):
            let advice = UnquotedText.advice(about: entries)
            refuse(node.mark, place, "is a mapping", allowed: allowed + advice)
        case .scalar(let text, let isPlain):
            if isNothing(text, isPlain: isPlain) {
                refuse(node.mark, place, "has no value", allowed: allowed)
            } else if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
                let wrong = "contains a line break or control character"
                refuse(node.mark, place, wrong, allowed: allowed)
            } else {
                return (text, isPlain)
            }
        }
        return nil
    }

    mutating func sequence(_ node: YAMLNode, _ place: KeyPlace, allowed: String) -> [YAMLNode]? {
        switch node.content {
        case .refused: return nil
        case .sequence(let nodes): return nodes
        case .mapping: refuse(node.mark, place, "is a mapping", allowed: allowed)
        case .scalar(let text, let isPlain):
            let wrong = isNothing(text, isPlain: isPlain) ? "has no value" : "is one value"
            refuse(node.mark, place, wrong, allowed: allowed)
        }
        return nil
    }

    mutating func mapping(_ node: YAMLNode, _ place: KeyPlace, allowed: String) -> [YAMLEntry]? {
        switch node.content {
        case .refused: return nil
        case .mapping(let entries): return entries
        case .sequence: refuse(node.mark, place, "is a list", allowed: allowed)
        case .scalar(let text, let isPlain):
            let wrong = isNothing(text, isPlain: isPlain) ? "has no value" : "is one value"
            refuse(node.mark, place, wrong, allowed: allowed)
        }
        return nil
    }

    /// YAML's several ways to write null, and the empty value (YAML 1.2.2 section 10.3.2).
    private func isNothing(_ text: String, isPlain: Bool) -> Bool {
        isPlain && ["", "~", "null", "Null", "NULL"].contains(text)
    }
}
