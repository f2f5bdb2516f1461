import AccessControl
import Bytes
import ProxyConfig

extension FuzzTarget {
    /// A configuration is complete or has errors, each with a place in the file and one line.
    static let configuration = FuzzTarget("configuration") { bytes throws(Finding) in
        try check(ConfigurationReader.read(bytes, file: "c.yaml"), of: bytes)
    }

    /// One value of every kind: address, URL, file, duration, size, number, text, pattern.
    static let scalar = FuzzTarget("scalar") { bytes throws(Finding) in
        let text = String(decoding: bytes, as: UTF8.self)
        guard Array(text.utf8) == bytes else { return }
        let quoted = "'" + text.replacing("'", with: "''") + "'"
        for written in [quoted, text] {
            let file = """
                listen:
                  - address: \(written)
                    plaintext: true
                external_url: \(written)
                upstream:
                  url: \(written)
                auth:
                  realm: \(written)
                  htpasswd: { file: \(quoted) }
                access:
                  rules:
                    - { id: \(quoted), who: [\(quoted)], repos: [\(quoted)], allow: [\(quoted)] }
                limits:
                  request_head: \(written)
                  connections: \(written)
                timeouts:
                  idle: \(written)

                """
            let bytes = Array(file.utf8)
            try check(ConfigurationReader.read(bytes, file: "c.yaml"), of: bytes)
        }
    }

    private static let lineEnds: Set<UInt32> = [0x0A, 0x0D, 0x85, 0x2028, 0x2029]

    private static func check(
        _ report: ConfigurationReport,
        of bytes: [UInt8]
    ) throws(Finding) {
        try expect((report.configuration == nil) == !report.errors.isEmpty, "neither nor")
        // YAML has more line ends than one.
        let lineCount =
            String(decoding: bytes, as: UTF8.self).unicodeScalars
            .count { lineEnds.contains($0.value) } + 2
        for error in report.errors + report.warnings {
            let text = error.description
            try expect(error.position.column >= 1, "\(text): no such column")
            try expect((1...lineCount).contains(error.position.line), "\(text): no such line")
            try expect(!text.utf8.contains { $0 < 0x20 || $0 == 0x7F }, shown(text.utf8))
        }
        // The rules that were taken can be made ready to decide.
        if let configuration = report.configuration { _ = configuration.access.policy }
    }

    /// Pattern, name and user on a line each: a match is what going back and forth would find.
    static let pattern = FuzzTarget("pattern") { bytes throws(Finding) in
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        guard let pattern = try? RepositoryPattern(ByteString(Array(lines[0]))) else { return }
        // The plain matcher below takes exponential time.
        guard lines[0].count <= 40, lines[0].count(where: { "*{".utf8.contains($0) }) <= 6 else {
            return
        }
        let name = lines.count > 1 ? Array(lines[1].prefix(40)) : []
        let user = lines.count > 2 ? Array(lines[2]) : []
        guard Grammar.isRepository(name) else { return }
        let found = pattern.matches(name.span, user: user.span, group: Span())
        let wanted = PlainMatcher(user: user).matches(Array(lines[0]), name)
        try expect(found == wanted, "\(shown(lines[0])) and \(shown(name)): \(found)")
    }
}

/// Patterns as `access.md` explains them, by trying everything.
private struct PlainMatcher {
    let user: [UInt8]

    func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
        expanded(pattern).contains { matchesParts(parts($0)[...], parts(name)[...]) }
    }

    private func parts(_ text: [UInt8]) -> [[UInt8]] {
        text.split(separator: 0x2F, omittingEmptySubsequences: false).map(Array.init)
    }

    /// All alternatives of `{x,y}` written out. `{user}` and `{group}` are none.
    private func expanded(_ pattern: [UInt8]) -> [[UInt8]] {
        guard let open = pattern.indices.first(where: { isChoice(pattern, at: $0) }) else {
            return [pattern]
        }
        var depth = 0
        var choices: [[UInt8]] = [[]]
        for index in (open + 1)..<pattern.count {
            let byte = pattern[index]
            if byte == UInt8(ascii: "}"), depth == 0 {
                let head = Array(pattern[..<open])
                let tail = Array(pattern[(index + 1)...])
                return choices.flatMap { expanded(head + $0 + tail) }
            }
            if byte == UInt8(ascii: ","), depth == 0 {
                choices.append([])
                continue
            }
            if byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "}") { depth -= 1 }
            choices[choices.count - 1].append(byte)
        }
        return []
    }

    private func isChoice(_ pattern: [UInt8], at index: Int) -> Bool {
        guard pattern[index] == UInt8(ascii: "{") else { return false }
        let rest = pattern[index...]
        return !rest.starts(with: "{user}".utf8) && !rest.starts(with: "{group}".utf8)
    }

    private func matchesParts(_ pattern: ArraySlice<[UInt8]>, _ name: ArraySlice<[UInt8]>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == Array("**".utf8) {
            // The last one needs a part, since `a/**` is not `a`.
            let least = pattern.count == 1 ? 1 : 0
            return (least...max(least, name.count)).contains { count in
                count <= name.count
                    && matchesParts(pattern.dropFirst(), name.dropFirst(count))
            }
        }
        guard let part = name.first else { return false }
        if first == Array("{user}".utf8) {
            guard !user.isEmpty, part == user else { return false }
        } else if first == Array("{group}".utf8) {
            return false
        } else if !matchesBytes(first[...], part[...]) {
            return false
        }
        return matchesParts(pattern.dropFirst(), name.dropFirst())
    }

    private func matchesBytes(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == UInt8(ascii: "*") {
            return (0...text.count).contains { count in
                matchesBytes(pattern.dropFirst(), text.dropFirst(count))
            }
        }
        guard let byte = text.first, first == UInt8(ascii: "?") || first == byte else {
            return false
        }
        return matchesBytes(pattern.dropFirst(), text.dropFirst())
    }
}
