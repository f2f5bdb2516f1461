import AccessControl
import Bytes

/// Lists of groups as they stood in tokens of late. A user gets a token for each repository every
/// few minutes, always with the same groups: all of them share one list, which is read once.
///
/// Not `Sendable`: one for each loop.
final class GroupLists {
    private struct Entry {
        /// The claim, from bracket to bracket.
        let text: [UInt8]
        let groups: [GroupMembership]
    }

    /// One place for each user; who needs the same takes it over.
    private var entries: [Entry?] = Array(repeating: nil, count: 256)

    /// Reads the claim that comes next.
    ///
    /// - Parameter user: whose groups they are; `nil`: not known yet, and nothing is looked up.
    /// - Returns: `nil` if it is no list of groups.
    func read(from reader: inout JSONReader, of user: ByteString?) -> [GroupMembership]? {
        guard let user else { return reader.groups() }
        let place = place(of: user)
        // A whole value: whatever begins with it has it as its next value.
        if let entry = entries[place], reader.skip(entry.text) { return entry.groups }
        let start = reader.mark()
        guard let groups = reader.groups() else { return nil }
        entries[place] = Entry(text: reader.source(since: start), groups: groups)
        return groups
    }

    private func place(of user: ByteString) -> Int {
        Int(truncatingIfNeeded: user.span.mixedHash) & (entries.count - 1)
    }
}

extension JSONReader {
    fileprivate mutating func groups() -> [GroupMembership]? {
        var groups: [GroupMembership] = []
        groups.reserveCapacity(16)
        guard enterArray() else { return nil }
        while hasElement() {
            guard let group = group() else { return nil }
            groups.append(group)
        }
        return groups
    }

    /// Its name, or an array of its name and where the directory has it.
    private mutating func group() -> GroupMembership? {
        guard next == UInt8(ascii: "[") else { return text().map { GroupMembership(name: $0) } }
        guard enterArray(), hasElement(), let name = text(), hasElement(), let place = text(),
            !hasElement(), let place = DistinguishedName(parsing: place)
        else { return nil }
        return GroupMembership(name: name, distinguishedName: place)
    }
}
