// What the kernel says of a process: memory, descriptors.

import Foundation

/// Figures of one running process, from `/proc`.
public struct ProcessFigures: Sendable {
    let pid: Int32

    public init(pid: Int32) { self.pid = pid }

    /// Memory in use, in KiB (`VmRSS`).
    public func residentKiB() throws -> Int { try figure("VmRSS") }

    /// The most memory in use since the last `forgetPeak`, in KiB (`VmHWM`).
    public func peakKiB() throws -> Int { try figure("VmHWM") }

    /// Starts the peak anew (proc(5), `clear_refs`).
    public func forgetPeak() throws {
        let handle = try FileHandle(
            forWritingTo: URL(fileURLWithPath: "/proc/\(pid)/clear_refs")
        )
        try handle.write(contentsOf: Data("5".utf8))
        try handle.close()
    }

    /// What its descriptors point at.
    public func descriptors() throws -> [String] {
        let directory = "/proc/\(pid)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: directory).compactMap { name in
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(name)")
        }
    }

    /// How many of its descriptors are sockets.
    public func socketCount() throws -> Int {
        try descriptors().filter { $0.hasPrefix("socket:") }.count
    }

    /// Paths of the regular files that it has open.
    public func openFiles() throws -> [String] {
        try descriptors().filter { $0.hasPrefix("/") && !$0.hasPrefix("/dev/") }
    }

    private func figure(_ name: String) throws -> Int {
        let text = String(decoding: try readFile("/proc/\(pid)/status"), as: UTF8.self)
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        let digits = line?.filter(\.isNumber) ?? ""
        guard let value = Int(digits) else {
            throw NeverCameTrue(description: "no \(name) of process \(pid)")
        }
        return value
    }
}
