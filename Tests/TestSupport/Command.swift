// Programs that a test runs to their end, with a limit on the time.

import Foundation
import Synchronization

/// A program that has ended.
public struct Finished: Sendable, CustomStringConvertible {
    public let arguments: [String]
    /// The exit status; 124 or 137 when the time was up; 128 + n after signal n.
    public let status: Int32
    public let output: [UInt8]
    public let errors: [UInt8]

    public var text: String { String(decoding: output, as: UTF8.self) }
    public var errorText: String { String(decoding: errors, as: UTF8.self) }

    public var description: String {
        """
        \(arguments.joined(separator: " ")): exit status \(status)
        \(text)
        \(errorText)
        """
    }
}

/// A program that should have done its work and did not.
public struct CommandFailed: Error, CustomStringConvertible {
    public let finished: Finished
    public var description: String { finished.description }
}

/// Runs programs. They never inherit a terminal, and never run longer than they may.
public enum Command {
    /// Runs a program to its end, whatever its exit status.
    ///
    /// - Parameter seconds: then it and everything it started in its process group is ended.
    public static func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        in directory: String? = nil,
        input: [UInt8] = [],
        within seconds: Int = 60
    ) throws -> Finished {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
        process.arguments = ["--kill-after=5", "\(seconds)"] + arguments
        process.environment = mergedEnvironment(environment)
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let standardInput = Pipe()
        let output = Collector()
        let errors = Collector()
        process.standardInput = standardInput
        process.standardOutput = output.pipe
        process.standardError = errors.pipe
        let hasEnded = DispatchSemaphore(value: 0)
        process.terminationHandler = { _ in hasEnded.signal() }
        try process.run()
        output.start()
        errors.start()
        if !input.isEmpty { try? standardInput.fileHandleForWriting.write(contentsOf: Data(input)) }
        try? standardInput.fileHandleForWriting.close()
        hasEnded.wait()
        let signalled = process.terminationReason == .uncaughtSignal
        return Finished(
            arguments: arguments,
            status: process.terminationStatus + (signalled ? 128 : 0),
            output: output.wait(),
            errors: errors.wait()
        )
    }

    /// Runs a program that must succeed.
    @discardableResult
    public static func check(
        _ arguments: [String],
        environment: [String: String] = [:],
        in directory: String? = nil,
        input: [UInt8] = [],
        within seconds: Int = 60
    ) throws -> Finished {
        let finished = try run(
            arguments,
            environment: environment,
            in: directory,
            input: input,
            within: seconds
        )
        guard finished.status == 0 else { throw CommandFailed(finished: finished) }
        return finished
    }

    static func mergedEnvironment(_ more: [String: String]) -> [String: String] {
        var all = ProcessInfo.processInfo.environment
        all["PATH", default: "/usr/bin:/bin"] += ":/usr/sbin:/sbin"
        return all.merging(more) { _, new in new }
    }
}

/// Reads a pipe to its end beside the test.
final class Collector: Sendable {
    let pipe = Pipe()
    private let bytes = Mutex<[UInt8]>([])
    private let isDone = DispatchSemaphore(value: 0)

    func start() {
        let thread = Thread { [self] in
            let data = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
            bytes.withLock { $0 = Array(data) }
            isDone.signal()
        }
        thread.start()
    }

    /// What came, once every writer has closed; at most 5 s after the program itself has ended,
    /// because a program may leave a child that holds the pipe.
    func wait() -> [UInt8] {
        _ = isDone.wait(timeout: .now() + 5)
        return bytes.withLock { $0 }
    }
}
