import AccessControl
import Bytes
import ProxyConfig

/// Reads the `http.accessControl` of a zot configuration: a table of patterns, of which the longest
/// that matches a repository decides, and a policy for administrators that holds everywhere.
struct ZotReader {
    private(set) var file = ForeignFile()
    private(set) var regions: [Region] = []
    private(set) var administrators: [Region.Grant] = []
    private(set) var groups: [ByteString: [ByteString]] = [:]

    /// Keys of the table that are no patterns; older files have the patterns beside them.
    private static let ownKeys: Set = ["repositories", "adminPolicy", "groups", "metrics"]

    /// - Returns: `nil` if there is no `accessControl`.
    init?(_ root: YAMLNode) {
        let sections = [root["http"]?["accessControl"], root["accessControl"], root]
        let isBare = root["repositories"] != nil || root["adminPolicy"] != nil
        guard let section = sections.dropLast(isBare ? 0 : 1).compactMap(\.self).first else {
            return nil
        }
        for entry in file.entries(section["groups"]) {
            let members = file.texts(entry.value["users"]).map { ByteString($0) }
            groups[ByteString(entry.key)] = members.filter { file.user($0) != nil }
        }
        let auth = root["http"]?["auth"]
        if !groups.isEmpty, let directory = auth?["ldap"] ?? auth?["openid"] {
            let text = "groups: of those written here, only the users written here are members"
            file.note(directory, text)
        }
        if let metrics = section["metrics"] {
            file.note(metrics, "metrics: not carried over: these are on a listener of their own")
        }
        let tables = [
            section["repositories"], isBare || section["repositories"] != nil ? nil : section,
        ]
        for table in tables {
            for entry in file.entries(table) where !Self.ownKeys.contains(entry.key) {
                readPattern(entry)
            }
        }
        readAdministrators(section["adminPolicy"])
        noteTies()
    }

    private mutating func readPattern(_ entry: YAMLEntry) {
        let table = entry.value
        let number = regions.count + 1
        var hasVariable = false
        let language = GoGlob.read(ByteString(entry.key), isDoubleStar: true) { rest in
            guard rest.starts(with: "${username}".utf8) else { return nil }
            return ([.user], "${username}".utf8.count, true)
        }
        hasVariable = language.alternatives.contains { $0.contains(.user) }
        let names = language.names
        let name = "pattern \"\(entry.key)\""
        if !names.isExact {
            file.note(table, "\(name): not carried over: it is more than our patterns can say")
        }
        let policies = readPolicies(table, name, number)
        let named = policies.flatMap(\.who)
        let defaultID = "zot-\(number)-default"
        let anonymousID = "zot-\(number)-anonymous"
        let byDefault = actions(table["defaultPolicy"], table, name, defaultID)
        let anonymously = actions(table["anonymousPolicy"], table, name, anonymousID)
        noteDefaultForNamed(table, name, defaultID, byDefault, policies)
        var grants = policies
        if !byDefault.isEmpty {
            grants.append(
                Region.Grant(
                    id: defaultID,
                    who: [.authenticated],
                    except: named,
                    actions: byDefault
                )
            )
        }
        if !anonymously.isEmpty {
            grants.append(
                Region.Grant(
                    id: anonymousID,
                    who: [.anonymous],
                    actions: anonymously
                )
            )
        }
        regions.append(
            Region(
                name: name,
                id: "pattern-\(entry.key)",
                line: entry.keyMark.line,
                rank: hasVariable ? nil : -entry.key.utf8.count,
                who: [.anyone],
                names: names,
                networks: nil,
                isExact: names.isExact,
                grants: names.isExact
                    ? grants.filter { !$0.who.isEmpty && !$0.actions.isEmpty } : [],
                lacking: lacking(policies, byDefault, anonymously)
            )
        )
    }

    private mutating func readPolicies(
        _ table: YAMLNode,
        _ name: String,
        _ number: Int
    ) -> [Region.Grant] {
        guard case .sequence(let nodes)? = table["policies"]?.content else { return [] }
        var grants: [Region.Grant] = []
        for (index, node) in nodes.enumerated() {
            let id = "zot-\(number)-policy-\(index + 1)"
            if node["conditions"] != nil {
                file.note(node, "\(name): policy \(index + 1) is not carried over: conditions")
                // Whoever it names is still not under the default policy.
                grants.append(
                    Region.Grant(id: "", who: subjects(node, name, id), actions: [])
                )
                continue
            }
            grants.append(
                Region.Grant(
                    id: id,
                    who: subjects(node, name, id),
                    actions: actions(node["actions"], node, name, id)
                )
            )
        }
        return grants
    }

    /// - Parameter id: of the rule that is made of the policy.
    private mutating func subjects(
        _ node: YAMLNode,
        _ name: String,
        _ id: String
    ) -> [Subject] {
        var subjects: [Subject] = []
        for text in file.texts(node["users"]) {
            if let user = file.user(ByteString(text)) {
                subjects.append(user)
            } else {
                file.note(node, "\(name): \(text) cannot be a user here", about: [id])
            }
        }
        for text in file.texts(node["groups"]) {
            if text.isEmpty || text.utf8.contains(UInt8(ascii: "*")) {
                file.note(node, "\(name): \(text) cannot be a group here", about: [id])
            } else {
                subjects.append(.group(ByteString(text)))
            }
        }
        return subjects
    }

    private mutating func actions(
        _ list: YAMLNode?,
        _ node: YAMLNode,
        _ name: String,
        _ id: String
    ) -> Actions {
        var actions: Actions = []
        for word in file.texts(list) {
            switch word {
            case "read": actions.formUnion(.pull)
            case "create": actions.formUnion(.create)
            case "update": actions.formUnion(.overwrite)
            case "delete": actions.formUnion(.delete)
            case "detectManifestCollision":
                file.note(
                    node,
                    "\(name): detectManifestCollision is not carried over: deleting by digest "
                        + "always needs the right to delete each of its tags",
                    about: [id]
                )
            default: file.note(node, "\(name): \(word) is no action", about: [id])
            }
        }
        return actions
    }

    /// For each action, whom the pattern leaves without it.
    private func lacking(
        _ policies: [Region.Grant],
        _ byDefault: Actions,
        _ anonymously: Actions
    ) -> [(action: Actions, who: [Subject], except: [Subject])] {
        Actions.single.compactMap { action in
            let given = policies.filter { $0.actions.contains(action) }.flatMap(\.who)
            var who: [Subject] = []
            if byDefault.contains(action) {
                who = policies.flatMap(\.who).filter { !given.contains($0) }
                if !anonymously.contains(action) { who.append(.anonymous) }
            } else {
                who = anonymously.contains(action) ? [.authenticated] : [.anyone]
            }
            return who.isEmpty ? nil : (action, who, given)
        }
    }

    /// The documentation gives the default policy to those whom no policy names.
    private mutating func noteDefaultForNamed(
        _ table: YAMLNode,
        _ name: String,
        _ id: String,
        _ byDefault: Actions,
        _ policies: [Region.Grant]
    ) {
        let isWider = policies.contains { !byDefault.subtracting($0.actions).isEmpty }
        guard isWider else { return }
        file.note(
            table,
            "\(name): whom a policy names is not given the default policy, as zot documents it",
            about: [id]
        )
    }

    private mutating func readAdministrators(_ node: YAMLNode?) {
        guard let node else { return }
        let id = "zot-admin"
        let who = subjects(node, "adminPolicy", id)
        let actions = actions(node["actions"], node, "adminPolicy", id)
        guard !who.isEmpty, !actions.isEmpty else { return }
        administrators.append(Region.Grant(id: id, who: who, actions: actions))
    }

    /// Of equally long patterns zot takes either.
    private mutating func noteTies() {
        for (index, region) in regions.enumerated() {
            for other in regions[(index + 1)...]
            where other.mayDecideBefore(region) && region.mayDecideBefore(other)
                && region.overlapsPlace(of: other)
            {
                file.notes.append(
                    ImportNote(
                        line: other.line,
                        text: "\(region.name) and \(other.name): which one decides is not certain; "
                            + "only what both give is given",
                        rules: [region.idOfDeny, other.idOfDeny]
                    )
                )
            }
        }
    }
}
