import Logbook
import Synchronization

/// What the writer's thread does: gathers, has the scribe write, and tells those who wait.
struct AuditWork: Sendable {
    private let queue: Monitor<AuditQueue>
    private let figures: AuditFigures
    private let operatorLog: OperatorLog

    /// How long after a failure the next attempt is made; nanoseconds.
    private static let retryInterval: Int64 = 1_000_000_000
    /// How often the age of the files is looked at; nanoseconds.
    private static let lookInterval: Int64 = 10_000_000_000

    init(_ queue: Monitor<AuditQueue>, _ figures: AuditFigures, _ operatorLog: OperatorLog) {
        self.queue = queue
        self.figures = figures
        self.operatorLog = operatorLog
    }

    func run(_ scribe: consuming Scribe) {
        var alarm = Alarm(operatorLog)
        while true {
            scribe.keepHouse()
            let batch = nextBatch(isWritable: scribe.isWritable)
            if let company = batch.newCompany {
                scribe.keep(company)
                queue.change { $0.newCompany = nil }
            }
            if batch.wantsReopening { scribe.reopen() }
            write(batch, &scribe, &alarm)
            if batch.isLast { return end(isWhole: scribe.close()) }
        }
    }

    private func write(_ batch: AuditBatch, _ scribe: inout Scribe, _ alarm: inout Alarm) {
        let failure = scribe.write(batch)
        figures.isWritable.store(failure == nil, ordering: .releasing)
        figures.pending = scribe.pendingCount
        queue.change { $0.writing = [] }
        for ticket in batch.tickets { ticket.resume(failure == nil && batch.waitsForDisk) }
        alarm.note(failure, pending: scribe.pendingCount)
    }

    private enum Wake {
        case batch(AuditBatch)
        /// Something has come, and with it another time to write.
        case otherTime
    }

    /// Waits until something is worth writing: changes when no more follow for a moment, others
    /// after a while, and after a failure all of it after a pause. Is empty now and then, because
    /// files also grow old while nothing happens.
    private func nextBatch(isWritable: Bool) -> AuditBatch {
        let retry = isWritable ? nil : Clock.monotonic + Self.retryInterval
        let look = Clock.monotonic + Self.lookInterval
        while true {
            let due = min(look, retry ?? queue.withLock { $0.due })
            let wake = queue.wait(until: due) { queue -> Wake? in
                let isFull = retry == nil && queue.isFull
                let isAsked = queue.wantsReopening || queue.newCompany != nil
                let mustGo = queue.isEnding || isAsked || isFull
                let current = min(look, retry ?? queue.due)
                if mustGo || current <= Clock.monotonic { return .batch(Self.take(from: &queue)) }
                return current == due ? nil : .otherTime
            }
            if case .batch(let batch) = wake { return batch }
        }
    }

    private static func take(from queue: inout AuditQueue) -> AuditBatch {
        let batch = AuditBatch(
            entries: queue.entries,
            tickets: queue.tickets,
            lost: queue.lost,
            lostSince: queue.lostSince,
            wantsReopening: queue.wantsReopening,
            newCompany: queue.newCompany,
            waitsForDisk: queue.waitsForDisk,
            isLast: queue.isEnding
        )
        queue.writing = queue.tickets
        queue.entries = []
        queue.tickets = []
        queue.lost = 0
        queue.lostSince = nil
        queue.firstChange = nil
        queue.firstEntry = nil
        queue.wantsReopening = false
        return batch
    }

    private func end(isWhole: Bool) {
        let late = queue.change { queue in
            queue.hasEnded = true
            queue.endedWhole = isWhole && queue.entries.isEmpty
            return queue.tickets
        }
        for ticket in late { ticket.resume(false) }
    }
}

/// What the thread takes from the queue at once.
struct AuditBatch {
    var entries: [AuditEntry] = []
    var tickets: [CommitTicket] = []
    /// How many records were not taken since the batch before, and when that began.
    var lost = 0
    var lostSince: WallTime?
    var wantsReopening = false
    var newCompany: AuditTrail.Company?
    /// Whether changes are on the disk before anything else happens.
    var waitsForDisk = true
    /// Nothing follows.
    var isLast = false
}

/// Tells the operator of a trail that cannot be written, at most once a minute, and of its return.
private struct Alarm {
    private let operatorLog: OperatorLog
    private var next: Int64 = 0
    private var isTold = false

    private static let pause: Int64 = 60_000_000_000

    init(_ operatorLog: OperatorLog) { self.operatorLog = operatorLog }

    mutating func note(_ failure: AuditError?, pending: Int) {
        guard let failure else {
            if isTold {
                operatorLog.log(.info, "audit.writable", "the audit trail can be written again")
            }
            isTold = false
            return
        }
        guard Clock.monotonic >= next else { return }
        next = Clock.monotonic + Self.pause
        isTold = true
        operatorLog.log(
            .error,
            "audit.unwritable",
            "the audit trail cannot be written: pushes and deletes are refused",
            [("error", .string(failure.description)), ("pending", .int(pending))]
        )
    }
}
