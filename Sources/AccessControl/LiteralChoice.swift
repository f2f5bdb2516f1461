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
        var texts = Texts()
        let counted = patterns.map { $0.map { $0.map { texts.count($0) } } }
        // By text: its index among `literals`.
        var numbers: [Int?] = Array(repeating: nil, count: texts.all.count)
        for combinations in counted {
            var found: [Int] = []
            for combination in combinations {
                guard let rarest = texts.rarest(of: combination) else { continue }
                let number = numbers[rarest] ?? literals.count
                if number == literals.count {
                    numbers[rarest] = number
                    literals.append(texts.all[rarest].bytes)
                }
                if !found.contains(number) { found.append(number) }
            }
            chosen.append(found)
        }
    }
}

/// All literals, each with how often it stands in a pattern. They are hashed once; from then on
/// they are numbers.
private struct Texts {
    private(set) var all: [ByteString] = []
    private var counts: [Int] = []
    private var numbers: [ByteString: Int] = [:]

    mutating func count(_ text: ByteString) -> Int {
        if let known = numbers[text] {
            counts[known] += 1
            return known
        }
        let number = all.count
        numbers[text] = number
        all.append(text)
        counts.append(1)
        return number
    }

    /// Of equally rare ones the longest, which fewer texts have.
    func rarest(of texts: [Int]) -> Int? {
        texts.min { (counts[$0], -all[$0].count) < (counts[$1], -all[$1].count) }
    }
}
