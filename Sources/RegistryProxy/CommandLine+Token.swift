import Bytes

struct TokenOptions: Equatable {
    enum Action: Equatable {
        case mint(TokenWish)
        case list(owner: ByteString?)
        case revoke(id: ByteString)
    }

    var action: Action
    var configuration = Command.defaultConfiguration
    var isJSON = false
}

/// A token as it was asked for, unchecked.
struct TokenWish: Equatable {
    var owner: ByteString
    var name: ByteString
    var actions: [ByteString]
    var repositories: [ByteString]
    var tags: [ByteString]
    var networks: [ByteString]
    var expires: ByteString
}

extension Command {
    /// `token mint|list|revoke`.
    static func token(_ words: [String]) throws(UsageError) -> Command {
        let wishes: Set = [
            "--name", "--actions", "--repositories", "--tags", "--networks", "--expires",
        ]
        let parsed = try Arguments(
            words,
            options: wishes.union(["--config", "--owner"]),
            flags: ["--json"],
            topic: .token
        )
        if parsed.asksForHelp { return .help(.token) }
        let action: TokenOptions.Action
        switch parsed.names.first {
        case "mint":
            try parsed.refuseNames(after: 1)
            action = .mint(try wish(parsed))
        case "list":
            try parsed.refuseNames(after: 1)
            action = .list(owner: parsed.options["--owner"].map { ByteString($0) })
        case "revoke":
            guard let id = parsed.names.dropFirst().first else { throw wrong("revoke needs an ID") }
            try parsed.refuseNames(after: 2)
            action = .revoke(id: ByteString(id))
        case nil: throw wrong("no action (mint, list, revoke)")
        case let word?: throw wrong("unknown action \"\(word)\"")
        }
        if case .mint = action {
        } else if let surplus = parsed.options.keys.filter(wishes.contains).min() {
            throw wrong("\(surplus) belongs to mint")
        }
        return .token(
            TokenOptions(
                action: action,
                configuration: parsed.options["--config"] ?? defaultConfiguration,
                isJSON: parsed.flags.contains("--json")
            )
        )
    }

    private static func wrong(_ message: String) -> UsageError {
        UsageError(message: message, topic: .token)
    }

    private static func wish(_ parsed: Arguments) throws(UsageError) -> TokenWish {
        func required(_ name: String) throws(UsageError) -> ByteString {
            guard let value = parsed.options[name] else { throw wrong("mint needs \(name)") }
            return ByteString(value)
        }
        func list(_ name: String) -> [ByteString] { parsed.options[name].map(entries) ?? [] }
        let owner = try required("--owner")
        let name = try required("--name")
        _ = try required("--actions")
        _ = try required("--repositories")
        return TokenWish(
            owner: owner,
            name: name,
            actions: list("--actions"),
            repositories: list("--repositories"),
            tags: list("--tags"),
            networks: list("--networks"),
            expires: try required("--expires")
        )
    }

    /// What stands between commas; those inside of braces are part of a pattern.
    private static func entries(_ text: String) -> [ByteString] {
        var entries: [[UInt8]] = [[]]
        var depth = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "}") { depth -= 1 }
            if byte == UInt8(ascii: ","), depth <= 0 {
                entries.append([])
            } else {
                entries[entries.count - 1].append(byte)
            }
        }
        return entries.map { ByteString($0) }
    }
}
