public import Bytes
import Glibc
import Synchronization

/// Own events of `serve`, for the operator: one JSON object per line on standard error.
///
/// The keys are `ts`, `level`, `event`, `message`, then the details in their order. Safe from any
/// thread. A reader that stops costs lines, not time: they are counted, and the next line that can
/// be written is preceded by one with the count. No line is torn: what a full pipe leaves of one
/// waits for the next.
public final class OperatorLog: Sendable {
    /// What `log.level` offers.
    public enum Level: UInt8, Sendable, Comparable, CaseIterable {
        case debug, info, warning, error

        public var text: StaticString {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }

        public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// The value of a detail.
    public enum Value: Sendable, Equatable {
        case string(String)
        /// Bytes that are perhaps no UTF-8; those that are not become `\u00XX`.
        case bytes(ByteString)
        case int(Int)
        case bool(Bool)
        case stringArray([String])
        /// JSON that is made already. If it holds a control byte, a line break for one, it is
        /// written as a string, so that it cannot end the line.
        case raw(String)
    }

    private let descriptor: Int32
    private let threshold: Atomic<UInt8>
    /// The lock keeps lines apart.
    private let state = Monitor(State())

    private struct State {
        /// Lines that could not be written since the last one that could.
        var missedCount = 0
        /// What is left of a line that was begun.
        var rest = ByteString([])
    }

    /// - Parameter descriptor: 2 is standard error; it is not closed.
    public init(_ level: Level, descriptor: Int32 = 2) {
        self.descriptor = descriptor
        threshold = Atomic(level.rawValue)
    }

    /// Events below this level are not written. May change at any time.
    public var level: Level {
        get { Level(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
        set { threshold.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Writes one line, if `level` is high enough. Never blocks on a pipe that is full; a line of
    /// over a page may wait `patience` for its reader.
    ///
    /// - Parameter details: keys must differ from each other and from the four of every line.
    public func log(
        _ level: Level,
        _ event: StaticString,
        _ message: String,
        _ details: [(StaticString, Value)] = []
    ) {
        guard level >= self.level else { return }
        let line = OperatorLine.encode(level, event, message, details)
        state.withLock { state in
            let rest = state.rest
            guard write(rest.span, to: &state, within: 0), isWritable(descriptor, within: 0) else {
                state.missedCount += 1
                return
            }
            if state.missedCount > 0 {
                let isOut = write(Self.missedLine(state.missedCount).bytes, to: &state, within: 0)
                state.missedCount = isOut ? 0 : 1
                guard isOut else { return }
            }
            _ = write(line.bytes, to: &state, within: Self.patience)
        }
    }

    /// Milliseconds.
    private static let patience: Int32 = 100

    private static func missedLine(_ count: Int) -> Buffer {
        let message = "lines of this log were lost, because nobody took them"
        return OperatorLine.encode(
            .warning, "log.own_lines_dropped", message, [("count", .int(count))])
    }

    /// Writes a line in pieces that a pipe takes whole when poll(2) says that it takes anything
    /// (pipe(7), PIPE_BUF): more would block until its reader comes.
    ///
    /// - Parameters:
    ///   - state: keeps what is left.
    ///   - patience: how many milliseconds each piece may wait.
    /// - Returns: whether nothing is left. Where the descriptor is broken nothing is: nobody will
    ///   ever read it.
    private func write(
        _ text: borrowing Span<UInt8>,
        to state: inout State,
        within patience: Int32
    ) -> Bool {
        state.rest = ByteString([])
        var written = 0
        while written < text.count {
            let piece = text.extracting(written..<min(text.count, written + Int(PIPE_BUF)))
            let outcome: WriteOutcome =
                isWritable(descriptor, within: patience)
                ? writeOnce(piece, to: descriptor) : .wouldBlock
            switch outcome {
            case .wrote(let count): written += count
            case .failed: return true
            case .wouldBlock:
                state.rest = ByteString(copying: text.extracting(written...))
                return false
            }
        }
        return true
    }
}

/// The text of one event.
enum OperatorLine {
    static func encode(
        _ level: OperatorLog.Level,
        _ event: StaticString,
        _ message: String,
        _ details: [(StaticString, OperatorLog.Value)]
    ) -> Buffer {
        var bound = 256 + event.utf8CodeUnitCount + 6 * message.utf8.count
        for (key, value) in details { bound += key.utf8CodeUnitCount + 32 + lengthBound(value) }
        let line = Buffer(capacity: bound)
        var timestamp = Timestamp()
        line.append(literal: "{\"ts\":\"")
        timestamp.append(.now, to: line)
        line.append(literal: "\",\"level\":\"")
        line.append(level.text)
        line.append(literal: "\",\"event\":\"")
        line.append(event)
        line.append(literal: "\",\"message\":")
        append(message, to: line)
        for (key, value) in details {
            line.append(literal: ",\"")
            line.append(key)
            line.append(literal: "\":")
            append(value, to: line)
        }
        line.append(literal: "}\n")
        return line
    }

    private static func lengthBound(_ value: OperatorLog.Value) -> Int {
        switch value {
        case .string(let text), .raw(let text): 6 * text.utf8.count
        case .bytes(let bytes): 6 * bytes.count
        case .int, .bool: 24
        case .stringArray(let texts): texts.reduce(2) { $0 + 6 * $1.utf8.count + 3 }
        }
    }

    private static func append(_ value: OperatorLog.Value, to line: Buffer) {
        switch value {
        case .string(let text): append(text, to: line)
        case .bytes(let bytes): append(bytes.span, to: line)
        case .int(let number): line.append(Array(String(number).utf8))
        case .bool(let flag): line.append(literal: flag ? "true" : "false")
        case .stringArray(let texts):
            line.append(literal: "[")
            for (index, text) in texts.enumerated() {
                if index > 0 { line.append(literal: ",") }
                append(text, to: line)
            }
            line.append(literal: "]")
        case .raw(let text):
            if text.isEmpty || text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
                append(text, to: line)
            } else {
                line.append(Array(text.utf8))
            }
        }
    }

    private static func append(_ text: String, to line: Buffer) {
        append(Array(text.utf8).span, to: line)
    }

    private static func append(_ text: borrowing Span<UInt8>, to line: Buffer) {
        line.append(literal: "\"")
        line.append(jsonEscaped: text)
        line.append(literal: "\"")
    }
}
