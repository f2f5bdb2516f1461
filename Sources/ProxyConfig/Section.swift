import Bytes

/// A mapping with known keys, and the value they make together.
///
/// A section is both the reader and the description of its part of the file: what is not in one of
/// its fields is an unknown key, and the list of known keys is made from the fields.
struct Section<Value: Sendable>: Sendable {
    /// The value where no key is written.
    let initial: Value
    let fields: [Field<Value>]
    /// Checks what several keys say together, after all of them were read.
    var check: @Sendable (inout Value, YAMLNode, KeyPlace, inout Reading) -> Void = { _, _, _, _ in
    }

    /// - Returns: the value, with its initial parts where a key was wrong; `nil` if `node` is no
    ///   mapping. Either way every error is in `reading`.
    func read(_ node: YAMLNode, _ place: KeyPlace, _ reading: inout Reading) -> Value? {
        guard let entries = reading.mapping(node, place, allowed: allowed) else { return nil }
        var value = initial
        for entry in entries {
            let name = place.key(printable(entry.key))
            guard let field = fields.first(where: { $0.name == entry.key }) else {
                let hint = Spelling.hint(for: entry.key, among: names, in: place)
                reading.refuse(entry.keyMark, name, "is not a known key", allowed: hint)
                continue
            }
            reading.use(name)
            field.read(entry.value, name, &value, &reading)
        }
        for field in fields where field.isRequired && node[field.name] == nil {
            reading.refuse(
                node.mark,
                place.key(field.name),
                "is required",
                allowed: field.allowed
            )
        }
        check(&value, node, place, &reading)
        return value
    }

    var names: [String] { fields.map(\.name) }

    private var allowed: String { "a mapping of \(names.joined(separator: ", "))" }

    func keys(_ place: KeyPlace) -> [KnownKey] {
        fields.flatMap { $0.keys(place.key($0.name), initial) }
    }
}

/// One key of a section.
struct Field<Value: Sendable>: Sendable {
    let name: String
    let isRequired: Bool
    let allowed: String
    let keys: @Sendable (_ place: KeyPlace, _ initial: Value) -> [KnownKey]
    let read: @Sendable (YAMLNode, KeyPlace, inout Value, inout Reading) -> Void

    typealias Part<Part> = any WritableKeyPath<Value, Part> & Sendable

    /// A key whose default is what the section's initial value holds. A required key has none.
    init<T>(
        _ name: String,
        _ part: Part<T>,
        _ kind: ValueKind<T>,
        isRequired: Bool = false,
        showsDefault: Bool = true
    ) {
        self.name = name
        self.isRequired = isRequired
        allowed = kind.allowed
        keys = { place, initial in
            let shown = isRequired || !showsDefault ? nil : kind.show(initial[keyPath: part])
            let text = shown?.isEmpty == true ? nil : shown
            return [kind.known(place, defaultText: text)] + kind.keys(place)
        }
        read = { node, place, value, reading in
            if let read = kind.read(node, place, &reading) { value[keyPath: part] = read }
        }
    }

    /// A key that may be absent.
    init<T>(_ name: String, _ part: Part<T?>, _ kind: ValueKind<T>) {
        self.name = name
        isRequired = false
        allowed = kind.allowed
        keys = { place, _ in [kind.known(place, defaultText: nil)] + kind.keys(place) }
        read = { node, place, value, reading in
            if let read = kind.read(node, place, &reading) { value[keyPath: part] = read }
        }
    }
}

extension ValueKind {
    fileprivate func known(_ place: KeyPlace, defaultText: String?) -> KnownKey {
        KnownKey(path: place.known, type: type, range: range, defaultText: defaultText)
    }

    /// A mapping with known keys.
    static func section(_ section: Section<Value>) -> ValueKind {
        ValueKind(
            type: "section",
            allowed: "a mapping of \(section.names.joined(separator: ", "))",
            keys: { section.keys($0) },
            show: { _ in "" },
            read: { section.read($0, $1, &$2) }
        )
    }
}
