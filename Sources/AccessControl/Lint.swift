import Bytes

/// Something in the rules that is allowed and probably not meant (`access.md`, "Lint").
public struct LintFinding: Sendable, Hashable {
    public let place: Place
    /// One line.
    public let message: String

    public enum Place: Sendable, Hashable {
        case rules
        /// Indexes of the policy's rules, and of the lists in them.
        case rule(Int)
        case who(rule: Int, Int)
        case except(rule: Int, Int)
        case repository(rule: Int, Int)
        case until(rule: Int)
        /// An index of the policy's groups.
        case group(Int)
        /// Indexes of the policy's grants, and of the lists in them.
        case grantWho(grant: Int, Int)
        case grantExcept(grant: Int, Int)
    }
}

extension AccessPolicy {
    /// What is probably not meant, in the order of the rules.
    ///
    /// - Parameters:
    ///   - now: tells which dates have passed.
    ///   - hasDirectory: whether groups may exist that are not under `access.groups`.
    public func lint(now: Moment, hasDirectory: Bool) -> [LintFinding] {
        var findings: [LintFinding] = []
        if !rules.isEmpty, !rules.contains(where: \.letsPull) {
            findings.append(
                LintFinding(
                    place: .rules,
                    message: "no rule lets anyone pull (allow: [pull], or push, which implies it)"
                )
            )
        }
        let coverage = RuleCoverage(rules)
        for (index, rule) in rules.enumerated() {
            findings += patternFindings(rule, index)
            findings += groupFindings(rule, index, hasDirectory)
            findings += effectFindings(rule, index)
            if let until = rule.condition.until, now > until {
                findings.append(
                    LintFinding(
                        place: .until(rule: index),
                        message: "has passed (\(until)): the rule never matches any more"
                    )
                )
            }
            if let reason = coverage.whyPointless(index) {
                findings.append(
                    LintFinding(
                        place: .rule(index),
                        message: "can never change a decision: \(reason)"
                    )
                )
            }
        }
        return findings + grantFindings(hasDirectory) + writtenGroupFindings(hasDirectory)
    }

    private func patternFindings(_ rule: AccessRule, _ index: Int) -> [LintFinding] {
        rule.repositories.enumerated().compactMap { position, pattern in
            let place = LintFinding.Place.repository(rule: index, position)
            let text = pattern.text
            if let flaw = pattern.flaw {
                return LintFinding(
                    place: place,
                    message: "\"\(text)\" can match no repository name: \(flaw)"
                )
            }
            guard text.endsInOneLevel else { return nil }
            let inside = String(text.description.dropLast())
            return LintFinding(
                place: place,
                message: "\"\(text)\" is one level only: \(inside)a, not \(inside)a/b"
                    + " (\"\(inside)**\" covers all below; if one level is meant, \"\(inside)?*\")"
            )
        }
    }

    private func effectFindings(_ rule: AccessRule, _ index: Int) -> [LintFinding] {
        guard case .deny(let actions) = rule.effect, actions.contains(.pull) else { return [] }
        var messages: [String] = []
        if !actions.isSuperset(of: .push) {
            messages.append(
                "denies pull and leaves \(Actions.push.subtracting(actions).phrase)"
                    + " (deny: [pull, push], or all)")
        }
        if rule.tags != nil {
            messages.append(
                "denies pull of every tag: tags never limit pull (pull in a rule without tags)")
        }
        return messages.map { LintFinding(place: .rule(index), message: $0) }
    }
}

/// Groups that nobody is in.
extension AccessPolicy {
    private func groupFindings(
        _ rule: AccessRule,
        _ index: Int,
        _ hasDirectory: Bool
    ) -> [LintFinding] {
        if hasDirectory { return [] }
        let who = unknownGroups(rule.who).map {
            LintFinding(place: .who(rule: index, $0.position), message: $0.message)
        }
        return who
            + unknownGroups(rule.except).map {
                LintFinding(place: .except(rule: index, $0.position), message: $0.message)
            }
    }

    private func grantFindings(_ hasDirectory: Bool) -> [LintFinding] {
        if hasDirectory { return [] }
        return server.enumerated().flatMap { index, grant in
            unknownGroups(grant.who).map {
                LintFinding(place: .grantWho(grant: index, $0.position), message: $0.message)
            }
                + unknownGroups(grant.except).map {
                    LintFinding(place: .grantExcept(grant: index, $0.position), message: $0.message)
                }
        }
    }

    private func unknownGroups(_ subjects: [Subject]) -> [(position: Int, message: String)] {
        subjects.enumerated().compactMap { position, subject in
            guard case .group(let name) = subject, !isKnown(name) else { return nil }
            let what = name.hasWildcard ? "no group under access.groups is like" : "no group"
            return (
                position,
                "\(what) \(quoted(name)), and no directory is configured"
                    + " (a name under access.groups)"
            )
        }
    }

    private func isKnown(_ group: ByteString) -> Bool {
        group.hasWildcard ? book.table.isWritten(like: group) : book.table.isWritten(group)
    }

    private func writtenGroupFindings(_ hasDirectory: Bool) -> [LintFinding] {
        if hasDirectory { return [] }
        return groups.enumerated().compactMap { index, group in
            guard !group.directoryGroups.isEmpty else { return nil }
            return LintFinding(
                place: .group(index),
                message: "asks for groups of a directory, and none is configured (auth.ldap)"
            )
        }
    }
}

extension AccessRule {
    fileprivate var letsPull: Bool {
        if case .allow(let actions) = effect {
            actions.withImpliedPull.contains(.pull)
        } else {
            false
        }
    }
}

extension ByteString {
    /// `x/*`, whose author may have meant `x/**`. Docker's official images, `library/*`, are one
    /// level by definition.
    fileprivate var endsInOneLevel: Bool {
        let end = Array("/*".utf8)
        guard count > 2, bytes.suffix(2) == end[...], self != "library/*" else { return false }
        // Only behind a literal: `*/*` says how deep it is.
        let before = bytes[bytes.count - 3]
        return before != UInt8(ascii: "*") && before != UInt8(ascii: "?")
    }
}
