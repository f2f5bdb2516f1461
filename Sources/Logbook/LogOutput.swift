import Bytes
import Glibc

/// Where lines go, on the writer's side: an open descriptor, and the rest of a line that was begun.
///
/// Belongs to the writer's thread. A line that was begun is always finished before another begins,
/// however long the disk was full in between; that keeps each line whole.
struct LogOutput: ~Copyable {
    /// How a page was written.
    enum Outcome: Equatable {
        case complete
        /// The caller's patience ended while nothing could be written. From this position on, which
        /// is the begin of a line, nothing of the page is out.
        case interrupted(at: Int)
        /// So many lines were given up for this errno value.
        case lost(lines: Int, code: Int32)
    }

    private var descriptor: LogDescriptor
    /// The rest of a line whose begin is already out.
    private var unfinished: [UInt8] = []

    init(standardOutput: Int32) { descriptor = LogDescriptor(borrowing: standardOutput) }

    /// Opens `path` for appending. Where its last line has no end (a process was killed), the first
    /// write ends it.
    init(appendingTo path: String) throws(LogbookError) {
        descriptor = try LogDescriptor(appendingTo: path)
        if let last = lastByte(ofFile: path), last != 0x0A { unfinished = [0x0A] }
    }

    /// Tries once more to finish a line that was begun. For the moment before the output changes.
    ///
    /// - Returns: whether the output now ends in a whole line.
    mutating func finishLine() -> Bool { finish(whileTrue: { false }) == nil && unfinished.isEmpty }

    /// Writes whole lines.
    ///
    /// - Parameters:
    ///   - page: bytes that begin with a line and end with a newline.
    ///   - first: where in `page` to begin; the begin of a line.
    ///   - isPatient: asked a few times a second while a pipe takes nothing.
    mutating func write(
        _ page: borrowing Span<UInt8>,
        from first: Int,
        whileTrue isPatient: () -> Bool
    ) -> Outcome {
        if let code = finish(whileTrue: isPatient) {
            return .lost(lines: page.lineCount(from: first), code: code)
        }
        guard unfinished.isEmpty else { return .interrupted(at: first) }
        var position = first
        while position < page.count {
            let piece = page.extracting(position..<pieceEnd(in: page, from: position))
            switch writeOnce(piece, ifReady: isPatient) {
            case .wrote(let count): position += count
            case .wouldBlock:
                let next = keepRest(of: page, from: position)
                return next < page.count ? .interrupted(at: next) : .complete
            case .failed(let code):
                let next = keepRest(of: page, from: position)
                return .lost(lines: page.lineCount(from: next), code: code)
            }
        }
        return .complete
    }

    /// Writes the rest of a line that was begun.
    ///
    /// - Returns: the errno value if that failed. If patience ended, `unfinished` is not empty.
    private mutating func finish(whileTrue isPatient: () -> Bool) -> Int32? {
        while !unfinished.isEmpty {
            switch writeOnce(unfinished.span, ifReady: isPatient) {
            case .wrote(let count): unfinished.removeFirst(count)
            case .wouldBlock: return nil
            case .failed(let code): return code
            }
        }
        return nil
    }

    /// Where the next write ends. A file takes all at once. A pipe gets whole lines of at most
    /// PIPE_BUF bytes, which never mix with those of another process (pipe(7)).
    private func pieceEnd(in page: borrowing Span<UInt8>, from position: Int) -> Int {
        let limit = position + Int(PIPE_BUF)
        guard !descriptor.isRegularFile, limit < page.count else { return page.count }
        guard let newline = page.extracting(position..<limit).lastIndex(of: 0x0A) else {
            return limit
        }
        return position + newline + 1
    }

    /// If `position` lies inside a line, remembers the rest of it.
    ///
    /// - Returns: the begin of the next line.
    private mutating func keepRest(of page: borrowing Span<UInt8>, from position: Int) -> Int {
        guard position > 0, page[position - 1] != 0x0A else { return position }
        let rest = page.extracting(position..<page.count)
        let count = rest.firstIndex(of: 0x0A).map { $0 + 1 } ?? rest.count
        for index in 0..<count { unfinished.append(rest[index]) }
        return position + count
    }

    /// Writes once when the descriptor is ready. `wouldBlock` means that patience ended.
    private func writeOnce(
        _ bytes: borrowing Span<UInt8>,
        ifReady isPatient: () -> Bool
    ) -> WriteOutcome {
        while true {
            if descriptor.isRegularFile || isWritable(descriptor.number, within: 0) {
                let outcome = Logbook.writeOnce(bytes, to: descriptor.number)
                if outcome != .wouldBlock { return outcome }
            }
            guard isPatient() else { return .wouldBlock }
            _ = isWritable(descriptor.number, within: Self.waitMilliseconds)
        }
    }

    private static let waitMilliseconds: Int32 = 200
}

extension Span<UInt8> {
    /// How many newlines there are from `start` on.
    func lineCount(from start: Int) -> Int {
        var lines = 0
        for index in start..<count where self[index] == 0x0A { lines += 1 }
        return lines
    }
}
