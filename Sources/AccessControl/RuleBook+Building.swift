import Bytes

extension RuleBook {
    init(groups: [WrittenGroup], rules: [AccessRule], grants: [ServerGrant]) {
        var builder = RuleBookBuilder()
        for rule in rules { builder.append(rule) }
        for grant in grants { builder.append(grant) }
        builder.table.define(groups)
        self.init(
            rules: builder.rules,
            subjects: builder.subjects,
            table: builder.table,
            index: RuleIndex(builder.drafts),
            patterns: builder.patterns,
            tagPatterns: builder.tagPatterns,
            code: builder.code,
            conditions: builder.conditions,
            groupNames: (0..<builder.table.count).map { builder.groupNames[$0] ?? "" },
            grants: builder.grants
        )
    }

    /// Whether any allow rule lets a request without login pull anything, denies and `when` aside.
    var letsAnonymousPullSomething: Bool {
        let isAnonymous = { (index: Int) in
            self.subjects[index] == SubjectTable.anyone
                || self.subjects[index] == SubjectTable.anonymous
        }
        return rules.contains { rule in
            !rule.isDeny && rule.actions.contains(.pull) && rule.who.contains(where: isAnonymous)
                && !rule.except.contains(where: isAnonymous)
                && rule.patterns.contains { !patterns[$0].needsVariable }
        }
    }
}

/// Collects what a `RuleBook` is made of.
private struct RuleBookBuilder {
    var rules: [RuleBook.Rule] = []
    var subjects: [Int] = []
    var table = SubjectTable()
    var drafts: [RuleIndex.Draft] = []
    var patterns: [CompiledPattern] = []
    var tagPatterns: [RuleBook.CompiledTag] = []
    var code = PatternCode()
    var conditions: [RuleCondition] = []
    var groupNames: [Int: ByteString] = [:]
    var grants: [RuleBook.Grant] = []

    mutating func append(_ rule: AccessRule) {
        let who = append(rule.who)
        let (isDeny, actions) =
            switch rule.effect {
            case .allow(let actions): (false, actions.withImpliedPull)
            case .deny(let actions): (true, actions)
            }
        let start = patterns.count
        for pattern in rule.repositories {
            patterns.append(code.append(pattern.code, pattern.compiled))
        }
        if rule.condition != .always { conditions.append(rule.condition) }
        for (pattern, written) in zip(start..<patterns.count, rule.repositories) {
            drafts.append(
                RuleIndex.Draft(
                    literals: PatternLiterals(written),
                    subjects: Set(subjects[who]),
                    rule: rules.count,
                    pattern: pattern
                )
            )
        }
        rules.append(
            RuleBook.Rule(
                isDeny: isDeny,
                actions: actions,
                who: who,
                except: append(rule.except),
                patterns: start..<patterns.count,
                tags: rule.tags.map { append($0) },
                condition: rule.condition == .always ? nil : conditions.count - 1
            )
        )
    }

    mutating func append(_ grant: ServerGrant) {
        grants.append(
            RuleBook.Grant(
                actions: grant.actions,
                who: append(grant.who),
                except: append(grant.except)
            )
        )
    }

    private mutating func append(_ several: [Subject]) -> Range<Int> {
        for subject in several {
            let number = table.number(of: subject)
            if case .group(let name) = subject { groupNames[number] = name }
            subjects.append(number)
        }
        return (subjects.count - several.count)..<subjects.count
    }

    private mutating func append(_ tags: [TagPattern]) -> Range<Int> {
        for tag in tags {
            switch tag.form {
            case .referrers: tagPatterns.append(.referrers)
            case .pattern(let other, let compiled):
                tagPatterns.append(.pattern(code.append(other, compiled)))
            }
        }
        return (tagPatterns.count - tags.count)..<tagPatterns.count
    }
}
