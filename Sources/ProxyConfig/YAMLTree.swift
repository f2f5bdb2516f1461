import Bytes

/// Builds the node tree of a file that holds one YAML document.
///
/// The dialect is what people write by hand: mappings, sequences, scalars, in block or flow style.
/// Anchors, aliases, tags and a second document are refused, because the file would then mean
/// something else than what stands where the error message points; so is a key written twice,
/// because of two values one would silently lose.
package struct YAMLTree: ~Copyable {
    /// Deepest nesting of mappings and sequences.
    static let depthLimit = 64

    private var events: YAMLEvents
    private var path: [String] = []
    private var problems: [YAMLProblem] = []

    /// - Returns: the root, or `nil` if there is none or a problem left no tree to speak of; and
    ///   every problem in the order of the file.
    package static func read(_ bytes: [UInt8]) -> (root: YAMLNode?, problems: [YAMLProblem]) {
        if let problem = YAMLText.problem(in: bytes) { return (nil, [problem]) }
        var tree = YAMLTree(events: YAMLEvents(bytes))
        do throws(YAMLProblem) {
            let root = try tree.document()
            return (root, tree.problems)
        } catch {
            return (nil, tree.problems + [error])
        }
    }

    private init(events: consuming YAMLEvents) {
        self.events = events
    }

    private mutating func document() throws(YAMLProblem) -> YAMLNode? {
        _ = try events.next()
        guard try events.next().kind == .documentStart else {
            throw YAMLProblem(mark: .start, path: "", message: "is empty (a mapping)")
        }
        let root = try node(from: events.next())
        _ = try events.next()
        let after = try events.next()
        if after.kind != .streamEnd { refuse("is a second document (one)", at: after.mark) }
        return root
    }

    private mutating func node(from event: YAMLEvents.Event) throws(YAMLProblem) -> YAMLNode {
        if event.hasAnchor { refuse("has an anchor (the value itself)", at: event.mark) }
        if event.hasTag { refuse("has a tag (a value without one)", at: event.mark) }
        let content: YAMLNode.Content
        switch event.kind {
        case .scalar(let text, let isPlain): content = .scalar(text, isPlain: isPlain)
        case .sequenceStart: content = try sequence(from: event.mark)
        case .mappingStart: content = try mapping(from: event.mark)
        case .alias(let name):
            let advice = UnquotedText.advice(about: "*\(name)")
            refuse("is an alias (the value itself\(advice))", at: event.mark)
            content = .refused
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            preconditionFailure("libyaml: \(event.kind) where a node begins")
        }
        return YAMLNode(content: content, mark: event.mark)
    }

    private mutating func sequence(from mark: YAMLMark) throws(YAMLProblem) -> YAMLNode.Content {
        var nodes: [YAMLNode] = []
        while true {
            let event = try events.next()
            if event.kind == .sequenceEnd { return .sequence(nodes) }
            try enter("[\(nodes.count)]", at: mark)
            nodes.append(try node(from: event))
            path.removeLast()
        }
    }

    private mutating func mapping(from mark: YAMLMark) throws(YAMLProblem) -> YAMLNode.Content {
        var entries: [YAMLEntry] = []
        // By bytes: a `String` holds two spellings of one letter for the same key.
        var lines: [[UInt8]: Int] = [:]
        while true {
            let event = try events.next()
            if event.kind == .mappingEnd { return .mapping(entries) }
            guard case .scalar(let key, _) = event.kind else {
                throw YAMLProblem(
                    mark: event.mark,
                    path: place,
                    message: "has a key that is not text (a word)"
                )
            }
            try enter((path.isEmpty ? "" : ".") + printable(key), at: mark)
            if event.hasAnchor || event.hasTag {
                refuse("is a key with an anchor or a tag (a word)", at: event.mark)
            }
            let value = try node(from: events.next())
            if let line = lines.updateValue(event.mark.line, forKey: Array(key.utf8)) {
                refuse("is here a second time, after line \(line) (once)", at: event.mark)
            } else {
                entries.append(YAMLEntry(key: key, keyMark: event.mark, value: value))
            }
            path.removeLast()
        }
    }

    private mutating func enter(_ step: String, at mark: YAMLMark) throws(YAMLProblem) {
        guard path.count < Self.depthLimit else {
            let allowed = "at most \(Self.depthLimit) levels"
            throw YAMLProblem(mark: mark, path: "", message: "is nested too deeply (\(allowed))")
        }
        path.append(step)
    }

    private mutating func refuse(_ message: String, at mark: YAMLMark) {
        problems.append(YAMLProblem(mark: mark, path: place, message: message))
    }

    private var place: String { path.joined() }
}
