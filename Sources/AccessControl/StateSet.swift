/// A set of up to 256 states of a pattern, without memory of its own.
struct StateSet: Hashable {
    private(set) var words: SIMD4<UInt64> = .zero

    static let capacity = 256
    static let wordCount = 4

    init() {}

    init(_ state: Int) { insert(state) }

    var isEmpty: Bool { words == .zero }

    mutating func insert(_ state: Int) {
        words[state >> 6] |= 1 << UInt64(state & 63)
    }

    func contains(_ state: Int) -> Bool {
        words[state >> 6] & (1 << UInt64(state & 63)) != 0
    }

    mutating func formUnion(_ other: StateSet) { words |= other.words }

    func union(_ other: StateSet) -> StateSet {
        var both = self
        both.formUnion(other)
        return both
    }

    /// The only state in the set; `nil` if there is none or several.
    var onlyState: Int? {
        guard words.wrappedBitCount == 1 else { return nil }
        for word in 0..<Self.wordCount where words[word] != 0 {
            return word << 6 + words[word].trailingZeroBitCount
        }
        return nil
    }
}

extension SIMD4<UInt64> {
    fileprivate var wrappedBitCount: Int {
        (0..<StateSet.wordCount).reduce(0) { $0 + self[$1].nonzeroBitCount }
    }
}
