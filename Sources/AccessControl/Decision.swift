/// What the rules say about one identity and one repository, and which of them said it.
///
/// Made once and used again for each request of a loop: after the first few, deciding allocates
/// nothing.
public struct Decision: Sendable {
    /// What remains after all denies.
    public internal(set) var granted: Actions = []
    /// The allow rules that match, as indexes into the policy's rules, ascending.
    public internal(set) var allow: [Int] = []
    /// The deny rules that match, whatever they take away.
    public internal(set) var deny: [Int] = []
    /// Which of the policy's group subjects hold for the identity: one bit each.
    var groupSubjects: [UInt64] = []

    public init() {}

    mutating func reset(groupSubjectCount: Int) {
        granted = []
        allow.removeAll(keepingCapacity: true)
        deny.removeAll(keepingCapacity: true)
        let wordCount = (groupSubjectCount + 63) / 64
        if groupSubjects.count == wordCount {
            for word in 0..<wordCount { groupSubjects[word] = 0 }
        } else {
            groupSubjects = Array(repeating: 0, count: wordCount)
        }
    }

    mutating func setGroupSubject(_ subject: Int) {
        groupSubjects[subject >> 6] |= 1 << UInt64(subject & 63)
    }

    func hasGroupSubject(_ subject: Int) -> Bool {
        groupSubjects[subject >> 6] & (1 << UInt64(subject & 63)) != 0
    }
}
