// Programs that a test runs to their end, with a limit on the time.

import Glibc

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
        let standardInput = try Spawn.pipe()
        let standardOutput = try Spawn.pipe()
        let standardError = try Spawn.pipe()
        let theirs = [standardInput.read, standardOutput.write, standardError.write]
        let pid: pid_t
        do {
            defer { for end in theirs { _ = close(end) } }
            let limited = ["/usr/bin/timeout", "--kill-after=5", "\(seconds)"] + arguments
            pid = try Spawn.start(limited, environment, in: directory, standard: theirs)
        }
        let output = Collector(standardOutput.read)
        let errors = Collector(standardError.read)
        Spawn.write(input, to: standardInput.write)
        _ = close(standardInput.write)
        return Finished(
            arguments: arguments,
            status: Spawn.waitForEnd(of: pid),
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
}
