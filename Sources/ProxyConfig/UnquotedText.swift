import Bytes

/// Text that YAML takes for something else, because it stands without quotes: it begins with `*`,
/// `{` or `@`, or has a `{` between `[` and `]`. Patterns do.
enum UnquotedText {
    /// ` (quote it: "**")`, for the end of an error at `mark`; empty if no pattern stands there.
    static func advice(at mark: YAMLMark, in bytes: borrowing Span<UInt8>) -> String {
        let found = word(at: YAMLText.offset(of: mark, in: bytes), in: bytes)
        return isPattern(found.bytes) ? " (quote it: \(quoted(found)))" : ""
    }

    /// `; if it is text, quote it: "{a,b}"`, for a mapping; empty if a key has a value, as in text
    /// none would.
    static func advice(about entries: [YAMLEntry]) -> String {
        let isBare = entries.allSatisfy { entry in
            if case .scalar("", isPlain: true) = entry.value.content { true } else { false }
        }
        guard isBare, !entries.isEmpty else { return "" }
        return advice(about: "{\(entries.map(\.key).joined(separator: ","))}")
    }

    /// The same for what may be meant as `text`.
    static func advice(about text: String) -> String {
        "; if it is text, quote it: \(quoted(text))"
    }

    /// The word that `offset` is in or right behind: what stands between blanks, brackets, quotes,
    /// and commas outside of braces.
    private static func word(at offset: Int, in bytes: borrowing Span<UInt8>) -> ByteString {
        var start = 0
        var depth = 0
        for index in 0..<bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "}") { depth -= 1 }
            let isSeparator = byte == UInt8(ascii: ",") && depth <= 0
            guard isSeparator || " \t\r\n[]\"'".utf8.contains(byte) else { continue }
            if index >= offset { return ByteString(copying: bytes.extracting(start..<index)) }
            start = index + 1
            depth = 0
        }
        return ByteString(copying: bytes.extracting(start..<bytes.count))
    }

    /// Whether there is nothing in it but what patterns are made of, and something of what YAML
    /// takes for its own.
    private static func isPattern(_ word: [UInt8]) -> Bool {
        let opened = word.count { $0 == UInt8(ascii: "{") }
        let closed = word.count { $0 == UInt8(ascii: "}") }
        let isYAML =
            opened > 0 || word.contains(UInt8(ascii: "*")) || word.first == UInt8(ascii: "@")
        return isYAML && opened == closed
            && word.allSatisfy { byte in
                byte.isASCIILetter || byte.isASCIIDigit || "._-/*?{},@".utf8.contains(byte)
            }
    }
}
