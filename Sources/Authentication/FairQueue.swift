import Bytes

/// A queue that serves its sources in turn: one element of each, then the next of each.
///
/// A source with a thousand elements delays another's first by one element only. Pure, unbounded;
/// the caller bounds it.
struct FairQueue<Element: Sendable>: Sendable {
    private var lines: [ByteString: [Element]] = [:]
    /// Each source that has elements, once.
    private var turns: [ByteString] = []

    var isEmpty: Bool { turns.isEmpty }

    mutating func add(_ element: Element, from source: ByteString) {
        add([element], from: source)
    }

    /// Adds several elements of one source behind those that it has.
    mutating func add(_ elements: [Element], from source: ByteString) {
        guard !elements.isEmpty else { return }
        if lines[source, default: []].isEmpty { turns.append(source) }
        lines[source, default: []] += elements
    }

    /// The next element, or `nil` if there is none.
    mutating func next() -> Element? {
        guard !turns.isEmpty else { return nil }
        let source = turns.removeFirst()
        guard let element = lines[source]?.removeFirst() else { return nil }
        if lines[source]?.isEmpty ?? true {
            lines[source] = nil
        } else {
            turns.append(source)
        }
        return element
    }

    /// Takes everything of one source out.
    mutating func removeAll(of source: ByteString) -> [Element] {
        guard let elements = lines.removeValue(forKey: source) else { return [] }
        turns.removeAll { $0 == source }
        return elements
    }

    /// Takes some of one source out; the others keep their places.
    mutating func remove(of source: ByteString, where isUnwanted: (Element) -> Bool) {
        guard var line = removeNonEmptyLine(of: source) else { return }
        line.removeAll(where: isUnwanted)
        if line.isEmpty {
            turns.removeAll { $0 == source }
        } else {
            lines[source] = line
        }
    }

    /// The source with the most elements, and how many.
    var longest: (source: ByteString, count: Int)? {
        lines.max { $0.value.count < $1.value.count }.map { ($0.key, $0.value.count) }
    }

    /// Takes the newest element of one source out.
    mutating func removeLast(of source: ByteString) -> Element? {
        guard var elements = removeNonEmptyLine(of: source) else { return nil }
        let last = elements.removeLast()
        if elements.isEmpty {
            turns.removeAll { $0 == source }
        } else {
            lines[source] = elements
        }
        return last
    }

    private mutating func removeNonEmptyLine(of source: ByteString) -> [Element]? {
        lines.removeValue(forKey: source)
    }
}
