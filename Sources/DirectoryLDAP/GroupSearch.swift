import AccessControl
import Bytes
import NetIO

/// Finds the groups of one user, on a connection that may search.
///
/// Bounded: more than `limit` groups are an error and never a part of them, since a deny may be
/// among the rest.
struct GroupSearch {
    let settings: DirectorySettings.Groups
    let connection: LDAPConnection
    let deadline: Instant
    let operationTimeout: Int64

    /// How many groups' groups are asked for with one request.
    private static let batch = 50

    func groups(of owner: Owner, _ entry: LDAPEntry) throws(LDAPError) -> [DirectoryGroup] {
        var found = FoundGroups(limit: settings.limit)
        switch (settings.strategy, settings.nested) {
        case (.none, _): return []
        case (.memberOf, .chain): try search(chainFilter(of: owner), into: &found)
        case (.memberOf, let nesting):
            try found.add(names: memberOf(entry))
            if nesting == .walk { try walkMemberOf(&found) }
        case (.search, .chain):
            let template = LDAPTemplate(settings.filter).followingChains
            try search(template.filter(user: owner.name, dn: owner.dn), into: &found)
        case (.search, let nesting):
            let template = LDAPTemplate(settings.filter)
            try search(template.filter(user: owner.name, dn: owner.dn), into: &found)
            if nesting == .walk { try walk(template, &found) }
        }
        return try found.checked()
    }

    private func chainFilter(of owner: Owner) -> [UInt8] {
        LDAPTemplate("(member={dn})").followingChains.filter(user: owner.name, dn: owner.dn)
    }

    /// Asks for the groups that the groups found so far are in, until no new one turns up. A cycle
    /// ends by itself, because a group that is known already is not asked for again.
    private func walk(_ template: LDAPTemplate, _ found: inout FoundGroups) throws(LDAPError) {
        while let batch = found.takeNew(atMost: Self.batch) {
            let filters = batch.map { template.filter(user: "", dn: $0) }
            let filter =
                filters.count == 1 ? filters[0] : Array("(|".utf8) + filters.joined() + ")".utf8
            try search(filter, into: &found)
        }
    }

    /// The same where each group's entry names the groups that it is in.
    private func walkMemberOf(_ found: inout FoundGroups) throws(LDAPError) {
        while let batch = found.takeNew(atMost: 1) {
            let search = LDAPSearch(
                base: batch[0],
                isSubtree: false,
                filter: "(objectClass=*)",
                attributes: ["memberOf"],
                limit: 1
            )
            for entry in try entries(of: search) {
                try found.add(names: memberOf(entry))
            }
        }
    }

    /// Active Directory gives at most 1,500 values at once, under a name like
    /// `memberOf;range=0-1499`; a part of the groups is none.
    private func memberOf(_ entry: LDAPEntry) throws(LDAPError) -> [ByteString] {
        let isPart = entry.attributes.keys.contains { $0.bytes.starts(with: "memberof;".utf8) }
        if isPart { throw LDAPError(.groups, .tooManyGroups(limit: settings.limit)) }
        return entry.values(of: "memberOf")
    }

    private func search(_ filter: [UInt8], into found: inout FoundGroups) throws(LDAPError) {
        let search = LDAPSearch(
            base: ByteString(settings.base),
            filter: ByteString(filter),
            attributes: [settings.name],
            limit: Int32(clamping: settings.limit + 1)
        )
        for entry in try entries(of: search) {
            try found.add(entry.dn, named: entry.values(of: settings.name).first)
        }
    }

    private func entries(of search: LDAPSearch) throws(LDAPError) -> [LDAPEntry] {
        let limit = min(deadline, Instant.now.advanced(by: operationTimeout))
        let (entries, result) = try connection.search(search, as: .groups, by: limit)
        switch result.code {
        case ResultCode.success: return entries
        case ResultCode.noSuchObject where !search.isSubtree: return []
        case ResultCode.sizeLimitExceeded:
            throw LDAPError(.groups, .tooManyGroups(limit: settings.limit))
        default:
            throw LDAPError(.groups, .result(code: result.code, diagnostic: result.diagnostic))
        }
    }
}

/// Groups by their names in the directory, each once. Pure.
struct FoundGroups: Sendable {
    let limit: Int
    private var groups: [DirectoryGroup] = []
    private var known: Set<Key> = []
    /// Groups before this one have been asked for.
    private var next = 0

    private enum Key: Sendable, Hashable {
        case parsed(DistinguishedName)
        case text(ByteString)
    }

    init(limit: Int) { self.limit = limit }

    /// From `memberOf`: the group's name is the first part of its distinguished name.
    mutating func add(names: [ByteString]) throws(LDAPError) {
        for name in names { try add(name, named: DistinguishedName(parsing: name)?.leadingValue) }
    }

    /// - Parameter name: without one the group can only be named by its DN.
    mutating func add(_ dn: ByteString, named name: ByteString?) throws(LDAPError) {
        let key = DistinguishedName(parsing: dn).map(Key.parsed) ?? .text(dn)
        guard known.insert(key).inserted else { return }
        guard groups.count < limit else {
            throw LDAPError(.groups, .tooManyGroups(limit: limit))
        }
        groups.append(DirectoryGroup(name: name ?? "", dn: dn))
    }

    /// Groups whose own groups are not known yet; `nil` if there are none.
    mutating func takeNew(atMost count: Int) -> [ByteString]? {
        let end = min(next + count, groups.count)
        guard next < end else { return nil }
        defer { next = end }
        return groups[next..<end].map(\.dn)
    }

    /// All of them. Two with one name would make `group:NAME` mean either.
    func checked() throws(LDAPError) -> [DirectoryGroup] {
        var names: Set<ByteString> = []
        for group in groups where !group.name.isEmpty {
            guard names.insert(group.name).inserted else {
                throw LDAPError(.groups, .ambiguousGroup(group.name.description))
            }
        }
        return groups
    }
}
