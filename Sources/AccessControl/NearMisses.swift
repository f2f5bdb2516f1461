import Bytes
import RegistryAPI

/// Which rules would match but for one thing, and which thing.
extension AccessPolicy {
    /// - Parameter matched: the rules that decide about the question.
    func nearMisses(
        to question: Explanation.Question,
        besides matched: Set<Int>
    ) -> [Explanation.NearMiss] {
        var held = HeldSubjects()
        book.table.resolve(question.identity, into: &held)
        let groupNames =
            held.groups.map { book.table.written[$0].name } + question.identity.groups.map(\.name)
        var found: [Explanation.NearMiss] = []
        for (index, rule) in rules.enumerated() where !matched.contains(index) {
            guard !book.rules[index].actions.isDisjoint(with: question.actions) else { continue }
            let obstacles = [
                subjectObstacle(index, question.identity, held),
                exceptionObstacle(index, question.identity, held),
                nameObstacle(rule, question, groupNames),
                tagObstacle(rule, question.tag),
                rule.condition.obstacle(in: question.circumstances),
            ]
            .compactMap(\.self)
            guard obstacles.count == 1, let reason = obstacles[0].reason else { continue }
            found.append(Explanation.NearMiss(rule: rule, reason: reason))
            if found.count == Explanation.mostNearMisses { break }
        }
        return found
    }

    private func subjectObstacle(
        _ index: Int,
        _ identity: Identity,
        _ held: HeldSubjects
    ) -> Obstacle? {
        guard !book.holds(book.rules[index].who, held) else { return nil }
        let who = rules[index].who.map(\.text).joined(separator: ", ")
        return Obstacle("who is \(who), which \(identity.shownName) is not")
    }

    private func exceptionObstacle(
        _ index: Int,
        _ identity: Identity,
        _ held: HeldSubjects
    ) -> Obstacle? {
        guard book.holds(book.rules[index].except, held) else { return nil }
        let except = rules[index].except.map(\.text).joined(separator: ", ")
        return Obstacle("except \(except) leaves \(identity.shownName) out")
    }

    /// Most rules are about other repositories, and nothing is near about that; but a pattern that
    /// is one star short is, and so is a name that cannot stand in for a variable.
    private func nameObstacle(
        _ rule: AccessRule,
        _ question: Explanation.Question,
        _ groupNames: [ByteString]
    ) -> Obstacle? {
        let name = question.repository.bytes
        let user = question.identity.user ?? ""
        let groups = groupNames.isEmpty ? [""] : groupNames
        func matches(_ pattern: RepositoryPattern, _ user: ByteString) -> Bool {
            groups.contains { pattern.matches(name.span, user: user.span, group: $0.span) }
        }
        if rule.repositories.contains(where: { matches($0, user) }) { return nil }
        for pattern in rule.repositories {
            for wider in pattern.wider where matches(wider, user) {
                return Obstacle("`\(pattern.text)` would match if it were `\(wider.text)`")
            }
            if !user.isEmpty, !RepositoryName.isPart(user.span), pattern.usesUser,
                name.bytes.split(separator: UInt8(ascii: "/"))
                    .contains(where: { matches(pattern, ByteString(Array($0))) })
            {
                return Obstacle(
                    "`\(pattern.text)`: {user} is one part of a name, which "
                        + "\(question.identity.shownName) cannot be"
                )
            }
        }
        return Obstacle()
    }

    private func tagObstacle(_ rule: AccessRule, _ tag: Tag?) -> Obstacle? {
        guard let tags = rule.tags else { return nil }
        let patterns = tags.map { "`\($0.text)`" }.joined(separator: ", ")
        guard let tag else { return Obstacle("only tags \(patterns), and no tag was asked about") }
        if tags.contains(where: { $0.matches(tag.bytes.span) }) { return nil }
        return Obstacle("only tags \(patterns)")
    }
}

/// Something that keeps a rule from matching.
private struct Obstacle {
    /// `nil`: not worth telling.
    let reason: String?

    init(_ reason: String? = nil) { self.reason = reason }
}

extension RuleCondition {
    /// Both parts at once are two things.
    fileprivate func obstacle(in circumstances: Circumstances) -> Obstacle? {
        let networks = from.map { "\($0)" }.joined(separator: ", ")
        switch (admits(circumstances.client), hasPassed(at: circumstances.now)) {
        case (true, false): return nil
        case (false, true): return Obstacle()
        case (false, false):
            let place = circumstances.client.map { "not \($0)" } ?? "and no address was given"
            return Obstacle("only from \(networks), \(place)")
        case (true, true):
            return Obstacle("until \(until.map { "\($0)" } ?? ""), which has passed")
        }
    }
}

extension Identity {
    fileprivate var shownName: String { user.map { "\($0)" } ?? "anonymous" }
}

extension Subject {
    /// As rules write it.
    public var text: String {
        switch self {
        case .anyone: "anyone"
        case .anonymous: "anonymous"
        case .authenticated: "authenticated"
        case .user(let name): "user:\(name)"
        case .group(let name): "group:\(name)"
        }
    }
}

extension RepositoryPattern {
    fileprivate var usesUser: Bool { "\(text)".contains("{user}") }

    /// The pattern with one whole part `*` made `**`, or one added behind it.
    fileprivate var wider: [RepositoryPattern] {
        let slash = UInt8(ascii: "/")
        let parts = text.bytes.split(separator: slash, omittingEmptySubsequences: false)
            .map { Array($0) }
        var texts: [[UInt8]] = []
        for index in parts.indices where parts[index] == Array("*".utf8) {
            var changed = parts
            changed[index] = Array("**".utf8)
            texts.append(Array(changed.joined(separator: [slash])))
        }
        texts.append(text.bytes + Array("/**".utf8))
        return texts.compactMap { try? RepositoryPattern(ByteString($0)) }
    }
}
