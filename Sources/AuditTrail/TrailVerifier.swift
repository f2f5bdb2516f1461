public import Bytes
public import Secrets

/// Checks that a trail is whole: each record refers to the one before it, none is missing, moved or
/// changed, and the checkpoints are signed.
public struct TrailVerifier {
    /// A place where the trail is not what was written.
    public struct Finding: Sendable, Equatable {
        public let file: String
        /// From 1.
        public let line: Int
        public let sequence: Int
        public let reason: String
    }

    /// What was there.
    public struct Summary: Sendable, Equatable {
        public var recordCount = 0
        public var byteCount = 0
        public var firstSequence: Int?
        public var lastSequence = 0
        /// The padded base64 of SHA-256 over the last line.
        public var lastCode = ByteString([])
        public var checkpointCount = 0
        /// Records behind the newest checkpoint.
        public var unsealedCount = 0
        /// Records that are not there because they could not be written, by the `gap` records.
        public var lostCount = 0
        /// Where a torn last line stands.
        public var tornAt: String?
        public var findingCount = 0
    }

    /// The number and the code of a record that was noted elsewhere, from an earlier `lastCode`.
    public struct Head: Sendable, Equatable {
        public var sequence: Int
        public var code: ByteString

        public init(sequence: Int, code: ByteString) {
            self.sequence = sequence
            self.code = code
        }
    }

    private let head: Head?
    private let key: PublicKey?
    private let report: (Finding) -> Void
    private var summary = Summary()
    private var isHeadSeen = false
    /// Of the line before: where it stands, and what its successor must refer to. `nil` where that
    /// is not known.
    private var before: Place?
    private var expected: ByteString?
    /// Where the trail begins, if not with its first record, until a checkpoint has come.
    private var lateStart: Place?
    private var interval: Int?
    private let hash = RepeatedSHA256()

    private struct Place {
        let file: String
        let line: Int
    }

    /// - Parameters:
    ///   - head: must be found in the trail.
    ///   - key: what all checkpoints must be signed with; without it each is only checked against
    ///     the key that it names.
    ///   - report: is called for each finding, in the order of the trail.
    public init(head: Head?, key: PublicKey?, report: @escaping (Finding) -> Void) {
        self.head = head
        self.key = key
        self.report = report
    }

    /// Reads all of the files, in the order of their records.
    public mutating func verify(_ paths: [String]) throws(AuditError) -> Summary {
        let files = try TrailFiles.ordered(paths)
        for (index, path) in files.enumerated() {
            try verify(path, isLast: index == files.count - 1)
        }
        conclude(files.last ?? paths.first ?? "")
        return summary
    }

    private mutating func verify(_ path: String, isLast: Bool) throws(AuditError) {
        var reader = try LineReader(path)
        while true {
            switch try reader.next() {
            case .whole(let count): check(reader.bytes.extracting(0..<count), path, reader.number)
            case .torn(let count):
                if isLast {
                    summary.tornAt = "\(path):\(reader.number)"
                } else {
                    _ = count
                    broken(path, reader.number, "the line is torn: it has no end")
                }
            case .tooLong:
                broken(path, reader.number, "the line is longer than any record")
                return
            case .end: return
            }
        }
    }

    private mutating func check(_ line: borrowing Span<UInt8>, _ path: String, _ number: Int) {
        summary.recordCount += 1
        summary.byteCount += line.count + 1
        guard let frame = LineFrame(of: line) else {
            return broken(path, number, "the line is no record")
        }
        compare(frame, line, path, number)
        summary.firstSequence = summary.firstSequence ?? frame.sequence
        summary.lastSequence = frame.sequence
        let code = Chain.code(of: line, hash)
        checkHead(frame.sequence, code, path, number)
        expected = code
        before = Place(file: path, line: number)
        summary.unsealedCount += 1
        look(at: line, frame, path, number)
        summary.lastCode = code
    }

    /// Compares a record with the one before it.
    private mutating func compare(
        _ frame: LineFrame,
        _ line: borrowing Span<UInt8>,
        _ path: String,
        _ number: Int
    ) {
        let previous = line.extracting(frame.previous)
        guard summary.firstSequence != nil else {
            if frame.sequence == 1, !previous.isEmpty {
                found(path, number, frame.sequence, "the first record refers to one before it")
            }
            if frame.sequence > 1 { lateStart = Place(file: path, line: number) }
            return
        }
        let wanted = summary.lastSequence + 1
        if frame.sequence > wanted {
            let missing =
                frame.sequence == wanted + 1
                ? "\(wanted) is missing" : "\(wanted) to \(frame.sequence - 1) are missing"
            return found(path, number, frame.sequence, "before it, \(missing)")
        }
        if frame.sequence < wanted {
            return found(path, number, frame.sequence, "out of order: \(wanted) comes here")
        }
        guard let expected, let before, !(previous == expected) else { return }
        found(
            before.file,
            before.line,
            wanted - 1,
            "the line was changed: the record after it refers to another"
        )
    }

    /// Takes up what checkpoints and gaps say.
    private mutating func look(
        at line: borrowing Span<UInt8>,
        _ frame: LineFrame,
        _ path: String,
        _ number: Int
    ) {
        guard let record = RecordLine(line, upTo: .event) else {
            return found(path, number, frame.sequence, "the line is no record")
        }
        if record.value(.event, in: line, is: "gap") {
            summary.lostCount += RecordLine(line)?.number(.count, in: line) ?? 0
        }
        guard record.value(.event, in: line, is: "checkpoint") else { return }
        checkStart(path, number)
        if let reason = fault(ofCheckpoint: line, frame) {
            found(path, number, frame.sequence, reason)
        } else {
            summary.checkpointCount += 1
            summary.unsealedCount = 0
        }
    }

    /// A file that is signed at all begins with a checkpoint, if it is not the trail's first.
    private mutating func checkStart(_ path: String, _ number: Int) {
        guard let start = lateStart else { return }
        lateStart = nil
        guard start.file == path, start.line < number, let first = summary.firstSequence else {
            return
        }
        found(start.file, start.line, first, "before it, lines of this file are missing")
    }

    private mutating func fault(
        ofCheckpoint line: borrowing Span<UInt8>,
        _ frame: LineFrame
    ) -> String? {
        guard let record = RecordLine(line),
            let keyText = record.text(.key, in: line), let keyBytes = [UInt8](base64: keyText),
            let named = PublicKey(bytes: keyBytes),
            let every = record.number(.every, in: line),
            let seal = record.text(.signature, in: line).flatMap({ [UInt8](base64: $0) })
        else { return "the checkpoint has no key and signature" }
        if let key, key != named { return "the checkpoint names another key" }
        let checkpoint = Checkpoint(key: named, signature: seal, interval: every)
        guard checkpoint.isSigned(for: frame.sequence, line.extracting(frame.previous)) else {
            return "the checkpoint's signature is wrong"
        }
        interval = every
        return nil
    }

    private mutating func checkHead(
        _ sequence: Int,
        _ code: ByteString,
        _ path: String,
        _ number: Int
    ) {
        guard let head, head.sequence == sequence else { return }
        isHeadSeen = true
        if head.code != code { found(path, number, sequence, "the line is not the one of --head") }
    }

    /// What only the end can show.
    private mutating func conclude(_ path: String) {
        let line = before?.line ?? 1
        if let head, !isHeadSeen {
            found(path, line, summary.lastSequence, "the trail ends before \(head.sequence)")
        }
        guard key != nil, summary.recordCount > 0 else { return }
        if summary.checkpointCount == 0 {
            found(path, line, summary.lastSequence, "no checkpoint is signed with the key")
        } else if let interval, summary.unsealedCount > interval {
            found(
                path,
                line,
                summary.lastSequence,
                "\(summary.unsealedCount) records behind the newest checkpoint; at most"
                    + " \(interval) can be"
            )
        }
    }

    /// A line that cannot be read stands for the record that should be there.
    private mutating func broken(_ path: String, _ number: Int, _ reason: String) {
        if summary.firstSequence != nil { summary.lastSequence += 1 }
        found(path, number, summary.lastSequence, reason)
        expected = nil
        before = Place(file: path, line: number)
    }

    private mutating func found(_ path: String, _ line: Int, _ sequence: Int, _ reason: String) {
        summary.findingCount += 1
        report(Finding(file: path, line: line, sequence: sequence, reason: reason))
    }
}

extension [UInt8] {
    /// Strict padded base64 of at most 1 KiB.
    init?(base64 text: ByteString) {
        let room = SecretBuffer(capacity: 1024)
        guard room.fill(base64: text.span) else { return nil }
        self = ByteString(copying: room.bytes).bytes
    }
}
