import AccessControl
import Bytes
import RegistryAPI

extension FuzzTarget {
    /// A line of `access.tests` is a question, or is refused in one line of text; and every
    /// question has an answer.
    static let ruleTest = FuzzTarget("rule-test") { bytes throws(Finding) in
        let position = SourcePosition(file: "c.yaml", line: 1, column: 1)
        let text = ByteString(bytes)
        let test: RuleTest
        do throws(RuleTestError) {
            test = try RuleTest(parsing: text, at: position)
        } catch {
            let reason = "\(error)"
            try expect(!reason.isEmpty, "refused for no reason")
            let isLine = !reason.utf8.contains { $0 < 0x20 || $0 == 0x7F }
            return try expect(isLine, "\(shown(reason.utf8))")
        }
        try expect(test.text == text, "another text")
        if case .repository(_, let name, let tag) = test.object {
            try expect(Grammar.isRepository(name.bytes.bytes), "\(name)")
            try expect((tag?.bytes.count ?? 1) <= 128, "\(String(describing: tag))")
        }
        let words = bytes.split(separator: UInt8(ascii: " "))
        let hasNot = words.contains(Array("not".utf8)[...])
        try expect(test.expectsAllowed || hasNot, "nobody said not: \(shown(bytes))")
    }

    /// Pattern and tag on a line each: a match is what going back and forth would find.
    static let tagPattern = FuzzTarget("tag-pattern") { bytes throws(Finding) in
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard let pattern = try? TagPattern(ByteString(Array(lines[0]))) else { return }
        // The plain matcher takes exponential time.
        guard lines[0].count <= 40, lines[0].count(where: { "*{".utf8.contains($0) }) <= 6 else {
            return
        }
        let tag = lines.count > 1 ? Array(lines[1].prefix(40)) : []
        let inTag = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-".utf8)
        guard !tag.isEmpty, tag.allSatisfy(inTag.contains) else { return }
        let found = pattern.matches(tag.span)
        if lines[0].first == UInt8(ascii: "@") {
            return try expect(!found, "\(shown(tag)) is too short for a referrer")
        }
        let wanted = plainlyMatches(lines[0], tag[...])
        try expect(found == wanted, "\(shown(lines[0])) and \(shown(tag)): \(found)")
    }

    /// By trying everything.
    private static func plainlyMatches(
        _ pattern: ArraySlice<UInt8>,
        _ tag: ArraySlice<UInt8>
    ) -> Bool {
        guard let first = pattern.first else { return tag.isEmpty }
        let rest = pattern.dropFirst()
        switch first {
        case UInt8(ascii: "*"):
            return (tag.startIndex...tag.endIndex).contains { plainlyMatches(rest, tag[$0...]) }
        case UInt8(ascii: "?"):
            return !tag.isEmpty && plainlyMatches(rest, tag.dropFirst())
        case UInt8(ascii: "{"):
            guard let (choices, behind) = choices(rest) else { return false }
            return choices.contains { plainlyMatches($0 + behind, tag) }
        default:
            return tag.first == first && plainlyMatches(rest, tag.dropFirst())
        }
    }

    /// The alternatives up to the brace that ends them, and what stands behind it.
    private static func choices(
        _ text: ArraySlice<UInt8>
    ) -> (choices: [ArraySlice<UInt8>], behind: ArraySlice<UInt8>)? {
        var depth = 0
        var choices: [ArraySlice<UInt8>] = []
        var start = text.startIndex
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: ",") where depth == 0:
                choices.append(text[start..<index])
                start = index + 1
            case UInt8(ascii: "}") where depth == 0:
                return (choices + [text[start..<index]], text[(index + 1)...])
            case UInt8(ascii: "}"): depth -= 1
            default: break
            }
        }
        return nil
    }
}
