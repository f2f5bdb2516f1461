import Bytes

/// The files of one trail in the order of their records.
enum TrailFiles {
    /// How far into a file a record is looked for that says where the file belongs.
    private static let searchedLines = 64

    /// - Returns: the files that hold anything, by their first records; those without a record
    ///   among their first lines keep their place behind the file before them.
    static func ordered(_ paths: [String]) throws(AuditError) -> [String] {
        var found: [(sequence: Int, path: String)] = []
        var last = 0
        for path in paths {
            guard let sequence = try firstSequence(of: path) else { continue }
            last = sequence > 0 ? sequence : last
            found.append((last, path))
        }
        return found.enumerated()
            .sorted { ($0.element.sequence, $0.offset) < ($1.element.sequence, $1.offset) }
            .map(\.element.path)
    }

    /// - Returns: `nil` for an empty file, 0 for one without a record.
    private static func firstSequence(of path: String) throws(AuditError) -> Int? {
        var reader = try LineReader(path)
        var isEmpty = true
        for _ in 0..<searchedLines {
            switch try reader.next() {
            case .end: return isEmpty ? nil : 0
            case .torn, .tooLong: return 0
            case .whole(let count):
                isEmpty = false
                if let frame = LineFrame(of: reader.bytes.extracting(0..<count)) {
                    return frame.sequence
                }
            }
        }
        return 0
    }
}
