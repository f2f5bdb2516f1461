// Programs that run beside a test: registries, proxies, servers.

import Foundation
import Glibc

/// A program in the background. Killed at the latest when nobody holds it any more.
public final class BackgroundProgram: @unchecked Sendable {
    // SAFETY: `process` is only asked for its identifier after the start.
    private let process = Process()
    private let log: ProgramLog

    public var pid: Int32 { process.processIdentifier }

    /// Starts it. Its standard error is read line by line; its output goes to the same place.
    public init(
        _ arguments: [String],
        environment: [String: String] = [:],
        in directory: String? = nil,
        output: String? = nil
    ) throws {
        let log = ProgramLog(name: arguments[0])
        self.log = log
        process.executableURL = URL(fileURLWithPath: try Self.path(of: arguments[0]))
        process.arguments = Array(arguments.dropFirst())
        process.environment = Command.mergedEnvironment(environment)
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let errors = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardError = errors
        if let output {
            _ = FileManager.default.createFile(atPath: output, contents: nil)
            process.standardOutput = FileHandle(forWritingAtPath: output)
        } else {
            process.standardOutput = errors
        }
        process.terminationHandler = { process in
            let signalled = process.terminationReason == .uncaughtSignal
            log.ended(process.terminationStatus + (signalled ? 128 : 0))
        }
        try process.run()
        try? errors.fileHandleForWriting.close()
        let thread = Thread { log.read(errors.fileHandleForReading) }
        thread.start()
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
        try log.wait(what, seconds) { lines, _ in
            for line in lines { if let value = find(line) { return value } }
            return nil
        }
    }

    /// Waits until it has ended: its exit status, or 128 + the signal that ended it.
    public func waitForExit(within seconds: Double = 20) throws -> Int32 {
        try log.wait("its end", seconds) { _, status in status }
    }

    /// Ends it (SIGTERM, then SIGKILL) and waits.
    public func stop() {
        guard isRunning else { return }
        signal(SIGTERM)
        if (try? waitForExit(within: 40)) == nil {
            signal(SIGKILL)
            _ = try? waitForExit(within: 10)
        }
    }

    private static func path(of program: String) throws -> String {
        if program.contains("/") { return program }
        for directory in ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"] {
            let path = "\(directory)/\(program)"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw NeverCameTrue(description: "no such program: \(program)")
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

    func read(_ handle: FileHandle) {
        var rest: [UInt8] = []
        while true {
            let data = handle.availableData
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
        condition.withLock {
            hasReadAll = true
            condition.broadcast()
        }
    }
}
