// The access log of a proxy under test.

import Foundation

/// One line of the access log in JSON.
public struct AccessLine: CustomStringConvertible {
    public let text: String
    /// The keys in the order in which they stand.
    public let keys: [String]
    private let values: [String: Any]

    public init?(_ line: String) {
        let parsed = try? JSONSerialization.jsonObject(with: Data(line.utf8))
        guard let values = parsed as? [String: Any] else { return nil }
        text = line
        self.values = values
        keys = Self.topLevelKeys(line)
    }

    public var description: String { text }
    public subscript(key: String) -> String? { values[key] as? String }
    public func number(_ key: String) -> Double? { (values[key] as? NSNumber)?.doubleValue }
    public func strings(_ key: String) -> [String]? { values[key] as? [String] }

    /// The names before a colon outside of nested objects and arrays, in order.
    private static func topLevelKeys(_ line: String) -> [String] {
        var keys: [String] = []
        var depth = 0
        var last = ""
        var rest = line[...]
        while let character = rest.first {
            rest = rest.dropFirst()
            switch character {
            case "{", "[": depth += 1
            case "}", "]": depth -= 1
            case "\"": last = takeString(&rest)
            case ":" where depth == 1: keys.append(last)
            default: break
            }
        }
        return keys
    }

    private static func takeString(_ rest: inout Substring) -> String {
        var text = ""
        while let character = rest.first {
            rest = rest.dropFirst()
            if character == "\"" { break }
            text.append(character)
            if character == "\\", let escaped = rest.first {
                text.append(escaped)
                rest = rest.dropFirst()
            }
        }
        return text
    }
}

extension ProxyProcess {
    /// Every whole line of the access log.
    public func accessLines(_ name: String = "access.log") throws -> [String] {
        guard let text = try? directory.read(name) else { return [] }
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .map(String.init)
    }

    /// The lines about one request, by the identifier in its answer's `X-Request-Id`; waits for the
    /// first.
    public func accessLines(about response: Response) throws -> [AccessLine] {
        let id = response["X-Request-Id"] ?? "(no X-Request-Id)"
        return try accessLines(having: "\"id\":\"\(id)\"")
    }

    /// The lines that hold some text; waits for `count` of them.
    public func accessLines(having text: String, _ count: Int = 1) throws -> [AccessLine] {
        try eventually("\(count) access log lines with \(text)") {
            let found = try accessLines().filter { $0.contains(text) }
            return found.count >= count ? found.compactMap(AccessLine.init) : nil
        }
    }
}
