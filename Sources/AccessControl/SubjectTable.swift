import Bytes

/// All subjects that the rules speak of, each once and as a number, and how an identity is found
/// among them.
///
/// Which subjects hold is found once per decision: one look at the user's name, one at each
/// group's. After that every question about a rule's `who` is one about a bit.
struct SubjectTable: Sendable {
    static let anyone = 0
    static let anonymous = 1
    static let authenticated = 2

    /// Numbers are below it.
    private(set) var count = 3
    private var users = NameTable<User>()
    private var groups = NameTable<NamedGroup>()
    private var wildcardNumbers: [ByteString: Int] = [:]
    private var wildcards = GroupWildcards([])
    private(set) var written: [Group] = []
    /// The subjects that members of some written group satisfy.
    private var satisfiable: Set<Int> = []
    /// Indexes of `written`, in runs for users and for groups of the directory.
    private var memberships: [Int] = []
    private var byDistinguishedName = NameTable<Range<Int32>>()

    private struct User {
        /// `nil`: no rule names the user.
        var number: Int32?
        var memberships: Range<Int32> = 0..<0
    }

    /// What is known under the name of a group, which has no wildcard.
    private struct NamedGroup {
        /// `nil`: no rule names the group.
        var number: Int32?
        /// An index of `written`.
        var written: Int32?
        /// The groups that take in those of the directory with this name.
        var memberships: Range<Int32> = 0..<0
    }

    /// A group under `access.groups`.
    struct Group {
        let name: ByteString
        /// The subjects that its members satisfy.
        var satisfied: [Int]
    }

    /// The number of `subject`, which is made if it is new. Before `define(groups)`.
    mutating func number(of subject: Subject) -> Int {
        switch subject {
        case .anyone: return Self.anyone
        case .anonymous: return Self.anonymous
        case .authenticated: return Self.authenticated
        case .user(let name):
            if let known = users[name]?.number { return Int(known) }
            users[name, default: User()].number = Int32(count)
        case .group(let name) where name.hasWildcard:
            if let known = wildcardNumbers[name] { return known }
            wildcardNumbers[name] = count
        case .group(let name):
            if let known = groups[name]?.number { return Int(known) }
            groups[name, default: NamedGroup()].number = Int32(count)
        }
        count += 1
        return count - 1
    }

    /// Takes in the groups under `access.groups`, once every subject has its number.
    mutating func define(_ definitions: [WrittenGroup]) {
        wildcards = GroupWildcards(
            wildcardNumbers.map { GroupWildcards.Wildcard(number: $1, name: $0) })
        var ofUser: [ByteString: [Int]] = [:]
        var ofEntry: [ByteString: [Int]] = [:]
        var ofName: [ByteString: [Int]] = [:]
        for (index, group) in definitions.enumerated() {
            groups[group.name, default: NamedGroup()].written = Int32(index)
            var satisfied = groups[group.name]?.number.map { [Int($0)] } ?? []
            satisfied += subjects(withWildcardsFor: group.name)
            satisfiable.formUnion(satisfied)
            written.append(Group(name: group.name, satisfied: satisfied))
            for user in group.users { ofUser[user, default: []].append(index) }
            for reference in group.directoryGroups {
                switch reference {
                case .distinguishedName(let name):
                    ofEntry[name.normalised, default: []].append(index)
                case .name(let name): ofName[name, default: []].append(index)
                }
            }
        }
        for (name, groups) in ofUser { users[name, default: User()].memberships = store(groups) }
        for (name, groups) in ofEntry {
            byDistinguishedName[name, default: 0..<0] = store(groups)
        }
        for (name, indexes) in ofName {
            groups[name, default: NamedGroup()].memberships = store(indexes)
        }
    }

    private mutating func store(_ groups: [Int]) -> Range<Int32> {
        memberships += groups
        return Int32(memberships.count - groups.count)..<Int32(memberships.count)
    }

    /// Notes which subjects hold for `identity`.
    func resolve(_ identity: Identity, into held: inout HeldSubjects) {
        held.reset(subjectCount: count, groupCount: written.count)
        held.insert(Self.anyone)
        held.insert(identity.isAnonymous ? Self.anonymous : Self.authenticated)
        if let name = identity.user, let user = users[name] {
            if let number = user.number { held.insert(Int(number)) }
            join(user.memberships, &held)
        }
        // Here and below by index: going over an array allocates in a build that is not optimised,
        // and the tests, which count allocations, are one.
        let memberships = identity.groups.span
        for index in memberships.indices { resolve(memberships[index], &held) }
    }

    private func resolve(_ group: borrowing GroupMembership, _ held: inout HeldSubjects) {
        let known = groups[group.name]
        if let written = known?.written {
            if group.source == .argument { join(Int(written), &held) }
        } else {
            if let number = known?.number { held.insert(Int(number)) }
            wildcards.forEach(matching: group.name.span) { held.insert($0) }
        }
        if let known { join(known.memberships, &held) }
        guard let name = group.distinguishedName else { return }
        if let groups = byDistinguishedName[name.normalised] { join(groups, &held) }
    }

    private func join(_ range: Range<Int32>, _ held: inout HeldSubjects) {
        for index in Int(range.lowerBound)..<Int(range.upperBound) {
            join(memberships[index], &held)
        }
    }

    private func join(_ group: Int, _ held: inout HeldSubjects) {
        guard held.join(group) else { return }
        let satisfied = written[group].satisfied
        for index in satisfied.indices { held.insert(satisfied[index]) }
    }
}

/// What the table says about groups.
extension SubjectTable {
    func isWritten(_ group: ByteString) -> Bool { groups[group]?.written != nil }

    /// Whether a group under `access.groups` is one of those that `wildcard` stands for.
    func isWritten(like wildcard: ByteString) -> Bool {
        wildcardNumbers[wildcard].map { satisfiable.contains($0) } ?? false
    }

    /// Whether a rule or `access.groups` names the group, by itself or by a wildcard.
    func names(_ group: GroupMembership) -> Bool {
        if let known = groups[group.name], known.number != nil || !known.memberships.isEmpty {
            return true
        }
        if let name = group.distinguishedName, byDistinguishedName[name.normalised] != nil {
            return true
        }
        return !subjects(withWildcardsFor: group.name).isEmpty
    }

    /// The subjects with a wildcard that stand for `group`.
    private func subjects(withWildcardsFor group: ByteString) -> Set<Int> {
        var numbers: Set<Int> = []
        wildcards.forEach(matching: group.span) { numbers.insert($0) }
        return numbers
    }
}

/// The subjects that hold for one identity, and the groups under `access.groups` it is in. Made
/// once and used again: resetting costs what was inserted, and allocates nothing.
struct HeldSubjects: Sendable {
    private(set) var subjects: [Int] = []
    private(set) var groups: [Int] = []
    private var subjectBits = BitSet()
    private var groupBits = BitSet()

    func contains(_ subject: Int) -> Bool { subjectBits.contains(subject) }

    mutating func insert(_ subject: Int) {
        if subjectBits.insert(subject) { subjects.append(subject) }
    }

    /// - Returns: false if it was noted already.
    mutating func join(_ group: Int) -> Bool {
        guard groupBits.insert(group) else { return false }
        groups.append(group)
        return true
    }

    mutating func reset(subjectCount: Int, groupCount: Int) {
        for index in subjects.indices { subjectBits.remove(subjects[index]) }
        for index in groups.indices { groupBits.remove(groups[index]) }
        subjects.removeAll(keepingCapacity: true)
        groups.removeAll(keepingCapacity: true)
        subjectBits.grow(to: subjectCount)
        groupBits.grow(to: groupCount)
    }
}

/// A set of small numbers.
struct BitSet: Sendable {
    private(set) var words: [UInt64] = []

    func contains(_ number: Int) -> Bool { words[number >> 6] & (1 << UInt64(number & 63)) != 0 }

    /// - Returns: false if it was there.
    mutating func insert(_ number: Int) -> Bool {
        let bit: UInt64 = 1 << UInt64(number & 63)
        guard words[number >> 6] & bit == 0 else { return false }
        words[number >> 6] |= bit
        return true
    }

    mutating func remove(_ number: Int) { words[number >> 6] &= ~(1 << UInt64(number & 63)) }

    /// Takes out all of `word` and gives them: bit 0 is the number `word * 64`.
    mutating func takeWord(_ word: Int) -> UInt64 {
        let bits = words[word]
        if bits != 0 { words[word] = 0 }
        return bits
    }

    /// Makes room for the numbers below `count`.
    mutating func grow(to count: Int) {
        let wordCount = (count + 63) / 64
        if words.count < wordCount {
            words += Array(repeating: 0, count: wordCount - words.count)
        }
    }
}
