/// Which known key an unknown one was meant to be.
enum Spelling {
    /// For the parentheses of an error: the nearest key here, else the same word elsewhere in the
    /// file, else all keys that would be right.
    static func hint(for key: String, among names: [String], in place: KeyPlace) -> String {
        if let name = nearest(to: key, among: names) {
            return "did you mean \(place.key(name).shown)?"
        }
        let elsewhere = ConfigurationReader.knownKeys.map(\.path).first {
            $0.hasSuffix(".\(key)") || $0 == key
        }
        if let elsewhere { return "did you mean \(elsewhere)?" }
        return "known here: \(names.joined(separator: ", "))"
    }

    /// - Returns: the candidate with the fewest edits, if they are no more than a third of its
    ///   letters, rounded up.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        let ranked = candidates.map { (name: $0, edits: edits(from: word, to: $0)) }
        guard let best = ranked.min(by: { $0.edits < $1.edits }) else { return nil }
        return best.edits <= (best.name.utf8.count + 2) / 3 ? best.name : nil
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn one word into the
    /// other (optimal string alignment).
    private static func edits(from word: String, to other: String) -> Int {
        let left = Array(word.utf8)
        let right = Array(other.utf8)
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let replaced = last[column] + (left[row] == right[column] ? 0 : 1)
                var best = min(replaced, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1],
                    left[row - 1] == right[column]
                {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
