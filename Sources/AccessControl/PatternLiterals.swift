import Bytes

/// The literal runs of a pattern: what stands in every name that the pattern matches.
///
/// They are runs of the name in a frame, `"\0/NAME/\0"`: so a run tells whether it begins or ends
/// a part (`"/api/"`) or the whole name (`"\0/team/"`).
struct PatternLiterals {
    /// One element for each combination of the pattern's alternatives: every name that the pattern
    /// matches has all runs of one of them. None is empty.
    let combinations: [[ByteString]]

    init(_ pattern: RepositoryPattern) {
        let text = pattern.text.bytes
        let combinations = Self.combinations(of: text) ?? [text]
        self.combinations = combinations.map(Self.runs)
    }

    /// Beyond so many combinations, the alternatives are taken for wildcards.
    private static let mostCombinations = 64

    /// How many bytes the frame has.
    static let frameCount = 4

    /// A byte of the name in its frame.
    static func framed(_ name: borrowing Span<UInt8>, at position: Int) -> UInt8 {
        switch position {
        case 0, name.count + 3: 0
        case 1, name.count + 2: UInt8(ascii: "/")
        default: name[position - 2]
        }
    }

    /// The pattern's texts without alternatives; `nil` if there are too many.
    private static func combinations(of text: [UInt8]) -> [[UInt8]]? {
        var finished: [[UInt8]] = []
        var open = [text]
        while let text = open.popLast() {
            guard let brace = alternatives(in: text) else {
                finished.append(text)
                continue
            }
            for choice in split(text[brace].dropFirst().dropLast()) {
                open.append(text[..<brace.lowerBound] + Array(choice) + text[brace.upperBound...])
            }
            if finished.count + open.count > mostCombinations { return nil }
        }
        return finished
    }

    /// The first `{x,y}`, braces and all.
    private static func alternatives(in text: [UInt8]) -> Range<Int>? {
        var position = 0
        while let open = text[position...].firstIndex(of: UInt8(ascii: "{")) {
            guard variable(in: text, at: open) == nil else {
                position = open + 1
                continue
            }
            return open..<closing(in: text, from: open)
        }
        return nil
    }

    /// The position behind `{user}` or `{group}`, if it stands there.
    private static func variable(in text: [UInt8], at open: Int) -> Int? {
        for name in ["{user}", "{group}"] where text[open...].starts(with: name.utf8) {
            return open + name.utf8.count
        }
        return nil
    }

    /// The position behind the brace that closes the one at `open`. The pattern was parsed, so
    /// there is one.
    private static func closing(in text: [UInt8], from open: Int) -> Int {
        var depth = 0
        for position in open..<text.count {
            if text[position] == UInt8(ascii: "{") { depth += 1 }
            if text[position] == UInt8(ascii: "}") { depth -= 1 }
            if depth == 0 { return position + 1 }
        }
        return text.count
    }

    /// At the commas that are in no inner braces.
    private static func split(_ text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var depth = 0
        return text.split(omittingEmptySubsequences: false) { byte in
            if byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "}") { depth -= 1 }
            return byte == UInt8(ascii: ",") && depth == 0
        }
    }

    /// The literal runs between the wildcards.
    private static func runs(of text: [UInt8]) -> [ByteString] {
        let (slash, star) = (UInt8(ascii: "/"), UInt8(ascii: "*"))
        var runs: [[UInt8]] = [[0, slash]]
        var position = 0
        while position < text.count {
            let rest = text[position...]
            if rest.starts(with: [star, star, slash]) {
                // What comes next begins a part, whether or not there is anything before.
                runs.append([slash])
                position += 3
            } else if text[position] == star || text[position] == UInt8(ascii: "?") {
                runs.append([])
                position += 1
            } else if text[position] == UInt8(ascii: "{") {
                runs.append([])
                position = variable(in: text, at: position) ?? closing(in: text, from: position)
            } else {
                runs[runs.count - 1].append(text[position])
                position += 1
            }
        }
        runs[runs.count - 1] += [slash, 0]
        return runs.filter { !$0.isEmpty }.map { ByteString($0) }
    }
}
