import Bytes
import Foundation
import Glibc
import Testing

@testable import Logbook

@Suite(.timeLimit(.minutes(30))) struct LogWriterTests {
    private func append(_ serial: Int, from thread: Int = 0, to log: LoopLog) {
        var sample = SampleRequest(path: Array("/v2/".utf8), serial: UInt128(serial + 1))
        sample.record.repository = ByteString("t\(thread)")
        sample.record.bytesIn = serial
        log.append(sample.record, head: sample.head.span)
    }

    private func serials(_ lines: [[UInt8]], thread: Int = 0) throws -> [Int] {
        try lines.compactMap { line in
            let object = try parse(line)
            guard object["repository"] as? String == "t\(thread)" else { return nil }
            return object["bytes_in"] as? Int
        }
    }

    @Test("lines reach a new file of mode 0640 after a tick")
    func newFile() throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        let writer = try LogWriter(.file(scratch["log"]), operatorLog: events)
        let log = LoopLog(writer, format: .json)
        for serial in 0..<3 { append(serial, to: log) }
        log.tick()
        #expect(writer.flush(within: .seconds(30)))
        #expect(try serials(lines(scratch.bytes("log"))) == [0, 1, 2])
        let attributes = try FileManager.default.attributesOfItem(atPath: scratch["log"])
        #expect((attributes[.posixPermissions] as? Int).map { $0 & ~0o640 } == 0)
        #expect(writer.close(within: .seconds(30)))
        try file.close()
    }

    @Test("a quiet loop holds no page, and a quiet writer keeps none")
    func quiet() throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        let writer = try LogWriter(.file(scratch["log"]), operatorLog: events)
        let log = LoopLog(writer, format: .json)
        var spareCounts: [Int] = []
        for serial in 0..<2 {
            append(serial, to: log)
            spareCounts.append(writer.shared.withLock { $0.spare.count })
            log.tick()
            #expect(writer.flush(within: .seconds(30)))
            spareCounts.append(writer.shared.withLock { $0.spare.count })
        }
        #expect(spareCounts == [0, 1, 0, 1])
        let deadline = Clock.monotonic + 30_000_000_000
        #expect(writer.shared.wait(until: deadline) { $0.spare.isEmpty ? true : nil } == true)
        #expect(writer.close(within: .seconds(30)))
        #expect(try serials(lines(scratch.bytes("log"))) == [0, 1])
        try file.close()
    }

    @Test("a file that ends within a line gets a new line first")
    func halfLine() throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        try Data("{\"half".utf8).write(to: URL(fileURLWithPath: scratch["log"]))
        let writer = try LogWriter(.file(scratch["log"]), operatorLog: events)
        let log = LoopLog(writer, format: .json)
        append(7, to: log)
        log.handOver()
        #expect(writer.close(within: .seconds(30)))
        let written = try lines(scratch.bytes("log"))
        #expect(written.count == 2 && written[0] == Array("{\"half".utf8))
        #expect(try serials([written[1]]) == [7])
        try file.close()
    }

    @Test("off writes nothing and takes everything")
    func off() throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        let writer = try LogWriter(.off, operatorLog: events)
        let log = LoopLog(writer, format: .json)
        for serial in 0..<10_000 { append(serial, to: log) }
        log.tick()
        #expect(writer.flush(within: .zero) && writer.close(within: .zero))
        #expect(writer.droppedLines == 0)
        try file.close()
    }

    @Test("a path that cannot be opened is an error with the reason")
    func cannotOpen() throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        #expect(throws: LogbookError.cannotOpen(path: scratch["no/log"], code: ENOENT)) {
            try LogWriter(.file(scratch["no/log"]), operatorLog: events)
        }
        #expect(throws: LogbookError.cannotOpen(path: scratch.path, code: EISDIR)) {
            try LogWriter(.file(scratch.path), operatorLog: events)
        }
        try file.close()
    }

    /// Fault 18: rotation by rename while lines are written.
    @Test("reopening under load loses, doubles and splits nothing")
    func reopenUnderLoad() async throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        let writer = try LogWriter(
            .file(scratch["log"]), queueLimit: 100_000, operatorLog: events)
        let threads = 3
        let count = 6000
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<threads {
                group.addTask {
                    let log = LoopLog(writer, format: .json)
                    for serial in 0..<count {
                        append(serial, from: thread, to: log)
                        if serial % 7 == 0 { log.handOver() }
                    }
                }
            }
            for round in 0..<40 {
                try? FileManager.default.moveItem(
                    atPath: scratch["log"], toPath: scratch["log.\(1000 + round)"])
                writer.reopen()
                writer.flush(within: .seconds(1))
            }
        }
        #expect(writer.close(within: .seconds(60)))
        var all: [[UInt8]] = []
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted()
        for name in names.filter({ $0.hasPrefix("log.") }) + ["log"] {
            let bytes = try scratch.bytes(name)
            #expect(bytes.isEmpty || bytes.last == 0x0A)
            all += lines(bytes)
        }
        #expect(all.count == threads * count && writer.droppedLines == 0)
        for thread in 0..<threads { #expect(try serials(all, thread: thread) == Array(0..<count)) }
        try file.close()
    }

    /// Fault 20: what cannot be opened anew is written on.
    @Test("if reopening fails, lines go on to the old file and the operator is told")
    func reopenFails() throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        let logs = scratch["logs"]
        try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: false)
        let writer = try LogWriter(.file(logs + "/log"), operatorLog: events)
        let log = LoopLog(writer, format: .json)
        append(1, to: log)
        log.handOver()
        #expect(writer.flush(within: .seconds(30)))
        try FileManager.default.moveItem(atPath: logs, toPath: scratch["moved"])
        writer.reopen()
        append(2, to: log)
        log.handOver()
        #expect(writer.close(within: .seconds(30)))
        #expect(try serials(lines(scratch.bytes("moved/log"))) == [1, 2])
        #expect(try scratch.events().map { $0["event"] as? String } == ["log.reopen_failed"])
        try file.close()
    }

    /// Fault 21: the reader of a FIFO stops, and later goes on.
    @Test("a FIFO whose reader stops drops whole lines, counts them, and recovers")
    func stoppedReader() throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        #expect(unsafe mkfifo(scratch["fifo"], 0o600) == 0)
        let reader = unsafe open(scratch["fifo"], O_RDONLY | O_NONBLOCK)
        let writer = try LogWriter(.file(scratch["fifo"]), queueLimit: 3, operatorLog: events)
        let log = LoopLog(writer, format: .json)
        let count = 8000
        for serial in 0..<count { append(serial, to: log) }
        log.handOver()
        #expect(writer.droppedLines > 0)
        #expect(!writer.flush(within: .zero))
        var bytes: [UInt8] = []
        while !writer.flush(within: .milliseconds(1)) { bytes += readAvailable(reader) }
        // The pipe may still be full of what was written last.
        bytes += readAvailable(reader)
        append(count, to: log)
        log.handOver()
        #expect(writer.close(within: .seconds(30)))
        bytes += readAvailable(reader)
        let written = try serials(lines(bytes))
        #expect(written.count + writer.droppedLines == count + 1)
        #expect(
            written.last == count && written == written.sorted()
                && Set(written).count == written.count)
        let reported = try scratch.events().compactMap { $0["count"] as? Int }
        #expect(reported.reduce(0, +) == writer.droppedLines)
        close(reader)
        try file.close()
    }

    @Test("the end does not wait for a reader that stopped")
    func endWhileStalled() throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        #expect(unsafe mkfifo(scratch["fifo"], 0o600) == 0)
        let writer = try LogWriter(.file(scratch["fifo"]), queueLimit: 2, operatorLog: events)
        let log = LoopLog(writer, format: .json)
        for serial in 0..<4000 { append(serial, to: log) }
        log.handOver()
        #expect(!writer.close(within: .zero))
        #expect(writer.droppedLines > 0)
        try file.close()
    }

    /// Fault 17: /dev/full answers every write with ENOSPC.
    @Test("a full disk drops and counts lines; reopening elsewhere recovers")
    func fullDisk() throws {
        let scratch = try Scratch()
        let (events, file) = try scratch.operatorLog()
        let path = scratch["log"]
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/full")
        let writer = try LogWriter(.file(path), operatorLog: events)
        let log = LoopLog(writer, format: .json)
        for serial in 0..<5 { append(serial, to: log) }
        log.handOver()
        #expect(writer.flush(within: .seconds(30)))
        #expect(writer.droppedLines == 5)
        try FileManager.default.removeItem(atPath: path)
        writer.reopen()
        #expect(writer.flush(within: .seconds(30)))
        append(5, to: log)
        log.handOver()
        #expect(writer.close(within: .seconds(30)))
        #expect(try serials(lines(scratch.bytes("log"))) == [5])
        let report = try unwrap(scratch.events().first)
        #expect(report["event"] as? String == "log.lines_dropped")
        #expect(report["count"] as? Int == 5)
        #expect(report["reason"] as? String == "No space left on device")
        try file.close()
    }

    @Test("a line that was begun is finished before another begins")
    func unfinishedLine() {
        let pipe = Pipe()
        let reading = pipe.fileHandleForReading.fileDescriptor
        var output = LogOutput(standardOutput: pipe.fileHandleForWriting.fileDescriptor)
        let long = [UInt8](repeating: 0x61, count: 100_000) + [0x0A]
        let page = long + Array("second\n".utf8)
        let outcome = output.write(page.span, from: 0) { false }
        #expect(outcome == .interrupted(at: long.count))
        let isWholeBefore = output.finishLine()
        #expect(!isWholeBefore)
        var bytes = readAvailable(reading)
        #expect(bytes.count < long.count)
        let isWhole = output.finishLine()
        #expect(isWhole)
        let second = output.write(page.span, from: long.count) { false }
        #expect(second == .complete)
        bytes += readAvailable(reading)
        #expect(bytes == page)
    }
}
