import Bytes
import Logbook
import Secrets
import Synchronization

/// Writes records into the file, each batch whole or not at all. Lives on the writer's thread.
///
/// Nothing here moves on before the disk has it: the chain's end, the count since the last
/// checkpoint and the waiting changes are those of the last batch that was written.
struct Scribe: ~Copyable {
    private let settings: AuditTrail.Settings
    private let path: TrailPath
    private let operatorLog: OperatorLog
    private let figures: AuditFigures
    /// `nil`: another process has it, which this one takes over from.
    private var lock: TrailLock?
    private(set) var company: AuditTrail.Company
    private var file: TrailFile
    private var chain: Chain
    private let encoder: RecordEncoder
    private let lines = Buffer(capacity: 512 * 1024)
    private var sinceCheckpoint = 0
    /// When the file's first record was made; `nil` while there is none.
    private var begun: WallTime?
    /// Changes that were made and could not be written.
    private var waiting: [AuditEntry] = []
    /// Other records since then, and when that began.
    private var lost = 0
    private var lostSince: WallTime?
    private(set) var isWritable = true
    private var house: House

    init(
        _ settings: AuditTrail.Settings,
        _ operatorLog: OperatorLog,
        _ figures: AuditFigures
    ) throws(AuditError) {
        let path = TrailPath(settings.path)
        let lock = settings.company == .predecessor ? nil : try TrailLock(path)
        let file = try TrailFile(appendingTo: settings.path)
        // What the other process writes at this moment must not look like a torn line.
        if lock == nil { try file.lock() }
        defer { if lock == nil { file.unlock() } }
        let end = try TrailEnd(recovering: file, path)
        self.settings = settings
        self.operatorLog = operatorLog
        self.figures = figures
        self.path = path
        self.lock = lock
        self.file = file
        company = settings.company
        encoder = RecordEncoder(node: settings.node)
        house = House(path, settings, operatorLog)
        chain = end.chain
        begun = end.begun
        Self.note(end, operatorLog)
        // What a crash left unsealed is sealed before anything follows.
        sinceCheckpoint = chain.sequence > 0 ? settings.checkpointInterval : 0
    }

    /// Tells the operator of a torn line.
    private static func note(_ end: TrailEnd, _ operatorLog: OperatorLog) {
        guard let torn = end.torn else { return }
        operatorLog.log(
            .warning,
            "audit.torn_line",
            "the audit trail's last line was not whole, and was set aside",
            [("path", .string(torn))]
        )
    }

    /// Changes that could not be written yet.
    var pendingCount: Int { waiting.count }

    /// Appends records, first those that wait. Behind the last batch the end is sealed.
    ///
    /// - Returns: why nothing was written; the changes in the batch wait now.
    mutating func write(_ batch: AuditBatch) -> AuditError? {
        lost += batch.lost
        lostSince = lostSince ?? batch.lostSince
        let seals = batch.isLast || isCheckpointDue && file.byteCount > 0
        guard !waiting.isEmpty || !batch.entries.isEmpty || lost > 0 || seals else { return nil }
        var failure = attempt(batch, sealing: batch.isLast)
        // Better records without a seal than none.
        if batch.isLast, failure != nil { failure = attempt(batch, sealing: false) }
        isWritable = failure == nil
        if failure == nil {
            waiting = []
            lost = 0
            lostSince = nil
        } else {
            let changes = batch.entries.filter(\.isChange)
            waiting += changes
            lost += batch.entries.count - changes.count
            if lost > 0 { lostSince = lostSince ?? .now }
        }
        return failure
    }

    private mutating func attempt(_ batch: AuditBatch, sealing seals: Bool) -> AuditError? {
        guard company != .nobody else { return attemptAlone(batch, sealing: seals) }
        do throws(AuditError) {
            try goOnBehindTheOther()
        } catch {
            return error
        }
        defer { file.unlock() }
        return attemptAlone(batch, sealing: seals)
    }

    private mutating func attemptAlone(_ batch: AuditBatch, sealing seals: Bool) -> AuditError? {
        let start = (chain, sinceCheckpoint, file.byteCount)
        if let failure = append(batch, sealing: seals) {
            lines.clear()
            (chain, sinceCheckpoint, _) = start
            if let code = file.truncate(to: start.2) {
                return .system(call: "ftruncate", path: file.path, code: code)
            }
            return failure
        }
        begun = begun ?? .now
        return nil
    }

    private mutating func append(_ batch: AuditBatch, sealing seals: Bool) -> AuditError? {
        if isCheckpointDue { sealCheckpoint() }
        for entry in waiting {
            if let failure = append(entry) { return failure }
        }
        if lost > 0 {
            var gap = AuditRecord(.gap, .failed)
            gap.count = lost
            gap.since = lostSince
            if let failure = append(AuditEntry(gap, encoder)) { return failure }
        }
        for entry in batch.entries {
            if let failure = append(entry) { return failure }
        }
        if seals, sinceCheckpoint > 0 { sealCheckpoint() }
        if let failure = writeLines() { return failure }
        let hasChange = !waiting.isEmpty || batch.entries.contains(where: \.isChange)
        guard batch.waitsForDisk, hasChange || lost > 0 || batch.isLast else { return nil }
        return synchronize()
    }

    private mutating func append(_ entry: AuditEntry) -> AuditError? {
        chain.seal(entry.inside.span, into: lines)
        sinceCheckpoint += 1
        if isCheckpointDue { sealCheckpoint() }
        return lines.room < 2 * RecordEncoder.lineByteCount ? writeLines() : nil
    }

    private mutating func writeLines() -> AuditError? {
        let lines = lines
        let code = file.append(lines.bytes)
        lines.clear()
        return code.map { .system(call: "write", path: file.path, code: $0) }
    }

    private func synchronize() -> AuditError? {
        figures.fsyncs.add(1, ordering: .relaxed)
        return file.synchronize().map { .system(call: "fdatasync", path: file.path, code: $0) }
    }

    private var isCheckpointDue: Bool {
        settings.signingKey != nil && sinceCheckpoint >= settings.checkpointInterval
    }

    private mutating func sealCheckpoint() {
        guard let key = settings.signingKey else { return }
        let checkpoint = Checkpoint(
            signing: chain, with: key, interval: settings.checkpointInterval)
        chain.seal(encoder.encode(checkpoint).span, into: lines)
        sinceCheckpoint = 0
    }
}

/// Beside another process that writes to the same trail.
extension Scribe {
    /// Locks the file, and takes in what the other process has written since. If it throws, the
    /// file is not locked, and what could not be taken in is looked at again the next time.
    private mutating func goOnBehindTheOther() throws(AuditError) {
        try file.lock()
        do throws(AuditError) {
            try file.takeGrowth { file throws(AuditError) in try takeEnd(of: file) }
            while file.isReplaced {
                let fresh = try TrailFile(appendingTo: path.current)
                // Until it is closed, if it cannot be gone on with.
                try fresh.lock()
                if fresh.byteCount > 0 { try takeEnd(of: fresh) } else { beginFile() }
                file.unlock()
                file = fresh
            }
        } catch {
            file.unlock()
            throw error
        }
    }

    private mutating func takeEnd(of file: TrailFile) throws(AuditError) {
        let end = try TrailEnd(recovering: file, path)
        // Never back: what is missing must show.
        guard end.chain.sequence >= chain.sequence else { throw .notATrail(path: file.path) }
        sinceCheckpoint += end.chain.sequence - chain.sequence
        chain = end.chain
        begun = end.begun
        Self.note(end, operatorLog)
    }

    /// Another process has come to write here, or has gone: then its last words are taken in.
    mutating func keep(_ company: AuditTrail.Company) {
        if company == .nobody, self.company != .nobody {
            do throws(AuditError) {
                if lock == nil { lock = try TrailLock(path) }
                try goOnBehindTheOther()
                file.unlock()
            } catch {
                operatorLog.log(
                    .error,
                    "audit.shared",
                    "this process goes on as if another one wrote to the audit trail as well",
                    [("error", .string(error.description))]
                )
                return
            }
        }
        self.company = company
    }
}

/// Between batches.
extension Scribe {
    /// Closes the file when it is large or old enough, and has the files before it compressed and,
    /// when their time is over, removed. That waits while another process writes here as well.
    mutating func keepHouse() {
        guard company == .nobody else { return }
        if isWritable, let begun, isOver(begun) { rotate() }
        house.tidy()
    }

    private func isOver(_ begun: WallTime) -> Bool {
        file.byteCount >= settings.rotateSize
            || WallTime.now.nanoseconds - begun.nanoseconds >= settings.rotateAge
    }

    private mutating func rotate() {
        guard house.mayRotate else { return }
        do throws(AuditError) {
            if let failure = synchronize() { throw failure }
            let old = path.rotated(at: .now)
            guard !Files.exists(old) else { return }
            try Files.rename(path.current, to: old)
            do throws(AuditError) {
                file = try TrailFile(appendingTo: path.current)
            } catch {
                try Files.rename(old, to: path.current)
                throw error
            }
            Files.synchronize(directory: path.directory)
            beginFile()
            house.rotated()
        } catch {
            house.rotationFailed(error)
        }
    }

    /// Each file begins with a checkpoint: so a first line that is missing shows, also when the
    /// files before it are gone.
    private mutating func beginFile() {
        begun = nil
        sinceCheckpoint = settings.checkpointInterval
    }

    /// After the file was renamed by somebody else.
    mutating func reopen() {
        do throws(AuditError) {
            if company != .nobody {
                try goOnBehindTheOther()
                file.unlock()
            }
            if let failure = synchronize() { throw failure }
            let fresh = try TrailFile(appendingTo: path.current)
            if fresh.byteCount > 0 {
                let end = try TrailEnd(recovering: fresh, path)
                guard end.chain == chain else { throw .notATrail(path: path.current) }
            } else {
                beginFile()
            }
            file = fresh
            operatorLog.log(
                .info,
                "audit.reopened",
                "the audit trail was opened anew",
                [("path", .string(path.current))]
            )
        } catch {
            operatorLog.log(
                .error,
                "audit.reopen_failed",
                "the audit trail could not be opened anew; writing goes on to the old file",
                [("error", .string(error.description))]
            )
        }
    }

    /// Gives the file and its lock back, after the last batch.
    ///
    /// - Returns: whether nothing is left that should have been written.
    consuming func close() -> Bool { isWritable }
}
