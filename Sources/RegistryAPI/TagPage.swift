public import Bytes

/// One page of a repository's tags (distribution specification, "Listing Tags"), made of what a
/// registry lists: all tags in any order, as docker-registry 2.8 does whatever it is asked for, or
/// the page that was asked for.
public struct TagPage: Sendable {
    /// In bytewise order.
    public let tags: [ByteString]
    /// Whether tags follow that are not on this page.
    public let hasMore: Bool

    /// Takes time in proportion to the list, and more to sort one that is not sorted.
    ///
    /// - Parameters:
    ///   - listed: names that are no tags are left out: no request could ask for them.
    ///   - continues: whether the registry said that its list goes on behind these.
    public init(of listed: NameTable, _ page: Page, continues: Bool) {
        var order: [Int] = []
        for index in 0..<listed.count where Tag.isValid(listed[index]) {
            if let last = page.last, !last.span.precedes(listed[index]) { continue }
            order.append(index)
        }
        if !listed.isSorted(order) {
            order.sort { listed[$0].precedes(listed[$1]) }
        }
        let shown = order.prefix(page.count ?? order.count)
        tags = shown.map { ByteString(copying: listed[$0]) }
        hasMore = !shown.isEmpty && (shown.count < order.count || continues)
    }
}

extension NameTable {
    fileprivate func isSorted(_ order: [Int]) -> Bool {
        for (left, right) in zip(order, order.dropFirst())
        where self[right].precedes(self[left]) { return false }
        return true
    }
}
