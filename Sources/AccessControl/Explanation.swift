public import Bytes
public import RegistryAPI

/// Why a question is answered as it is: the decision that serves requests, and what was near it.
public struct Explanation: Sendable {
    public struct Question: Sendable {
        public let identity: Identity
        /// All of them are needed.
        public let actions: Actions
        public let repository: RepositoryName
        /// `nil`: something without a tag, a blob or a manifest by digest.
        public let tag: Tag?
        public let circumstances: Circumstances

        public init(
            _ identity: Identity,
            _ actions: Actions,
            on repository: RepositoryName,
            tag: Tag? = nil,
            in circumstances: Circumstances
        ) {
            self.identity = identity
            self.actions = actions
            self.repository = repository
            self.tag = tag
            self.circumstances = circumstances
        }
    }

    /// A rule that matches, as far as the question goes.
    public struct Matching: Sendable {
        public let rule: AccessRule
        /// What of the question it allows or denies.
        public let actions: Actions
        /// Why it has a say, where that is not plain from the rule; one line.
        public let note: String?
    }

    /// A rule that would match but for one thing.
    public struct NearMiss: Sendable {
        public let rule: AccessRule
        public let reason: String
    }

    public let isAllowed: Bool
    /// What of the question's actions is granted.
    public let granted: Actions
    /// What of the question's actions no rule allows and none denies.
    public let unallowed: Actions
    /// Groups that the user is in: those under `access.groups`, then those that were given.
    public let groups: [(name: ByteString, isWritten: Bool)]
    /// Rules that allow something of what was asked, in the file's order.
    public let allow: [Matching]
    /// Rules that deny something of what was asked, in the file's order.
    public let deny: [Matching]
    /// Rules that match and are about other actions.
    public let others: [Matching]
    /// In the file's order; at most `mostNearMisses`.
    public let nearMisses: [NearMiss]

    public static let mostNearMisses = 20

    /// What the denied client would be told by a rule that denies; `nil`: nothing.
    public var because: String? {
        isAllowed ? nil : deny.lazy.compactMap(\.rule.because).first
    }
}

extension AccessPolicy {
    public func explain(_ question: Explanation.Question) -> Explanation {
        var decision = Decision()
        decide(
            question.identity,
            question.repository.bytes.span,
            tag: question.tag,
            in: question.circumstances,
            into: &decision
        )
        func matching(_ matches: [Decision.Match]) -> [Explanation.Matching] {
            matches.map {
                let rule = rules[$0.rule]
                let actions = $0.actions.intersection(question.actions)
                let note = rule.note(on: actions, of: question.tag)
                return Explanation.Matching(rule: rule, actions: actions, note: note)
            }
        }
        let allow = matching(decision.allow)
        let deny = matching(decision.deny)
        let deciding = (decision.allow + decision.deny).filter {
            !$0.actions.isDisjoint(with: question.actions)
        }
        let misses = nearMisses(to: question, besides: Set(deciding.map(\.rule)))
        let missed = Set(misses.map(\.rule.id))
        return Explanation(
            isAllowed: decision.granted.isSuperset(of: question.actions),
            granted: decision.granted.intersection(question.actions),
            unallowed: question.actions.subtracting(decision.granted.union(decision.denied)),
            groups: groups(of: question.identity),
            allow: allow.filter { !$0.actions.isEmpty },
            deny: deny.filter { !$0.actions.isEmpty },
            others: (allow + deny).filter { $0.actions.isEmpty && !missed.contains($0.rule.id) },
            nearMisses: misses
        )
    }

    /// The groups that somebody is in: by `access.groups`, and by another's word.
    public func groups(of identity: Identity) -> [(name: ByteString, isWritten: Bool)] {
        var held = HeldSubjects()
        book.table.resolve(identity, into: &held)
        let written = held.groups.map { book.table.written[$0].name }.sorted()
        let others = identity.groups.map(\.name).filter { !written.contains($0) }
        return written.map { ($0, true) } + others.map { ($0, false) }
    }

    /// The grants under `access.server` that give `actions`.
    public func serverGrants(
        of actions: ServerActions,
        to identity: Identity
    ) -> [ServerGrant] {
        var held = HeldSubjects()
        book.table.resolve(identity, into: &held)
        return server.indices.filter { index in
            let grant = book.grants[index]
            return !grant.actions.isDisjoint(with: actions) && book.holds(grant.who, held)
                && !book.holds(grant.except, held)
        }
        .map { server[$0] }
    }
}

extension AccessRule {
    /// Why a deny for some tags takes a delete that names none (`access.md`, "Tag semantics").
    fileprivate func note(on actions: Actions, of tag: Tag?) -> String? {
        guard tag == nil, let tags, case .deny = effect, actions.contains(.delete) else {
            return nil
        }
        return "no tag was asked about: layers and untagged manifests may be part of tags "
            + tags.list
    }
}
