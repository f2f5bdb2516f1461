import AccessControl
import Bytes
import ProxyConfig

/// Reads the `acl` of a docker_auth configuration: a list of entries, of which the first that
/// matches decides.
struct DockerAuthReader {
    private(set) var file = ForeignFile()
    private(set) var regions: [Region] = []
    /// Who may list every name, if that can be said.
    var catalog: Region.Grant? {
        guard !catalogWho.isEmpty else { return nil }
        return Region.Grant(id: "", who: catalogWho, except: catalogExcept, actions: [])
    }
    private var catalogWho: [Subject] = []
    private var catalogExcept: [Subject] = []
    let labels: DockerAuthLabels
    /// Of whom an entry has said that they may not.
    private var catalogIsDenied: [Subject] = []

    init(_ root: YAMLNode) {
        labels = DockerAuthLabels(root, ForeignFile())
        for key in ["acl_mongo", "acl_xorm", "ext_authz", "plugin_authz", "casbin_authz"] {
            if let node = root[key] {
                file.note(node, "\(key): not carried over: not in this file")
            }
        }
        guard case .sequence(let entries)? = root["acl"]?.content else { return }
        for (index, entry) in entries.enumerated() { read(entry, number: index + 1) }
        if let users = root["users"] {
            file.note(
                users, "users: passwords are not carried over: put them into an htpasswd file")
        }
    }

    private mutating func read(_ entry: YAMLNode, number: Int) {
        let name = "entry \(number)"
        var reasons: [String] = []
        let kinds = language(entry["match"]?["type"])
        let isForRepositories = kinds.matches("repository")
        var networks: [IPNetwork]?
        if let ip = file.text(entry["match"]?["ip"]) {
            guard let network = Self.network(ByteString(ip)) else {
                file.note(entry, "\(name): not carried over: \(ip) is no address")
                return
            }
            networks = [network]
        }
        if !kinds.isExact { reasons.append("its type is a pattern that cannot be read") }
        if let service = entry["match"]?["service"], !matchesAnything(language(service)) {
            reasons.append("service: this proxy is one service")
        }
        if let service = entry["match"]?["email"] ?? entry["match"]?["team"] {
            reasons.append("\(file.text(service) ?? ""): e-mail and team are not known here")
        }
        let actions = Self.actions(file.texts(entry["actions"]))
        if kinds.matches("registry"), language(entry["match"]?["name"]).matches("catalog") {
            readCatalog(entry, name, networks, gives: actions == .all && reasons.isEmpty)
        }
        guard isForRepositories else { return }
        let comment = file.text(entry["comment"])
        for part in parts(of: entry) {
            let all = reasons + part.reasons
            let region = Region(
                name: name,
                id: part.id(number),
                line: entry.mark.line,
                rank: number,
                who: part.who,
                names: part.names,
                networks: networks,
                isExact: all.isEmpty,
                grants: all.isEmpty && !actions.isEmpty
                    ? [Region.Grant(id: part.id(number), who: part.who, actions: actions)] : [],
                lacking: Actions.single.filter { !actions.contains($0) }
                    .map { ($0, part.who, []) },
                comment: comment
            )
            regions.append(region)
            if !all.isEmpty {
                let consequence = actions.isEmpty ? "denied more widely" : "not carried over"
                file.note(
                    entry,
                    "\(name): \(consequence): \(all.joined(separator: "; "))",
                    about: actions.isEmpty ? [region.idOfDeny] : []
                )
            }
        }
    }

    /// One part of an entry; an entry has several where a label's values are written out.
    private struct Part {
        var who: [Subject]
        var names: NameSet
        var reasons: [String]
        var suffix = ""

        func id(_ number: Int) -> String { "entry-\(number)\(suffix)" }
    }

    private func parts(of entry: YAMLNode) -> [Part] {
        let match = entry["match"]
        let pattern = file.text(match?["name"]).map { DockerAuthPattern(text: ByteString($0)) }
        let asked = pattern?.labels ?? []
        let (who, whoReasons) = subjects(match)
        guard let pattern else {
            return [Part(who: who, names: .everything(isExact: true), reasons: whoReasons)]
        }
        if asked.count == 1, labels.areComplete {
            return labels.values(of: asked[0]).map { value in
                part(match, pattern, label: asked[0], value: value)
            }
        }
        let isGroup = asked.count == 1 && labels.isGroup(asked[0])
        let names = pattern.language { name in
            if name == "account" { return ([.user], true) }
            if isGroup, name.bytes.starts(with: "labels:".utf8) { return ([.group], true) }
            return ([.anything(mayBeEmpty: true)], false)
        }
        .names
        var reasons = whoReasons
        if !names.isExact {
            reasons.append("name: \(pattern.text) is more than our patterns can say")
        }
        if isGroup, match?["account"] == nil, match?["labels"] == nil {
            return [Part(who: [.group("*")], names: names, reasons: reasons)]
        }
        if isGroup { reasons.append("name: a label beside another condition") }
        return [Part(who: who, names: names, reasons: reasons)]
    }

    /// The part of an entry that is about one value of a label in its name.
    private func part(
        _ match: YAMLNode?,
        _ pattern: DockerAuthPattern,
        label: ByteString,
        value: ByteString
    ) -> Part {
        let isPlain = !value.bytes.contains { "*?[\\".utf8.contains($0) }
        let names = pattern.language { name in
            if name == "account" { return ([.user], true) }
            let isLabel = name.bytes.starts(with: "labels:".utf8)
            return isLabel && isPlain
                ? (value.bytes.map { .literal($0) }, true)
                : ([.anything(mayBeEmpty: true)], false)
        }
        .names
        var reasons: [String] = []
        if !names.isExact {
            reasons.append("name: \(pattern.text) is more than our patterns can say")
        }
        var who: [Subject] = [.group(labels.group(label, value))]
        if match?["account"] != nil || match?["labels"] != nil {
            let valueLanguage = GlobLanguage(alternatives: [value.bytes.map { .literal($0) }])
            let (others, otherReasons) = subjects(match, and: (label, valueLanguage))
            who = others
            reasons += otherReasons
        }
        return Part(who: who, names: names, reasons: reasons, suffix: "-\(value)")
    }

    /// Whom an entry is about, never too few, and why not exactly.
    private func subjects(
        _ match: YAMLNode?,
        and more: (label: ByteString, language: GlobLanguage)? = nil
    ) -> (who: [Subject], reasons: [String]) {
        var wanted = file.entries(match?["labels"]).map { entry in
            (label: ByteString(entry.key), language: language(entry.value))
        }
        if let more { wanted.append(more) }
        let account = file.text(match?["account"]).map { DockerAuthPattern(text: ByteString($0)) }
        let accounts = (account?.language ?? .everything).accounts
        guard !wanted.isEmpty else {
            return (accounts.who, accounts.isExact ? [] : ["account: only names can be said"])
        }
        let isAnyAccount =
            accounts.isExact && accounts.who != [.anonymous]
            && (accounts.who == [.anyone] || accounts.who == [.authenticated])
        if labels.areComplete {
            let users = labels.users(with: wanted).filter {
                isAnyAccount || account?.language.matches($0) ?? true
            }
            if isAnyAccount, wanted.count == 1, let value = wanted[0].language.onlyTexts,
                value.count == 1
            {
                return ([.group(labels.group(wanted[0].label, value[0]))], [])
            }
            return (users.map { .user($0) }, [])
        }
        guard isAnyAccount, wanted.count == 1, labels.isGroup(wanted[0].label) else {
            return ([.authenticated], ["labels: only groups can be said, and only alone"])
        }
        let groups = wanted[0].language.groups
        return (
            groups.names.map { .group($0) },
            groups.isExact ? [] : ["labels: the pattern is more than ours can say"]
        )
    }

    private mutating func readCatalog(
        _ entry: YAMLNode,
        _ name: String,
        _ networks: [IPNetwork]?,
        gives: Bool
    ) {
        let (who, reasons) = subjects(entry["match"])
        let algebra = SubjectAlgebra(groups: labels.groups)
        guard gives else {
            catalogIsDenied += algebra.common(who, [.anyone])
            return
        }
        // What an earlier entry gave stays given; an exception of all must not take it away.
        let except = algebra.common(catalogIsDenied, who)
        let isSaid =
            reasons.isEmpty && networks == nil && algebra.common(except, catalogWho).isEmpty
        if isSaid {
            catalogWho += who.filter { !algebra.covers(except, $0) }
            catalogExcept += except.filter { !catalogExcept.contains($0) }
        } else {
            file.note(
                entry,
                "\(name): the right to list every repository is not carried over for all "
                    + "(the catalog shows each user what they may pull)"
            )
        }
    }

    private func language(_ node: YAMLNode?) -> GlobLanguage {
        guard let text = file.text(node) else { return .everything }
        return DockerAuthPattern(text: ByteString(text)).language
    }

    private func matchesAnything(_ language: GlobLanguage) -> Bool {
        language.alternatives.contains { $0 == [.run] || $0 == [.anything(mayBeEmpty: true)] }
    }

    /// One address, or a network; bits behind its prefix count for nothing, as in Go.
    private static func network(_ text: ByteString) -> IPNetwork? {
        do throws(IPNetwork.Problem) {
            return try IPNetwork(parsing: text.span)
        } catch {
            if case .bitsBehindPrefix(let network) = error { return network }
            return nil
        }
    }

    /// A single `*` is everything; among others it is nothing.
    private static func actions(_ words: [String]) -> Actions {
        if words == ["*"] { return .all }
        var actions: Actions = []
        if words.contains("pull") { actions.formUnion(.pull) }
        if words.contains("push") { actions.formUnion(.push) }
        if words.contains("delete") { actions.formUnion(.delete) }
        return actions
    }
}
