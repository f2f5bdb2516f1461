/// What the rules say about one identity, one repository and perhaps one tag, and which of them
/// said it.
///
/// Made once and used again for each request of a loop: after the first few, deciding allocates
/// nothing.
public struct Decision: Sendable {
    /// What remains after all denies.
    public internal(set) var granted: Actions = []
    /// The allow rules that match, ascending.
    public internal(set) var allow: [Match] = []
    /// The deny rules that match, ascending, whatever they take away.
    public internal(set) var deny: [Match] = []

    /// What the rules allow before denies.
    var allowed: Actions = []
    /// What would be granted if the tag were the one that allow rules ask for, and no other.
    var grantedForSomeTag: Actions = []
    /// The actions that rules with `tags` are about, of those that match in all else.
    var dependsOnTag: Actions = []
    /// What the rules would have granted, and a token is not for.
    var cut: Actions = []
    /// Who it is. Scratch.
    var held = HeldSubjects()
    /// Which rules match. Scratch; empty between decisions.
    var marked = BitSet()

    /// What deny rules take, whether or not it was allowed.
    var denied: Actions { deny.reduce(into: []) { $0.formUnion($1.actions) } }

    /// A rule that matches.
    public struct Match: Sendable, Hashable {
        /// An index into the policy's rules.
        public let rule: Int
        /// What of the rule's actions is about the question, with the implied pull.
        public let actions: Actions
    }

    public init() {}

    mutating func reset(ruleCount: Int) {
        granted = []
        allow.removeAll(keepingCapacity: true)
        deny.removeAll(keepingCapacity: true)
        allowed = []
        grantedForSomeTag = []
        dependsOnTag = []
        cut = []
        marked.grow(to: ruleCount)
    }
}
