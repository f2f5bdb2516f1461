import AccessControl
import Bytes

// The rules of who may do what, as written; `AccessControl` decides with them.

extension Sections {
    static let access = Section(
        initial: Configuration.Access(),
        fields: [
            Field("groups", \.groups, .groups),
            Field("rules", \.rules, .rules),
        ]
    )

    static let group = Section(
        initial: Configuration.Group(),
        fields: [Field("users", \.users, .list(of: .userName, mayBeEmpty: true), isRequired: true)]
    )

    static let rule = Section(
        initial: RuleDraft(),
        fields: [
            Field("id", \.id, .text(upTo: 128), isRequired: true),
            Field("who", \.who, .list(of: .subject), isRequired: true),
            Field("except", \.except, .list(of: .subject)),
            Field("repos", \.repositories, .list(of: .pattern), isRequired: true),
            Field("allow", \.allow, .list(of: .actions)),
            Field("deny", \.deny, .list(of: .actions)),
            Field("because", \.because, .text(upTo: 512)),
        ],
        check: checkRule
    )

    private static func checkRule(
        _ rule: inout RuleDraft,
        _ node: YAMLNode,
        _ place: KeyPlace,
        _ reading: inout Reading
    ) {
        rule.position = reading.position(node.mark)
        let both = "exactly one of allow and deny, a list of actions"
        switch (node["allow"], node["deny"]) {
        case (nil, nil): reading.refuse(node.mark, place, "has no effect", allowed: both)
        case (.some, let deny?):
            reading.refuse(deny.mark, place.key("deny"), "stands beside allow", allowed: both)
        default: break
        }
        let namesGroup = rule.who.contains { if case .group = $0 { true } else { false } }
        if rule.repositories.contains(where: \.usesGroup), !namesGroup, let repos = node["repos"] {
            reading.refuse(
                repos.mark,
                place.key("repos"),
                "{group} stands for nobody's group",
                allowed: "only with group:NAME in who"
            )
        }
    }
}

/// A rule whose keys are being read.
struct RuleDraft: Sendable {
    var id = ""
    var who: [Subject] = []
    var except: [Subject]?
    var repositories: [RepositoryPattern] = []
    var allow: [Actions]?
    var deny: [Actions]?
    var because: String?
    var position = SourcePosition(file: "", line: 1, column: 1)

    var rule: AccessRule {
        AccessRule(
            id: id,
            who: who,
            except: except ?? [],
            repositories: repositories,
            effect: deny.map { .deny(Actions($0)) } ?? .allow(Actions(allow ?? [])),
            because: because,
            position: position
        )
    }
}

extension ValueKind<[AccessRule]> {
    /// The list of rules. An id names one rule in denials and logs, so it is there once.
    fileprivate static let rules: ValueKind = {
        let list = ValueKind<[RuleDraft]>.list(of: .section(Sections.rule), mayBeEmpty: true)
        return ValueKind(
            type: list.type,
            allowed: list.allowed,
            keys: list.keys,
            show: { _ in "" },
            read: { node, place, reading in
                guard let drafts = list.read(node, place, &reading) else { return nil }
                var lines: [[UInt8]: Int] = [:]
                guard case .sequence(let nodes) = node.content else { return nil }
                for (index, node) in nodes.enumerated() {
                    guard let id = node["id"], case .scalar(let text, _) = id.content else {
                        continue
                    }
                    if let line = lines.updateValue(id.mark.line, forKey: Array(text.utf8)) {
                        reading.refuse(
                            id.mark,
                            place.element(index).key("id"),
                            "\(quoted(text)) is the id of the rule in line \(line)",
                            allowed: "an id of its own"
                        )
                    }
                }
                return drafts.map(\.rule)
            }
        )
    }()
}

extension ValueKind<[Configuration.Group]> {
    /// Groups under names that the operator chooses.
    fileprivate static let groups = ValueKind(
        type: "table of section",
        allowed: "a mapping of group names",
        keys: { Sections.group.keys($0.entry("NAME")) },
        show: { _ in "" },
        read: { node, place, reading in
            let allowed = "a mapping of group names"
            return reading.mapping(node, place, allowed: allowed)?.compactMap { entry in
                let place = place.entry(entry.key)
                guard isName(entry.key) else {
                    reading.refuse(entry.keyMark, place, "is no group name", allowed: nameRule)
                    return nil
                }
                var group = Sections.group.read(entry.value, place, &reading)
                group?.name = ByteString(entry.key)
                return group
            }
        }
    )
}

/// What a user or group may be called (product.md, "Authentication").
private func isName(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
}

private let nameRule = "1 to 128 bytes without control characters"

/// What is wrong with a user's name, if something is.
///
/// A login is cut at its first colon (RFC 7617 section 2), so no user has one in the name.
private func problem(withUser name: String) -> String? {
    if ["anyone", "anonymous", "authenticated"].contains(name) {
        return "\(quoted(name)) is a reserved word and cannot be a user"
    }
    let isUser = isName(name) && !name.utf8.contains(UInt8(ascii: ":"))
    return isUser ? nil : "\(quoted(name)) is no user name"
}

extension ValueKind<ByteString> {
    fileprivate static let userName = scalar(
        type: "text",
        range: "1 … 128 bytes",
        allowed: "1 to 128 bytes without colon and control characters"
    ) { text, _ in
        problem(withUser: text).map { .wrong($0) } ?? .value(ByteString(text))
    }
}

extension ValueKind<Subject> {
    fileprivate static let subject = scalar(
        type: "subject",
        allowed: "anyone, anonymous, authenticated, user:NAME or group:NAME"
    ) { text, _ in
        do throws(SubjectError) {
            let subject = try Subject(parsing: ByteString(text))
            if case .user(let name) = subject, let problem = problem(withUser: "\(name)") {
                return .wrong(problem)
            }
            return .value(subject)
        } catch {
            return .explained("\(quoted(text)): \(error)")
        }
    }
}

extension ValueKind<RepositoryPattern> {
    fileprivate static let pattern = scalar(
        type: "pattern",
        allowed: "a pattern of repository names like team/**"
    ) { text, _ in
        do throws(PatternError) {
            return .value(try RepositoryPattern(ByteString(text)))
        } catch {
            return .explained("\(quoted(text)): \(error)")
        }
    }
}

extension ValueKind<Actions> {
    fileprivate static let actions = scalar(
        type: "action",
        range: Actions.names,
        allowed: Actions.names
    ) { text, _ in
        Actions(named: ByteString(text)).map { .value($0) }
            ?? .wrong("\(quoted(text)) is not an action")
    }
}
