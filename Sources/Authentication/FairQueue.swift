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
        if lines[source, default: []].isEmpty { turns.append(source) }
        lines[source, default: []].append(element)
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
}
