// Programs that run beside a test: registries, proxies, servers.

import Foundation
import Glibc

/// A program in the background. Killed at the latest when nobody holds it any more, or the tests
/// have ended.
public final class BackgroundProgram: Sendable {
    private let log: ProgramLog

    public let pid: Int32

    /// Starts it. Its standard error is read line by line; its output goes to the same place, or to
    /// a file.
    public init(
        _ arguments: [String],
        environment: [String: String] = [:],
        in directory: String? = nil,
        output: String? = nil
    ) throws {
        let log = ProgramLog(name: arguments[0])
        self.log = log
        let errors = try Spawn.pipe()
        let nothing = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        let file = output.map { path in
            unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        }
        defer { for end in [errors.write, nothing, file ?? -1] { _ = close(end) } }
        let standard = [nothing, file ?? errors.write, errors.write]
        let pid = try Spawn.start(arguments, environment, in: directory, standard: standard)
        self.pid = pid
        Reaper.began(pid)
        let reading = Thread { log.read(errors.read) }
        reading.start()
        let waiting = Thread {
            let status = Spawn.waitForEnd(of: pid)
            Reaper.ended(pid)
            log.ended(status)
        }
        waiting.start()
    }

    deinit { if isRunning { kill(pid, SIGKILL) } }

    public var isRunning: Bool { log.exitStatus == nil }

    /// The lines of standard error so far.
    public var errorLines: [String] { log.allLines }

    public func signal(_ number: Int32) { kill(pid, number) }

    /// Waits for a line that `find` can use.
    public func waitForLine<Value>(
        _ what: String,
        within seconds: Double = 20,
        _ find: (String) -> Value?
    ) throws -> Value {
        try waitForLines(what, within: seconds) { lines in
            for line in lines { if let value = find(line) { return value } }
            return nil
        }
    }

    /// Waits until the lines so far are what `find` can use.
    public func waitForLines<Value>(
        _ what: String,
        within seconds: Double = 20,
        _ find: ([String]) -> Value?
    ) throws -> Value {
        try log.wait(what, seconds) { lines, _ in find(lines) }
    }

    /// Waits until it has ended: its exit status, or 128 + the signal that ended it.
    public func waitForExit(within seconds: Double = 20) throws -> Int32 {
        try log.wait("its end", seconds) { _, status in status }
    }

    /// Ends it (SIGTERM, then SIGKILL) and waits.
    public func stop() {
        guard isRunning else { return }
        signal(SIGTERM)
        if (try? waitForExit(within: 45)) == nil {
            signal(SIGKILL)
            _ = try? waitForExit(within: 10)
        }
    }
}

/// What a program has written so far, and whether it has ended.
private final class ProgramLog: @unchecked Sendable {
    // SAFETY: every `var` is read and written under `condition`.
    private let condition = NSCondition()
    private let name: String
    private var lines: [String] = []
    private var status: Int32?
    private var hasReadAll = false

    init(name: String) { self.name = name }

    var exitStatus: Int32? { condition.withLock { status } }
    var allLines: [String] { condition.withLock { lines } }

    func wait<Value>(
        _ what: String,
        _ seconds: Double,
        _ ready: ([String], Int32?) -> Value?
    ) throws -> Value {
        let deadline = Date(timeIntervalSinceNow: seconds)
        return try condition.withLock {
            while true {
                if let value = ready(lines, status) { return value }
                let isOver = status != nil && hasReadAll
                if isOver || !condition.wait(until: deadline) {
                    let end = status.map { "it ended with \($0)" } ?? "not within \(seconds) s"
                    let last = lines.suffix(20).joined(separator: "\n")
                    throw NeverCameTrue(description: "\(name): \(what): \(end)\n\(last)")
                }
            }
        }
    }

    func ended(_ newStatus: Int32) {
        condition.withLock {
            status = newStatus
            condition.broadcast()
        }
    }

    func read(_ descriptor: Int32) {
        var rest: [UInt8] = []
        while true {
            let data = Spawn.read(descriptor)
            if data.isEmpty { break }
            rest += data
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: rest[0..<end], as: UTF8.self)
                rest.removeFirst(end + 1)
                condition.withLock {
                    lines.append(line)
                    condition.broadcast()
                }
            }
        }
        _ = close(descriptor)
        condition.withLock {
            hasReadAll = true
            condition.broadcast()
        }
    }
}
