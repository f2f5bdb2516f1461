import Bytes
import Foundation
import Testing

@testable import Logbook

@Suite struct OperatorLogTests {
    @Test("an event is one line: ts, level, event, message, then the details in order")
    func exactLine() throws {
        let line = OperatorLine.encode(
            .info,
            "ready",
            "say \"hi\"\n",
            [
                ("listen", .stringArray(["https://127.0.0.1:1", "b\u{2028}"])),
                ("admin", .string("http://[::1]:2")), ("pid", .int(-7)), ("ok", .bool(true)),
                ("odd", .bytes(ByteString([0xFF, 0x61]))), ("none", .stringArray([])),
                ("changes", .raw(#"{"a":1}"#)), ("bad", .raw("{\n}")),
            ]
        )
        let text = ByteString(copying: line.bytes).description
        let rest = text.dropFirst(34)
        #expect(text.hasPrefix(#"{"ts":"20"#))
        #expect(
            rest == #"","level":"info","event":"ready","message":"say \"hi\"\u000A","#
                + #""listen":["https://127.0.0.1:1","b\u2028"],"admin":"http://[::1]:2","pid":-7,"#
                + #""ok":true,"odd":"\u00FFa","none":[],"changes":{"a":1},"bad":"{\u000A}"}"# + "\n"
        )
        _ = try parse(Array(text.utf8))
    }

    @Test("events below the level are not written, and the level may change")
    func levels() throws {
        let scratch = try Scratch()
        let (log, file) = try scratch.operatorLog(.warning)
        for level in OperatorLog.Level.allCases { log.log(level, "one", "") }
        log.level = .debug
        log.log(.debug, "two", "")
        let levels = try scratch.events().map { $0["level"] as? String }
        #expect(levels == ["warning", "error", "debug"])
        try file.close()
    }

    @Test("lines of several threads do not mix")
    func threads() async throws {
        let scratch = try Scratch()
        let (log, file) = try scratch.operatorLog()
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    for index in 0..<500 {
                        log.log(.info, "many", "m", [("thread", .int(thread)), ("i", .int(index))])
                    }
                }
            }
        }
        #expect(try scratch.events().count == 2000)
        try file.close()
    }

    @Test("a line that a full pipe cuts is finished before the next one")
    func tornLine() throws {
        let pipe = Pipe()
        let log = OperatorLog(.info, descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let texts = (0..<40).map { String(repeating: "\($0 % 10)", count: 5000) }
        log.log(.info, "long", "", [("texts", .stringArray(texts))])
        log.log(.info, "lost", "")
        let reading = pipe.fileHandleForReading.fileDescriptor
        var bytes: [UInt8] = []
        // Each call hands over what the pipe has room for; the line is three times as long.
        for _ in 0..<4 {
            bytes += readAvailable(reading)
            log.log(.info, "next", "")
        }
        bytes += readAvailable(reading)
        let events = try lines(bytes).map { try parse($0) }
        #expect(events.first?["texts"] as? [String] == texts)
        #expect(events.dropFirst().first?["event"] as? String == "log.own_lines_dropped")
        #expect(events.last?["event"] as? String == "next")
    }

    @Test("a reader that stops costs lines, which are counted, and never time")
    func stalledReader() throws {
        let pipe = Pipe()
        let log = OperatorLog(.info, descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let text = String(repeating: "x", count: 1000)
        for index in 0..<500 { log.log(.info, "many", text, [("i", .int(index))]) }
        let reading = pipe.fileHandleForReading.fileDescriptor
        var bytes = readAvailable(reading)
        log.log(.info, "last", "")
        bytes += readAvailable(reading)
        let events = try lines(bytes).map { try parse($0) }
        let lost = try unwrap(events[events.count - 2]["count"] as? Int)
        #expect(events[events.count - 2]["event"] as? String == "log.own_lines_dropped")
        #expect(events.last?["event"] as? String == "last")
        #expect(events.count - 2 + lost == 500 && lost > 400)
    }
}
