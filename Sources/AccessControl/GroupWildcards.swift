import Bytes

/// The names of groups that have a `*`, and which of them a group's name matches: found by their
/// literals, so that it does not matter how many there are.
struct GroupWildcards: Sendable {
    private let wildcards: [Wildcard]
    private let literals: LiteralSearch
    /// By literal: indexes of `wildcards`.
    private let byLiteral: [[Int]]

    struct Wildcard: Sendable {
        /// Of the subject.
        let number: Int
        let name: ByteString
    }

    init(_ wildcards: [Wildcard]) {
        self.wildcards = wildcards
        let choice = LiteralChoice(wildcards.map { [Self.literals(of: $0.name)] })
        literals = LiteralSearch(choice.literals)
        var byLiteral: [[Int]] = choice.literals.map { _ in [] }
        for (index, chosen) in choice.chosen.enumerated() {
            for literal in chosen { byLiteral[literal].append(index) }
        }
        self.byLiteral = byLiteral
    }

    /// What stands between the `*`, with a NUL where the name begins and ends: no name has one.
    private static func literals(of name: ByteString) -> [ByteString] {
        ([0] + name.bytes + [0]).split(separator: UInt8(ascii: "*")).map { ByteString(Array($0)) }
    }

    /// Gives `body` the number of each one that `name` matches, some perhaps more than once.
    func forEach(matching name: borrowing Span<UInt8>, _ body: (Int) -> Void) {
        guard !wildcards.isEmpty else { return }
        var node = LiteralSearch.root
        for position in -1...name.count {
            let isInside = position >= 0 && position < name.count
            node = literals.step(node, isInside ? name[position] : 0)
            var end = literals.longestEnd(at: node)
            while let found = end {
                let candidates = byLiteral[literals.literal(endingAt: found)]
                for index in candidates.indices {
                    let wildcard = wildcards[candidates[index]]
                    if wildcard.name.matchesGroup(name) { body(wildcard.number) }
                }
                end = literals.shorterEnd(than: found)
            }
        }
    }
}
