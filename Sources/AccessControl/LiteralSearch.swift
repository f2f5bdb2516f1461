/// Finds which of many literals stand in a text, wherever they stand, in one pass over it (Aho and
/// Corasick, 1975).
///
/// The literals make a tree of nodes, one for each of their beginnings. Reading goes down the tree;
/// where it does not go on, it falls back to the longest ending of what was read that is a
/// beginning, too. So it takes at most two steps for each byte, however many literals there are,
/// and a few more for each that is found. Searching allocates nothing.
struct LiteralSearch: Sendable {
    private struct Node {
        /// The byte that leads to the next node of the array; `nothing` if none does. Most nodes
        /// have no other way on.
        var along = Self.nothing
        /// Other bytes lead on as well: `branches` knows them.
        var hasBranches = false
        /// The node to fall back to.
        var fallback: Int32 = 0
        /// The literal that ends here, or -1.
        var literal: Int32 = -1
        /// The first node on the way of fallbacks where a literal ends, or -1.
        var shorter: Int32 = -1

        static let nothing: UInt16 = 256
    }

    private var nodes: [Node]
    /// From a node and a byte to the next node.
    private var branches: NumberTable

    /// Where reading begins.
    static let root = 0

    /// - Parameter literals: no two alike, none empty. What is found is an index into them.
    init(_ literals: [[UInt8]]) {
        var tree = Tree()
        for (index, literal) in literals.enumerated() { tree.insert(literal, Int32(index)) }
        nodes = tree.nodes
        branches = NumberTable(
            tree.branches.lazy.map { ($0.key, $0.value) }, count: tree.branches.count)
        // From the root down: the fallback of a node is shorter than the node.
        for (node, parent, byte) in tree.byDepth {
            let fallback =
                parent == Self.root ? Self.root : step(Int(nodes[parent].fallback), byte)
            nodes[node].fallback = Int32(fallback)
            nodes[node].shorter =
                nodes[fallback].literal >= 0 ? Int32(fallback) : nodes[fallback].shorter
        }
    }

    /// Reads one byte.
    ///
    /// - Parameter node: `root`, or what the byte before led to.
    func step(_ node: Int, _ byte: UInt8) -> Int {
        var node = node
        while true {
            if nodes[node].along == UInt16(byte) { return node + 1 }
            if nodes[node].hasBranches, let next = branches[node, Int(byte)] { return next }
            if node == Self.root { return node }
            node = Int(nodes[node].fallback)
        }
    }

    /// The node of the longest literal that ends with the byte that led to `node`.
    func longestEnd(at node: Int) -> Int? {
        nodes[node].literal >= 0 ? node : shorterEnd(than: node)
    }

    /// The node of the next shorter literal that ends with the same byte.
    func shorterEnd(than node: Int) -> Int? {
        let shorter = nodes[node].shorter
        return shorter >= 0 ? Int(shorter) : nil
    }

    /// - Parameter end: where a literal ends.
    func literal(endingAt end: Int) -> Int { Int(nodes[end].literal) }

    /// The literals, while they are put together.
    private struct Tree {
        var nodes = [Node()]
        var branches: [NumberTable.Key: Int] = [:]
        private var origins: [(parent: Int, byte: UInt8, depth: Int)] = [(0, 0, 0)]

        mutating func insert(_ literal: [UInt8], _ index: Int32) {
            var node = LiteralSearch.root
            for byte in literal { node = child(node, byte) }
            nodes[node].literal = index
        }

        private mutating func child(_ node: Int, _ byte: UInt8) -> Int {
            if nodes[node].along == UInt16(byte) { return node + 1 }
            let key = NumberTable.Key(node, Int(byte))
            if let known = branches[key] { return known }
            if node == nodes.count - 1 {
                nodes[node].along = UInt16(byte)
            } else {
                nodes[node].hasBranches = true
                branches[key] = nodes.count
            }
            nodes.append(Node())
            origins.append((node, byte, origins[node].depth + 1))
            return nodes.count - 1
        }

        /// All nodes but the root, parents first.
        var byDepth: [(node: Int, parent: Int, byte: UInt8)] {
            let deepest = origins.lazy.map(\.depth).max() ?? 0
            var levels: [[Int]] = Array(repeating: [], count: deepest + 1)
            for node in origins.indices { levels[origins[node].depth].append(node) }
            return levels.dropFirst().joined().map { ($0, origins[$0].parent, origins[$0].byte) }
        }
    }
}
