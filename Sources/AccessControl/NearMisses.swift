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
        let groups =
            held.groups.map { book.table.written[$0].name }
            + question.identity.groups.map(\.name).filter { !book.table.isWritten($0) }
        var found: [Explanation.NearMiss] = []
        for (index, rule) in rules.enumerated() where !matched.contains(index) {
            guard !book.rules[index].actions.isDisjoint(with: question.actions) else { continue }
            let subject = subjectObstacle(index, question.identity, held, groups)
            let place = NamePlaces(rule, question, groups, isForSubject: subject == nil)
            let obstacles = [
                subject,
                exceptionObstacle(index, question.identity, held),
                place.obstacle,
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
        _ held: HeldSubjects,
        _ groups: [ByteString]
    ) -> Obstacle? {
        guard !book.holds(book.rules[index].who, held) else { return nil }
        let name = identity.shownName
        let who = rules[index].who.map(\.text).joined(separator: ", ")
        let isOtherCase = rules[index].who.contains { subject in
            switch subject {
            case .user(let user): identity.user.map { user.isSpelled(like: $0) } ?? false
            case .group(let group):
                groups.contains { group.isSpelled(like: $0) }
                    || isMember(of: group, spelledLike: identity.user)
            case .anyone, .anonymous, .authenticated: false
            }
        }
        let advice = isOtherCase ? " (capitals count: names are compared byte for byte)" : ""
        return Obstacle("who is \(who), which \(name) is not\(advice)")
    }

    private func isMember(of group: ByteString, spelledLike user: ByteString?) -> Bool {
        guard let user else { return false }
        return groups.contains { written in
            written.name == group && written.users.contains { $0.isSpelled(like: user) }
        }
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

    private func tagObstacle(_ rule: AccessRule, _ tag: Tag?) -> Obstacle? {
        guard let tags = rule.tags else { return nil }
        guard let tag else {
            return Obstacle("only tags \(tags.list), and no tag was asked about")
        }
        if tags.contains(where: { $0.matches(tag.bytes.span) }) { return nil }
        return Obstacle("only tags \(tags.list)")
    }
}

/// Something that keeps a rule from matching.
struct Obstacle {
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
    var shownName: String { user.map { "\($0)" } ?? "anonymous" }
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

extension ByteString {
    /// Whether both differ in nothing but capitals.
    fileprivate func isSpelled(like other: ByteString) -> Bool {
        self != other && lowered == other.lowered
    }

    private var lowered: [UInt8] { bytes.map { $0.isASCIIUppercase ? $0 | 0x20 : $0 } }
}
