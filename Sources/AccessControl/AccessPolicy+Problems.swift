extension AccessPolicy {
    /// Something in the rules that makes no sense, for the reader of the configuration.
    public struct Problem: Sendable, Hashable {
        /// An index into the rules.
        public let rule: Int
        /// What is wrong, and what is allowed.
        public let message: String
    }

    /// Everything that is wrong with the rules beyond the grammar of their parts, by rule.
    public static func problems(in rules: [AccessRule]) -> [Problem] {
        var problems: [Problem] = []
        var seen: [String: Int] = [:]
        for (index, rule) in rules.enumerated() {
            func report(_ message: String) {
                problems.append(Problem(rule: index, message: message))
            }
            if rule.id.isEmpty { report("the id is empty (a short name, unique among the rules)") }
            if let first = seen[rule.id] {
                report("the id \"\(rule.id)\" is taken by the rule at \(rules[first].position)")
            }
            seen[rule.id] = seen[rule.id] ?? index
            if rule.who.isEmpty { report("who is empty (anyone, user:NAME, group:NAME, …)") }
            if rule.repositories.isEmpty { report("repos is empty (\"**\" is every repository)") }
            if rule.effect.actions.isEmpty { report("no action (\(Actions.names))") }
            if let wrong = rule.wrongWithTags { report(wrong) }
            if rule.usesGroupWithoutNamingOne {
                report("{group} needs a group:NAME in who, which says which group it is")
            }
        }
        return problems
    }
}

extension AccessRule {
    /// What cannot be granted for some tags only.
    public var wrongWithTags: String? {
        guard let tags, case .allow(let actions) = effect else { return nil }
        if tags.isEmpty { return "tags is empty (leave it out for all tags)" }
        guard actions.contains(.pull) else { return nil }
        let word = actions == .all ? "all" : "pull"
        return "\(word) cannot be allowed for some tags: whoever knows a digest pulls without a tag"
            + " (create, overwrite, delete, push; pull in a rule of its own)"
    }

    fileprivate var usesGroupWithoutNamingOne: Bool {
        repositories.contains { $0.usesGroup }
            && !who.contains { if case .group = $0 { true } else { false } }
    }
}

extension AccessRule.Effect {
    public var actions: Actions {
        switch self {
        case .allow(let actions), .deny(let actions): actions
        }
    }
}
