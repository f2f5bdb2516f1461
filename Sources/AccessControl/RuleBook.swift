import Bytes
import RegistryAPI

/// The compiled form of a policy: subjects become numbers, patterns become code, and all of it lies
/// in few flat arrays behind one index.
struct RuleBook: Sendable {
    /// One rule. Ranges are of `subjects`, `patterns` and `tagPatterns`.
    struct Rule {
        let isDeny: Bool
        /// With the implied pull where it allows.
        let actions: Actions
        let who: Range<Int>
        let except: Range<Int>
        let patterns: Range<Int>
        /// `nil`: whatever the tag is.
        let tags: Range<Int>?
        /// An index of `conditions`; `nil`: always.
        let condition: Int?
    }

    enum CompiledTag {
        case referrers
        case pattern(CompiledPattern)
    }

    let rules: [Rule]
    /// Numbers of the table.
    let subjects: [Int]
    let table: SubjectTable
    let index: RuleIndex
    let patterns: [CompiledPattern]
    let tagPatterns: [CompiledTag]
    let code: PatternCode
    let conditions: [RuleCondition]
    /// By subject number; empty but for `group:` subjects.
    let groupNames: [ByteString]
    let grants: [Grant]

    /// One entry of `access.server`.
    struct Grant {
        let actions: ServerActions
        let who: Range<Int>
        let except: Range<Int>
    }

    func decide(
        _ identity: Identity,
        _ repository: borrowing Span<UInt8>,
        _ tag: Tag?,
        _ circumstances: Circumstances,
        into decision: inout Decision
    ) {
        decision.reset(ruleCount: rules.count)
        table.resolve(identity, into: &decision.held)
        markMatches(identity, repository, circumstances, &decision)
        add(tag, &decision)
    }

    /// Finds the rules whose `who`, `repos` and `when` match.
    private func markMatches(
        _ identity: Identity,
        _ name: borrowing Span<UInt8>,
        _ circumstances: Circumstances,
        _ decision: inout Decision
    ) {
        var node = LiteralSearch.root
        for position in 0..<(name.count + PatternLiterals.frameCount) {
            node = index.literals.step(node, PatternLiterals.framed(name, at: position))
            var end = index.literals.longestEnd(at: node)
            while let found = end {
                let literal = index.literals.literal(endingAt: found)
                mark(under: literal, identity, name, circumstances, &decision)
                end = index.literals.shorterEnd(than: found)
            }
        }
    }

    /// Looks at the rules under one literal, from the side where there are fewer subjects.
    private func mark(
        under literal: Int,
        _ identity: Identity,
        _ name: borrowing Span<UInt8>,
        _ circumstances: Circumstances,
        _ decision: inout Decision
    ) {
        let buckets = index.buckets(of: literal)
        if buckets.count <= decision.held.subjects.count {
            for bucket in buckets where decision.held.contains(index.subject(of: bucket)) {
                mark(bucket, identity, name, circumstances, &decision)
            }
        } else {
            for position in decision.held.subjects.indices {
                let subject = decision.held.subjects[position]
                guard let bucket = index.bucket(of: subject, under: literal) else { continue }
                mark(bucket, identity, name, circumstances, &decision)
            }
        }
    }

    private func mark(
        _ bucket: Int,
        _ identity: Identity,
        _ name: borrowing Span<UInt8>,
        _ circumstances: Circumstances,
        _ decision: inout Decision
    ) {
        let subject = index.subject(of: bucket)
        for position in index.entries(of: bucket) {
            let entry = index.entries[position]
            let number = Int(entry.rule)
            guard !decision.marked.contains(number) else { continue }
            let rule = rules[number]
            guard !holds(rule.except, decision.held),
                matches(Int(entry.pattern), for: subject, identity, name, decision.held)
            else { continue }
            if let condition = rule.condition,
                !conditions[condition].holds(in: circumstances)
            {
                continue
            }
            _ = decision.marked.insert(number)
        }
    }

    /// Whether one of the subjects in `range` is held.
    func holds(_ range: Range<Int>, _ held: borrowing HeldSubjects) -> Bool {
        for index in range where held.contains(subjects[index]) { return true }
        return false
    }

    /// - Parameter subject: by which the rule's `who` holds; it says what `{group}` is.
    private func matches(
        _ pattern: Int,
        for subject: Int,
        _ identity: Identity,
        _ name: borrowing Span<UInt8>,
        _ held: borrowing HeldSubjects
    ) -> Bool {
        let compiled = patterns[pattern]
        // Alternatives without a group match without one.
        if matches(compiled, identity, name, group: "") { return true }
        guard compiled.usesGroup, !groupNames[subject].isEmpty else { return false }
        let wanted = groupNames[subject]
        for index in held.groups.indices {
            let group = table.written[held.groups[index]].name
            guard wanted.matchesGroup(group.span) else { continue }
            if matches(compiled, identity, name, group: group) { return true }
        }
        for index in identity.groups.indices {
            let group = identity.groups[index].name
            guard !table.isWritten(group), wanted.matchesGroup(group.span) else { continue }
            if matches(compiled, identity, name, group: group) { return true }
        }
        return false
    }

    private func matches(
        _ pattern: CompiledPattern,
        _ identity: Identity,
        _ name: borrowing Span<UInt8>,
        group: ByteString
    ) -> Bool {
        guard let user = identity.user else {
            return code.matches(pattern, name, user: Span(), group: group.span)
        }
        return code.matches(pattern, name, user: user.span, group: group.span)
    }
}

/// From the rules that match to what they say.
extension RuleBook {
    /// Adds up what the marked rules do, in their order, and takes the marks away.
    private func add(_ tag: Tag?, _ decision: inout Decision) {
        var allowed: Actions = []
        var denied: Actions = []
        var allowedForSome: Actions = []
        var deniedForAll: Actions = []
        for word in 0..<((rules.count + 63) / 64) {
            var bits = decision.marked.takeWord(word)
            while bits != 0 {
                let number = word << 6 + bits.trailingZeroBitCount
                bits &= bits &- 1
                let rule = rules[number]
                let actions = actions(of: rule, for: tag)
                if rule.tags != nil { decision.dependsOnTag.formUnion(rule.actions) }
                if rule.isDeny {
                    denied.formUnion(actions)
                    deniedForAll.formUnion(
                        rule.tags == nil ? rule.actions : rule.actions.intersection(.pull))
                } else {
                    allowed.formUnion(actions)
                    allowedForSome.formUnion(rule.actions)
                }
                guard !actions.isEmpty else { continue }
                let match = Decision.Match(rule: number, actions: actions)
                if rule.isDeny { decision.deny.append(match) } else { decision.allow.append(match) }
            }
        }
        decision.allowed = allowed
        decision.granted = allowed.subtracting(denied)
        decision.grantedForSomeTag = allowedForSome.subtracting(deniedForAll)
        decision.dependsOnTag.subtract(.pull)
    }

    /// What of a rule's actions is about `tag` (`access.md`, "Rule keys" and "Tag semantics").
    private func actions(of rule: Rule, for tag: Tag?) -> Actions {
        guard let tags = rule.tags else { return rule.actions }
        guard let tag else {
            // Blobs and manifests by digest: whoever may make some tag needs them, and deleting
            // one may take away what a protected tag consists of.
            return rule.actions.intersection(rule.isDeny ? [.pull, .delete] : [.pull, .create])
        }
        for index in tags where matches(tagPatterns[index], tag.bytes.span) { return rule.actions }
        return rule.actions.intersection(.pull)
    }

    private func matches(_ pattern: CompiledTag, _ tag: borrowing Span<UInt8>) -> Bool {
        switch pattern {
        case .referrers: TagPattern.isReferrer(tag)
        case .pattern(let compiled): code.matches(compiled, tag, user: Span(), group: Span())
        }
    }
}
