import Bytes
import RegistryAPI

/// Whether a rule is about a repository, and if not, whether it nearly is.
///
/// Most rules are about other repositories, and nothing is near about that; but a pattern that is
/// one star short is, and so is one that is about somebody else's part.
struct NamePlaces {
    private let rule: AccessRule
    private let name: ByteString
    private let shownName: String
    /// Values of `{user}` and `{group}`; empty bytes where there is none.
    private let users: [ByteString]
    private let groups: [ByteString]
    /// What could be meant by a variable: the parts of the name.
    private let parts: [ByteString]

    /// - Parameters:
    ///   - groups: that the identity is in.
    ///   - isForSubject: whether the rule is for the identity. For one that is not, a variable may
    ///     be any part of the name: to be somebody else is one thing, not two.
    init(
        _ rule: AccessRule,
        _ question: Explanation.Question,
        _ groups: [ByteString],
        isForSubject: Bool
    ) {
        self.rule = rule
        name = question.repository.bytes
        shownName = question.identity.shownName
        parts = name.bytes.split(separator: UInt8(ascii: "/")).map { ByteString(Array($0)) }
        let known = isForSubject ? groups : groups + parts
        self.groups = [""] + known.filter { group in rule.who.contains { $0.isGroup(like: group) } }
        users = [question.identity.user ?? ""] + (isForSubject ? [] : parts)
    }

    /// `nil`: the rule is about the repository.
    var obstacle: Obstacle? {
        if rule.repositories.contains(where: { matches($0, users, groups) }) { return nil }
        for pattern in rule.repositories {
            if let reason = reason(pattern) { return Obstacle("`\(pattern.text)`\(reason)") }
        }
        return Obstacle()
    }

    private func matches(
        _ pattern: RepositoryPattern,
        _ users: [ByteString],
        _ groups: [ByteString]
    ) -> Bool {
        users.contains { user in
            groups.contains { group in
                pattern.matches(name.span, user: user.span, group: group.span)
            }
        }
    }

    /// Why the pattern does not match, if it is near.
    private func reason(_ pattern: RepositoryPattern) -> String? {
        for other in pattern.neighbours where matches(other, users, groups) {
            return " would match if it were `\(other.text)`"
        }
        if let inside = pattern.withoutDepth, matches(inside, users, groups) {
            return " is what lies below `\(inside.text)`, not `\(inside.text)` itself"
        }
        if pattern.uses("{user}"), let part = parts.first(where: { matches(pattern, [$0], groups) })
        {
            return isPart(users[0])
                ? " is about \(part) here, and {user} is \(shownName)"
                : ": {user} is one part of a name, which \(shownName) cannot be"
        }
        if pattern.usesGroup, let part = parts.first(where: { matches(pattern, users, [$0]) }) {
            let own = groups.filter { !$0.isEmpty }
            guard let group = own.first(where: isPart) ?? own.first else { return nil }
            return isPart(group)
                ? " is about \(part) here, and {group} is \(shown(own.filter(isPart)))"
                : ": {group} is one part of a name, which \(group) cannot be"
        }
        return nil
    }

    private func isPart(_ value: ByteString) -> Bool { RepositoryName.isPart(value.span) }

    private func shown(_ groups: [ByteString]) -> String {
        groups.map { "\($0)" }.joined(separator: " or ")
    }
}

extension Subject {
    fileprivate func isGroup(like group: ByteString) -> Bool {
        if case .group(let name) = self { name.matchesGroup(group.span) } else { false }
    }
}

extension RepositoryPattern {
    fileprivate func uses(_ variable: String) -> Bool { "\(text)".contains(variable) }

    /// Patterns that differ in one thing: one whole part `*` made `**`, everything below, and the
    /// same without capitals, which no repository name has.
    fileprivate var neighbours: [RepositoryPattern] {
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
        texts.append(text.bytes.map { $0.isASCIIUppercase ? $0 | 0x20 : $0 })
        if text.bytes.first == slash { texts.append(Array(text.bytes.dropFirst())) }
        return texts.compactMap { try? RepositoryPattern(ByteString($0)) }
    }

    /// `a` of `a/**`.
    fileprivate var withoutDepth: RepositoryPattern? {
        let end = Array("/**".utf8)
        guard text.bytes.suffix(end.count) == end[...] else { return nil }
        return try? RepositoryPattern(ByteString(Array(text.bytes.dropLast(end.count))))
    }
}
