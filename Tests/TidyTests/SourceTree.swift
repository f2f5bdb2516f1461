// The source tree as text: what the tidy tests read.

import Foundation

/// One Swift file.
struct SourceFile: Sendable, CustomStringConvertible {
    /// From the root of the project: `Sources/HTTPWire/Method.swift`.
    let path: String
    let lines: [String]
    /// What is left of each line without comments and the insides of string literals. Multi-line
    /// strings keep their text; nothing in them is code that these tests look for.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        code = lines.map(Self.withoutComment)
    }

    var description: String { path }
    /// The directory below `Sources` or `Tests`.
    var module: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    private static func withoutComment(_ line: String) -> String {
        guard line.utf8.contains(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "/") })
        else { return line }
        var result = ""
        var inString = false
        var previous: Character = " "
        for character in line {
            if character == "\"" && previous != "\\" { inString.toggle() }
            if !inString && character == "/" && previous == "/" {
                result.removeLast()
                break
            }
            if !inString || character == "\"" { result.append(character) }
            previous = character
        }
        return result
    }
}

/// The project.
enum SourceTree {
    static let root: String = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url.path
    }()

    static let sources = files(below: "Sources")
    static let tests = files(below: "Tests")

    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8)
    }

    private static func files(below directory: String) -> [SourceFile] {
        let names = FileManager.default.enumerator(atPath: "\(root)/\(directory)")
        var found: [SourceFile] = []
        while let name = names?.nextObject() as? String {
            guard name.hasSuffix(".swift"), let text = try? text("\(directory)/\(name)") else {
                continue
            }
            found.append(SourceFile(path: "\(directory)/\(name)", text: text))
        }
        return found.sorted { $0.path < $1.path }
    }
}
