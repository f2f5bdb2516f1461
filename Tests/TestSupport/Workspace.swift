// Directories and files of one run of the tests.

import Foundation
import Glibc

/// A directory of its own, removed when nobody holds it any more.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init(_ name: String = "test") throws {
        let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        path = "\(base)/registry-proxy-\(name)-\(UUID().uuidString.prefix(8).lowercased())"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755]
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of something in it.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file that only its owner may read: keys and passwords are refused otherwise.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String {
        try write(Array(text.utf8), to: name)
    }

    /// The same with bytes.
    @discardableResult
    public func write(_ bytes: [UInt8], to name: String) throws -> String {
        let path = file(name)
        let directory = (path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true
        )
        let made = FileManager.default.createFile(
            atPath: path,
            contents: Data(bytes),
            attributes: [.posixPermissions: 0o600]
        )
        guard made else { throw NeverCameTrue(description: "cannot write \(path)") }
        return path
    }

    /// Renames, over what was there.
    public func move(_ name: String, to new: String) throws {
        guard unsafe rename(file(name), file(new)) == 0 else {
            throw NeverCameTrue(description: "cannot rename \(name) to \(new)")
        }
    }

    /// Makes a symbolic link.
    public func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: file(name),
            withDestinationPath: target
        )
    }

    public func read(_ name: String) throws -> String {
        String(decoding: try readFile(file(name)), as: UTF8.self)
    }
}

/// The bytes of a file.
public func readFile(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// Places of this source tree and of what was built from it.
public enum Project {
    /// The root of the source tree.
    public static let root: String = {
        var path = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { path.deleteLastPathComponent() }
        return path.path
    }()

    /// The directory of the shell and Python helpers.
    public static let tools = "\(root)/Tests/tools"

    /// The built program: next to this test bundle, or `REGISTRY_PROXY_BINARY`.
    public static let program: String = {
        if let named = ProcessInfo.processInfo.environment["REGISTRY_PROXY_BINARY"] { return named }
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        let directory = ((bundle ?? "") as NSString).deletingLastPathComponent
        return "\(directory)/registry-proxy"
    }()
}
