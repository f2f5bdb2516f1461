import Bytes

// The directory: its keys, and which of them need each other.

extension Sections {
    static let directory = Section(
        initial: Configuration.Directory(),
        fields: [
            Field("servers", \.servers, .list(of: .webAddress([.ldaps, .ldap])), isRequired: true),
            Field("start_tls", \.startTLS, .flag),
            Field("insecure", \.isInsecure, .flag),
            Field("ca", \.ca, .file),
            Field("bind_dn", \.bindDN, .text(upTo: 1024)),
            Field("bind_password_file", \.bindPasswordFile, .secret),
            Field("users", \.users, .section(directoryUsers), isRequired: true),
            Field("groups", \.groups, .section(directoryGroups)),
            Field("timeouts", \.timeouts, .section(directoryTimeouts)),
            Field("stale_while_down", \.staleWhileDown, .duration(.seconds(0) ... .hours(24))),
        ],
        check: checkDirectory
    )

    static let directoryUsers = Section(
        initial: Configuration.DirectoryUsers(),
        fields: [
            Field("base", \.base, .text(upTo: 1024)),
            Field("filter", \.filter, .filter(["{user}"])),
            Field("attribute", \.attribute, .attribute),
            Field("dn", \.dn, .text(upTo: 1024)),
        ],
        check: checkDirectoryUsers
    )

    static let directoryGroups = Section(
        initial: Configuration.DirectoryGroups(),
        fields: [
            Field("strategy", \.strategy, .choice()),
            Field("base", \.base, .text(upTo: 1024)),
            Field("filter", \.filter, .filter(["{dn}", "{user}"])),
            Field("name", \.name, .attribute),
            Field("nested", \.nested, .choice()),
            Field("limit", \.limit, .count(1...10_000)),
        ],
        check: checkDirectoryGroups
    )

    static let directoryTimeouts = Section(
        initial: Configuration.DirectoryTimeouts(),
        fields: [
            Field("connect", \.connect, .duration(shortestAnswer ... .minutes(1))),
            Field("operation", \.operation, .duration(shortestAnswer ... .minutes(5))),
        ]
    )

    private static let shortestAnswer = TimeSpan.milliseconds(100)

    /// A password never crosses a network readable by accident.
    private static func checkDirectory(
        _ directory: inout Configuration.Directory,
        _ node: YAMLNode,
        _ place: KeyPlace,
        _ reading: inout Reading
    ) {
        if let servers = node["servers"] { directory.position = reading.position(servers.mark) }
        let isClear = directory.servers.contains { $0.scheme == .ldap } && !directory.startTLS
        let isEncrypted = directory.servers.contains { $0.scheme == .ldaps }
        if let servers = node["servers"], isClear, !directory.isInsecure {
            reading.refuse(
                servers.mark, place.key("servers"), "would carry passwords unencrypted",
                allowed: "ldaps://, start_tls: true, or insecure: true")
        }
        if let flag = node["insecure"], directory.isInsecure, !isClear, !directory.servers.isEmpty {
            reading.refuse(
                flag.mark, place.key("insecure"), "stands beside TLS", allowed: "one of the two")
        }
        if let flag = node["start_tls"], directory.startTLS, isEncrypted {
            reading.refuse(
                flag.mark, place.key("start_tls"), "stands beside an ldaps:// server",
                allowed: "only with ldap:// servers")
        }
        if let ca = node["ca"], isClear {
            reading.refuse(
                ca.mark, place.key("ca"), "has nothing to check", allowed: "only with TLS")
        }
        let pair = ["bind_dn", "bind_password_file"]
        for (key, other) in [(pair[0], pair[1]), (pair[1], pair[0])] {
            guard let value = node[key], node[other] == nil else { continue }
            reading.refuse(
                value.mark, place.key(key), "stands alone", allowed: "\(other) beside it")
        }
    }

    private static func checkDirectoryUsers(
        _ users: inout Configuration.DirectoryUsers,
        _ node: YAMLNode,
        _ place: KeyPlace,
        _ reading: inout Reading
    ) {
        if let dn = node["dn"], let text = users.dn, !hasPlaces(text, of: ["{user}"]) {
            reading.refuse(
                dn.mark, place.key("dn"), "\(quoted(text)) is no template",
                allowed: "text with {user} in it, and no other braces")
        }
        if users.dn == nil || users.isLoginName, node["base"] == nil {
            reading.refuse(
                node.mark, place.key("base"), "is required",
                allowed: "the name of the entry below which users are, or dn: with {user} in it")
        }
        guard users.dn != nil, !users.isLoginName else { return }
        for key in ["base", "filter"] {
            guard let value = node[key] else { continue }
            reading.refuse(
                value.mark, place.key(key), "stands beside the name of an entry in dn",
                allowed: "one of the two")
        }
    }

    private static func checkDirectoryGroups(
        _ groups: inout Configuration.DirectoryGroups,
        _ node: YAMLNode,
        _ place: KeyPlace,
        _ reading: inout Reading
    ) {
        let searches =
            groups.strategy == .search
            || groups.strategy == .memberOf
                && groups.nested == .chain
        if searches, node["base"] == nil {
            reading.refuse(
                node.mark, place.key("base"), "is required",
                allowed: "the name of the entry below which groups are")
        }
        if let filter = node["filter"], groups.strategy == .search, groups.nested != .off,
            !groups.filter.contains("{dn}")
        {
            reading.refuse(
                filter.mark, place.key("filter"), "finds no groups of groups",
                allowed: "with {dn}, or nested: off")
        }
    }
}

/// Whether `text` has one of `places` in it, and no braces but those of them.
private func hasPlaces(_ text: String, of places: [String]) -> Bool {
    var rest = Array(text.utf8)[...]
    var count = 0
    while let byte = rest.first {
        if let place = places.first(where: { rest.starts(with: $0.utf8) }) {
            rest = rest.dropFirst(place.utf8.count)
            count += 1
        } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") {
            return false
        } else {
            rest.removeFirst()
        }
    }
    return count > 0
}

extension ValueKind<String> {
    /// A search filter with places in it (RFC 4515), as far as its parentheses tell.
    fileprivate static func filter(_ places: [String]) -> ValueKind {
        let shown = places.joined(separator: " or ")
        let allowed = "a filter in parentheses like (uid=x), with \(shown) in it"
        return scalar(type: "filter", range: "with \(shown)", allowed: allowed) { text, _ in
            hasPlaces(text, of: places) && isBalanced(text) && text.utf8.count <= 1024
                ? .value(text) : .wrong("\(quoted(text)) is no such filter")
        }
    }

    /// The name of an attribute (RFC 4512 section 2.5).
    fileprivate static let attribute = scalar(
        type: "attribute",
        allowed: "the name of an attribute like uid"
    ) { text, _ in
        let isName = text.utf8.allSatisfy {
            $0.isASCIILetter || $0.isASCIIDigit || ".-;".utf8.contains($0)
        }
        return isName && (1...128).contains(text.utf8.count)
            ? .value(text) : .wrong("\(quoted(text)) is no name of an attribute")
    }
}

/// Whether the first parenthesis is closed by the last.
private func isBalanced(_ text: String) -> Bool {
    var depth = 0
    for (index, byte) in text.utf8.enumerated() {
        if byte == UInt8(ascii: "(") { depth += 1 }
        if byte == UInt8(ascii: ")") { depth -= 1 }
        let isLast = index == text.utf8.count - 1
        if depth < 0 || depth == 0 && !isLast { return false }
    }
    return depth == 0 && !text.isEmpty
}

extension ValueKind<[Configuration.LoginSource]> {
    /// A list of sources. One that is left out is asked never.
    static let loginOrder: ValueKind = {
        let list = ValueKind<[Configuration.LoginSource]>.list(of: .choice())
        return ValueKind(
            type: list.type,
            range: list.range,
            allowed: list.allowed,
            show: list.show,
            read: { node, place, reading in
                guard let sources = list.read(node, place, &reading) else { return nil }
                if Set(sources).count < sources.count {
                    let allowed = "each source once"
                    reading.refuse(node.mark, place, "names a source twice", allowed: allowed)
                }
                return sources
            }
        )
    }()
}
