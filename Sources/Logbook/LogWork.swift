import Bytes

/// What the writer's thread does.
struct LogWork: Sendable {
    private enum Step {
        case write(LogPage)
        case reopen
        case report
        case tidy
        case end
    }

    private let shared: Monitor<LogQueue>
    private let destination: LogWriter.Destination
    private let operatorLog: OperatorLog

    init(
        _ shared: Monitor<LogQueue>,
        _ destination: LogWriter.Destination,
        _ operatorLog: OperatorLog
    ) {
        self.shared = shared
        self.destination = destination
        self.operatorLog = operatorLog
    }

    /// Writes until the writer is let go of and everything is written.
    func run(_ output: consuming LogOutput) {
        var reporter = LossReporter(shared, destination, operatorLog)
        while true {
            switch nextStep(reportAt: reporter.nextReport) {
            case .write(let page):
                write(page, to: &output, &reporter)
                shared.change { queue in
                    queue.isWriting = false
                    queue.recycle(page)
                }
            case .reopen:
                reopen(&output)
                shared.change { $0.isWriting = false }
            case .report: break
            case .tidy: shared.change { $0.spare = [] }
            case .end:
                reporter.report(evenIfEarly: true)
                shared.change { $0.hasEnded = true }
                return
            }
            reporter.report()
        }
    }

    /// Waits for something to do. Reopening goes before the pages that wait.
    private func nextStep(reportAt nextReport: Int64) -> Step {
        let attempt: (inout LogQueue) -> Step? = { queue in
            if queue.wantsReopening {
                queue.wantsReopening = false
                queue.isWriting = true
                return .reopen
            }
            if !queue.pages.isEmpty {
                queue.isWriting = true
                return .write(queue.pages.removeFirst())
            }
            return queue.isEnding ? .end : nil
        }
        let (isReportDue, hasSpare) = shared.withLock { queue in
            (queue.unreportedLines > 0, !queue.spare.isEmpty)
        }
        let tidying = hasSpare ? Clock.monotonic + Self.quietTime : .max
        let report = isReportDue ? nextReport : .max
        return shared.wait(until: min(tidying, report), attempt)
            ?? (tidying < report ? .tidy : .report)
    }

    /// After how long without a page the spare ones are freed; nanoseconds. Longer than a loop
    /// takes from one page to the next, a tick.
    private static let quietTime: Int64 = 2_000_000_000

    private func write(_ page: LogPage, to output: inout LogOutput, _ reporter: inout LossReporter)
    {
        var position = 0
        while true {
            let outcome = output.write(page.buffer.bytes, from: position) {
                reporter.report()
                return shared.withLock { !$0.wantsReopening && !$0.isEnding }
            }
            switch outcome {
            case .complete: return
            case .lost(let lines, let code): return reporter.lose(lines, code)
            case .interrupted(let next):
                position = next
                let (wantsReopening, isEnding) = shared.withLock { queue in
                    defer { queue.wantsReopening = false }
                    return (queue.wantsReopening, queue.isEnding)
                }
                if wantsReopening { reopen(&output) }
                if isEnding { return reporter.lose(page.buffer.bytes.lineCount(from: next), nil) }
            }
        }
    }

    private func reopen(_ output: inout LogOutput) {
        guard case .file(let path) = destination else { return }
        // First the old file's last line: the path may still be that file.
        let isWhole = output.finishLine()
        do throws(LogbookError) {
            let fresh = try LogOutput(appendingTo: path)
            if !isWhole { shared.change { $0.droppedLines += 1 } }
            output = fresh
            operatorLog.log(
                .info,
                "log.reopened",
                "the access log was opened anew",
                [("path", .string(path))]
            )
        } catch {
            operatorLog.log(
                .error,
                "log.reopen_failed",
                "the access log could not be opened anew; writing goes on to the old file",
                [("path", .string(path)), ("error", .string(error.description))]
            )
        }
    }
}

/// Counts lost lines and tells the operator, at most once in ten seconds. Lives on the writer's
/// thread: a loop that drops lines never writes to standard error for it.
private struct LossReporter {
    /// Monotonic nanoseconds; no report before.
    private(set) var nextReport: Int64 = 0
    private var lastCode: Int32?
    private let shared: Monitor<LogQueue>
    private let destination: LogWriter.Destination
    private let operatorLog: OperatorLog

    private static let pause: Int64 = 10_000_000_000

    init(
        _ shared: Monitor<LogQueue>,
        _ destination: LogWriter.Destination,
        _ operatorLog: OperatorLog
    ) {
        self.shared = shared
        self.destination = destination
        self.operatorLog = operatorLog
    }

    /// - Parameter code: the errno value; `nil` if the end came first.
    mutating func lose(_ lines: Int, _ code: Int32?) {
        if let code { lastCode = code }
        shared.change { $0.droppedLines += lines }
    }

    mutating func report(evenIfEarly: Bool = false) {
        let now = Clock.monotonic
        guard evenIfEarly || now >= nextReport else { return }
        let count = shared.withLock { queue in
            defer { queue.reportedLines = queue.droppedLines }
            return queue.unreportedLines
        }
        guard count > 0 else { return }
        nextReport = now + Self.pause
        let reason = lastCode.map { systemErrorText($0) } ?? "the queue was full"
        lastCode = nil
        var details: [(StaticString, OperatorLog.Value)] = [
            ("count", .int(count)), ("reason", .string(reason)),
        ]
        if case .file(let path) = destination { details.append(("path", .string(path))) }
        operatorLog.log(.error, "log.lines_dropped", "lines of the access log were lost", details)
    }
}
