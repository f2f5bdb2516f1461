import AccessControl
import Bytes

// The rules of who may do what, as written; `AccessControl` decides with them.

extension Sections {
    static let access = Section(
        initial: Configuration.Access(),
        fields: [
            Field("groups", \.groups, .groups),
            Field("rules", \.rules, .rules),
            Field("server", \.server, .grants),
            Field(
                "tests",
                \.tests,
                .list(of: .ruleTest, mayBeEmpty: true),
                showsDefault: false
            ),
            Field("hide", \.hide, .flag),
            Field("contact", \.contact, .text(upTo: 256)),
            Field("shadow", \.shadow, .file),
        ],
        check: { access, node, _, reading in access.places = AccessPlaces(of: node, reading) }
    )

    static let group = Section(
        initial: GroupDraft(),
        fields: [
            Field("users", \.users, .list(of: .userName, mayBeEmpty: true), showsDefault: false),
            Field(
                "ldap",
                \.ldap,
                .list(of: .directoryGroup, mayBeEmpty: true),
                showsDefault: false
            ),
        ],
        check: { _, node, place, reading in
            guard node["users"] == nil, node["ldap"] == nil else { return }
            let allowed = "users, ldap or both; users: [] for nobody"
            reading.refuse(node.mark, place, "says nothing about its members", allowed: allowed)
        }
    )

    static let rule = Section(
        initial: RuleDraft(),
        fields: [
            Field("id", \.id, .text(upTo: 128), isRequired: true),
            Field("who", \.who, .list(of: .subject), isRequired: true),
            Field("except", \.except, .list(of: .subject)),
            Field("repos", \.repositories, .list(of: .pattern), isRequired: true),
            Field("tags", \.tags, .list(of: .tagPattern)),
            Field("allow", \.allow, .list(of: .actions)),
            Field("deny", \.deny, .list(of: .actions)),
            Field("when", \.when, .section(condition)),
            Field("because", \.because, .text(upTo: 512)),
        ],
        check: checkRule
    )

    static let condition = Section(
        initial: ConditionDraft(),
        fields: [
            Field("from", \.from, .list(of: .network)),
            Field("until", \.until, .lastMoment),
        ],
        check: { _, node, place, reading in
            guard node["from"] == nil, node["until"] == nil else { return }
            reading.refuse(node.mark, place, "restricts nothing", allowed: "from, until or both")
        }
    )

    static let grant = Section(
        initial: GrantDraft(),
        fields: [
            Field("who", \.who, .list(of: .subject), isRequired: true),
            Field("except", \.except, .list(of: .subject)),
            Field("allow", \.allow, .list(of: .serverActions), isRequired: true),
        ],
        check: { grant, node, _, reading in grant.position = reading.position(node.mark) }
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
        if let tags = node["tags"], let wrong = rule.rule.wrongWithTags, rule.tags?.isEmpty == false
        {
            reading.refuse(tags.mark, place.key("tags"), wrong)
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
    var tags: [TagPattern]?
    var allow: [Actions]?
    var deny: [Actions]?
    var when: ConditionDraft?
    var because: String?
    var position = SourcePosition(file: "", line: 1, column: 1)

    var rule: AccessRule {
        AccessRule(
            id: id,
            who: who,
            except: except ?? [],
            repositories: repositories,
            tags: tags,
            effect: deny.map { .deny(Actions($0)) } ?? .allow(Actions(allow ?? [])),
            condition: RuleCondition(from: when?.from ?? [], until: when?.until),
            because: because,
            position: position
        )
    }
}

struct ConditionDraft: Sendable {
    var from: [IPNetwork]?
    var until: Moment?
}

struct GroupDraft: Sendable {
    var users: [ByteString] = []
    var ldap: [DirectoryGroupReference] = []
}

struct GrantDraft: Sendable {
    var who: [Subject] = []
    var except: [Subject]?
    var allow: [ServerActions] = []
    var position = SourcePosition(file: "", line: 1, column: 1)
}

extension ValueKind<[ServerGrant]> {
    /// The list of grants, which have no ids: each is called by its place in the list.
    fileprivate static let grants: ValueKind = {
        let list = ValueKind<[GrantDraft]>.list(of: .section(Sections.grant), mayBeEmpty: true)
        return ValueKind(
            type: list.type,
            allowed: list.allowed,
            keys: list.keys,
            show: { _ in "" },
            read: { node, place, reading in
                list.read(node, place, &reading)?.enumerated().map { index, draft in
                    ServerGrant(
                        index: index,
                        who: draft.who,
                        except: draft.except ?? [],
                        actions: ServerActions(draft.allow),
                        position: draft.position
                    )
                }
            }
        )
    }()
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

extension ValueKind<[WrittenGroup]> {
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
                guard isUserOrGroupName(entry.key) else {
                    reading.refuse(
                        entry.keyMark, place, "is no group name", allowed: userOrGroupNameRule)
                    return nil
                }
                return Sections.group.read(entry.value, place, &reading).map { draft in
                    WrittenGroup(
                        name: ByteString(entry.key),
                        users: draft.users,
                        directoryGroups: draft.ldap
                    )
                }
            }
        }
    )
}
