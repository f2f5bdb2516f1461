public import Bytes
public import Logbook

/// What is asked of a trail: all conditions must hold.
public struct TrailQuery: Sendable {
    public var user: ByteString?
    public var event: ByteString?
    public var outcome: ByteString?
    public var repository: ByteString?
    /// Decides about repositories where a whole name is not enough.
    public var repositoryMatches: (@Sendable (ByteString) -> Bool)?
    public var tag: ByteString?
    public var digest: ByteString?
    /// The first moment that counts, and the first that does not any more.
    public var from: WallTime?
    public var to: WallTime?

    public init() {}

    /// Whether a record is one of those asked for.
    public func matches(_ record: RecordLine, in line: borrowing Span<UInt8>) -> Bool {
        isValue(user, .user, record, line) && isValue(event, .event, record, line)
            && isValue(outcome, .outcome, record, line)
            && isValue(repository, .repository, record, line) && isValue(tag, .tag, record, line)
            && isAbout(digest, record, line) && isInTime(record, line)
            && isInRepository(record, line)
    }

    private func isValue(
        _ wanted: ByteString?,
        _ key: RecordLine.Key,
        _ record: RecordLine,
        _ line: borrowing Span<UInt8>
    ) -> Bool {
        guard let wanted else { return true }
        guard record.has(key) else { return false }
        let raw = line.extracting(record.raw(key))
        return raw == wanted || record.text(key, in: line) == wanted
    }

    /// A digest is also asked for if a tag had it before.
    private func isAbout(
        _ digest: ByteString?,
        _ record: RecordLine,
        _ line: borrowing Span<UInt8>
    ) -> Bool {
        digest == nil || isValue(digest, .digest, record, line)
            || isValue(digest, .was, record, line)
    }

    private func isInTime(_ record: RecordLine, _ line: borrowing Span<UInt8>) -> Bool {
        guard from != nil || to != nil else { return true }
        guard let time = record.time(in: line) else { return false }
        return time >= (from ?? time) && (to.map { time < $0 } ?? true)
    }

    private func isInRepository(_ record: RecordLine, _ line: borrowing Span<UInt8>) -> Bool {
        guard let repositoryMatches else { return true }
        return record.text(.repository, in: line).map(repositoryMatches) ?? false
    }
}

/// Reads the records of a trail, oldest first, in constant memory.
public struct TrailReader {
    /// What is no record: the file, the line.
    public var skipped: (String, Int) -> Void = { _, _ in }
    private let paths: [String]

    /// - Parameter paths: the trail's files, in any order.
    public init(_ paths: [String]) { self.paths = paths }

    /// Calls `visit` for each record that `query` asks for, with its line.
    public func forEach(
        _ query: TrailQuery,
        _ visit: (RecordLine, borrowing Span<UInt8>) -> Void
    ) throws(AuditError) {
        for path in try TrailFiles.ordered(paths) {
            var reader = try LineReader(path)
            var isOpen = true
            while isOpen {
                switch try reader.next() {
                case .whole(let count):
                    let line = reader.bytes.extracting(0..<count)
                    if let record = RecordLine(line) {
                        if query.matches(record, in: line) { visit(record, line) }
                    } else {
                        skipped(path, reader.number)
                    }
                case .torn, .tooLong:
                    skipped(path, reader.number)
                    isOpen = false
                case .end: isOpen = false
                }
            }
        }
    }
}
