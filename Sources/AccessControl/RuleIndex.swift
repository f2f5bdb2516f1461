import Bytes

/// Finds the few rules that can be about a repository and an identity without looking at the
/// others: by the bytes that a rule's pattern begins with, then by the subject.
///
/// Every prefix of the name whose length some pattern's prefix has is looked up in one hash table;
/// prefixes that share a hash share a place in it, which costs a comparison and changes nothing,
/// because the pattern is matched afterwards in any case.
struct RuleIndex: Sendable {
    /// One pattern of one rule.
    struct Entry {
        let rule: Int32
        let pattern: Int32
    }

    /// The entries of one subject: a range of `entries`.
    private struct Bucket {
        let subject: Int32
        let start: Int32
        let end: Int32
    }

    private(set) var entries: [Entry] = []
    private var buckets: [Bucket] = []
    private var nodes: [Node] = []
    /// Open addressing: an index of `nodes`, or -1.
    private var slots: [Int32] = [-1]
    /// The lengths of prefixes that occur.
    private var lengths = StateSet()

    /// One entry before it is sorted in.
    struct Draft {
        let prefix: ArraySlice<UInt8>
        let subject: Int
        let rule: Int
        let pattern: Int
    }

    init(_ drafts: [Draft]) {
        // Prefixes with one hash share a node.
        var byHash: [UInt64: [Draft]] = [:]
        for draft in drafts {
            var hash = PrefixHash()
            for byte in draft.prefix { hash.add(byte) }
            byHash[hash.value, default: []].append(draft)
            lengths.insert(draft.prefix.count)
        }
        var size = 1
        while size <= byHash.count * 2 { size *= 2 }
        slots = Array(repeating: -1, count: size)
        for (hash, drafts) in byHash.sorted(by: { $0.key < $1.key }) {
            let start = Int32(buckets.count)
            append(drafts.sorted { ($0.subject, $0.rule) < ($1.subject, $1.rule) })
            add(Node(hash: hash, start: start, end: Int32(buckets.count)))
        }
    }

    private mutating func append(_ drafts: [Draft]) {
        var first = 0
        while first < drafts.count {
            let subject = drafts[first].subject
            let start = Int32(entries.count)
            while first < drafts.count, drafts[first].subject == subject {
                let draft = drafts[first]
                entries.append(Entry(rule: Int32(draft.rule), pattern: Int32(draft.pattern)))
                first += 1
            }
            let end = Int32(entries.count)
            buckets.append(Bucket(subject: Int32(subject), start: start, end: end))
        }
    }

    private mutating func add(_ node: Node) {
        var slot = Int(truncatingIfNeeded: node.hash) & (slots.count - 1)
        while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(nodes.count)
        nodes.append(node)
    }

    static let longestPrefix = StateSet.capacity - 1

    /// What is known under one prefix.
    struct Node {
        fileprivate let hash: UInt64
        fileprivate let start: Int32
        fileprivate let end: Int32

        /// Of the index, ascending by subject.
        var buckets: Range<Int> { Int(start)..<Int(end) }
    }

    /// - Parameter hash: of the first `length` bytes of the name.
    func node(_ hash: PrefixHash, _ length: Int) -> Node? {
        guard lengths.contains(length) else { return nil }
        let value = hash.value
        var slot = Int(truncatingIfNeeded: value) & (slots.count - 1)
        while slots[slot] >= 0 {
            let node = nodes[Int(slots[slot])]
            if node.hash == value { return node }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    func subject(of bucket: Int) -> Int { Int(buckets[bucket].subject) }

    /// Indexes of `entries`.
    func entries(of bucket: Int) -> Range<Int> {
        Int(buckets[bucket].start)..<Int(buckets[bucket].end)
    }

    /// The bucket of `subject`, if the node has one.
    func bucket(of subject: Int, in node: Node) -> Int? {
        var low = Int(node.start)
        var high = Int(node.end)
        while low < high {
            let middle = (low + high) / 2
            if Int(buckets[middle].subject) < subject { low = middle + 1 } else { high = middle }
        }
        return low < Int(node.end) && Int(buckets[low].subject) == subject ? low : nil
    }
}

/// FNV-1a, byte by byte, with the high bits mixed in at the end: the table looks at the low ones.
struct PrefixHash {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }

    var value: UInt64 {
        let mixed = (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
        return mixed ^ mixed >> 32
    }
}
