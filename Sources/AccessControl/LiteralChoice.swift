import Bytes

/// Files patterns under their literals: for each, of all that stands in every match, what fewest
/// patterns have.
struct LiteralChoice {
    /// The literals that were chosen, each once.
    private(set) var literals: [[UInt8]] = []
    /// By pattern: indexes of `literals`; every text that the pattern matches has one of them.
    private(set) var chosen: [[Int]] = []

    /// - Parameter patterns: what stands in their matches: all literals of one of the combinations.
    init(_ patterns: [[[ByteString]]]) {
        var counts: [ByteString: Int] = [:]
        for literal in patterns.joined().joined() { counts[literal, default: 0] += 1 }
        var numbers: [ByteString: Int] = [:]
        for combinations in patterns {
            let rarest = Set(combinations.compactMap { Self.rarest($0, counts) })
            chosen.append(
                rarest.map { literal in
                    if let known = numbers[literal] { return known }
                    numbers[literal] = literals.count
                    literals.append(literal.bytes)
                    return literals.count - 1
                }
            )
        }
    }

    /// Of equally rare ones the longest, which fewer texts have.
    private static func rarest(_ literals: [ByteString], _ counts: [ByteString: Int]) -> ByteString?
    {
        literals.min { (counts[$0] ?? 0, -$0.count) < (counts[$1] ?? 0, -$1.count) }
    }
}
