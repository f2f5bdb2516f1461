// Cases of Tests/Corpus, as its README describes them.

import Foundation

/// What one side of a case does, in order.
public enum CorpusStep: Sendable {
    case send([UInt8])
    /// `end`, `reset`, `pause`, `early`.
    case act(String)
}

/// An answer that the client must get.
public struct ExpectedAnswer: Sendable {
    /// Any of these; empty if there must be no answer.
    public var statuses: [Int] = []
    /// An error code; `head`, `close`, `keep`, `broken`.
    public var words: [String] = []
    public var fields: [Field] = []
    public var absentFields: [String] = []
    public var body: [UInt8]?

    public func has(_ word: String) -> Bool { words.contains(word) }
    public var errorCode: String? { words.first { $0 == $0.uppercased() } }
}

/// A request that the registry must have seen.
public struct ExpectedRequest: Sendable {
    public let line: String
    /// Whether it must be whole. If not, it must never become so.
    public let isWhole: Bool
    public var fields: [Field] = []
    public var absentFields: [String] = []
    public var body: [UInt8]?
}

/// One case of a corpus file.
public struct CorpusCase: Sendable, CustomStringConvertible {
    public let file: String
    public let name: String
    public var sources: [String] = []
    public var client: [CorpusStep] = []
    public var registry: [CorpusStep] = []
    public var answers: [ExpectedAnswer] = []
    public var requests: [ExpectedRequest] = []
    public var lineCount: Int?
    public var outcome: String?
    public var reuses = false

    public var description: String { "\(file): \(name)" }
}

/// A line of a corpus file that means nothing.
public struct CorpusMistake: Error, CustomStringConvertible {
    public let description: String

    public init(description: String) { self.description = description }
}

/// The files of `Tests/Corpus`.
public enum Corpus {
    public static func files(_ directory: String) -> [String] {
        let path = "\(Project.root)/Tests/Corpus/\(directory)"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(".txt") }.sorted().map { "\(directory)/\($0)" }
    }

    /// - Parameter words: what stands for `{word}` in texts.
    public static func cases(_ file: String, _ words: [String: String]) throws -> [CorpusCase] {
        let path = "\(Project.root)/Tests/Corpus/\(file)"
        var reader = CorpusReader(file: file, text: CorpusText(words: words))
        let text = String(decoding: try readFile(path), as: UTF8.self)
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            do {
                try reader.take(String(line))
            } catch {
                throw CorpusMistake(description: "\(file):\(index + 1): \(error): \(line)")
            }
        }
        return reader.cases
    }
}

/// Reads a file line by line.
private struct CorpusReader {
    let file: String
    let text: CorpusText
    var cases: [CorpusCase] = []

    mutating func take(_ line: String) throws {
        if line.isEmpty || line.hasPrefix("#") { return }
        if line.hasPrefix("[") {
            cases.append(CorpusCase(file: file, name: String(line.dropFirst().dropLast())))
            return
        }
        guard !cases.isEmpty else { throw CorpusMistake(description: "before the first case") }
        let mark = String(line.prefix { $0 != " " })
        let rest = String(line.dropFirst(mark.count + 1))
        try take(mark, rest, &cases[cases.count - 1])
    }

    private func take(_ mark: String, _ rest: String, _ current: inout CorpusCase) throws {
        switch mark {
        case "@": current.sources.append(rest)
        case ">": current.client.append(.send(try text.bytes(rest) + [0x0D, 0x0A]))
        case ">>": current.client.append(.send(try text.bytes(rest)))
        case ">!": current.client.append(.act(rest))
        case "<": current.registry.append(.send(try text.bytes(rest) + [0x0D, 0x0A]))
        case "<<": current.registry.append(.send(try text.bytes(rest)))
        case "<!": current.registry.append(.act(rest))
        case "~": current.reuses = rest == "reused"
        case "=": current.answers.append(try answer(rest))
        case "^", "^~":
            let line = String(decoding: try text.bytes(rest), as: UTF8.self)
            current.requests.append(ExpectedRequest(line: line, isWhole: mark == "^"))
        case "%": try takeLog(rest, &current)
        default: try takeDetail(mark, rest, &current)
        }
    }

    /// What says more about the last answer or the last request.
    private func takeDetail(
        _ mark: String,
        _ rest: String,
        _ current: inout CorpusCase
    ) throws {
        let answer = current.answers.count - 1
        let request = current.requests.count - 1
        switch mark {
        case "+" where answer >= 0: current.answers[answer].fields.append(try field(rest))
        case "-" where answer >= 0: current.answers[answer].absentFields.append(rest)
        case "*" where answer >= 0: current.answers[answer].body = try text.bytes(rest)
        case "^+" where request >= 0: current.requests[request].fields.append(try field(rest))
        case "^-" where request >= 0: current.requests[request].absentFields.append(rest)
        case "^*" where request >= 0: current.requests[request].body = try text.bytes(rest)
        default: throw CorpusMistake(description: "no such mark")
        }
    }

    private func takeLog(_ rest: String, _ current: inout CorpusCase) throws {
        let words = rest.split(separator: " ").map(String.init)
        switch words.first {
        case "lines" where words.count == 2: current.lineCount = Int(words[1])
        case "outcome" where words.count == 2: current.outcome = words[1]
        default: throw CorpusMistake(description: "no such word about the log")
        }
    }

    private func answer(_ rest: String) throws -> ExpectedAnswer {
        let words = rest.split(separator: " ").map(String.init)
        var answer = ExpectedAnswer()
        guard let first = words.first else { throw CorpusMistake(description: "no status") }
        if first != "nothing" {
            answer.statuses = first.split(separator: "|").compactMap { Int($0) }
            if answer.statuses.isEmpty { throw CorpusMistake(description: "no status") }
        }
        answer.words = Array(words.dropFirst())
        return answer
    }

    private func field(_ rest: String) throws -> Field {
        let line = String(decoding: try text.bytes(rest), as: UTF8.self)
        guard let colon = line.firstIndex(of: ":") else {
            throw CorpusMistake(description: "no colon")
        }
        let value = line[line.index(after: colon)...].drop { $0 == " " }
        return Field(name: String(line[..<colon]), value: String(value))
    }
}

/// The escapes and words of the texts.
private struct CorpusText {
    let words: [String: String]

    func bytes(_ text: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text[...]
        while let character = rest.first {
            if character == "\\" {
                bytes.append(try escape(&rest))
            } else if character == "{", let end = rest.firstIndex(of: "}") {
                bytes += try word(String(rest[rest.index(after: rest.startIndex)..<end]))
                rest = rest[rest.index(after: end)...]
            } else {
                bytes += Array(String(character).utf8)
                rest = rest.dropFirst()
            }
        }
        return bytes
    }

    private func escape(_ rest: inout Substring) throws -> UInt8 {
        let simple: [Character: UInt8] = [
            "r": 0x0D, "n": 0x0A, "t": 0x09, "0": 0x00, "\\": 0x5C, "{": 0x7B,
        ]
        rest = rest.dropFirst()
        guard let kind = rest.popFirst() else { throw CorpusMistake(description: "bad escape") }
        if let byte = simple[kind] { return byte }
        let digits = rest.prefix(2)
        rest = rest.dropFirst(2)
        guard kind == "x", let byte = UInt8(digits, radix: 16) else {
            throw CorpusMistake(description: "bad escape")
        }
        return byte
    }

    private func word(_ word: String) throws -> [UInt8] {
        if let known = words[word] { return Array(known.utf8) }
        if word.hasPrefix("base64:") {
            return Array(base64(try bytes(String(word.dropFirst(7)))).utf8)
        }
        if let star = word.lastIndex(of: "*"), let count = Int(word[word.index(after: star)...]) {
            let one = try bytes(String(word[..<star]))
            return (0..<count).flatMap { _ in one }
        }
        throw CorpusMistake(description: "no such word")
    }
}
