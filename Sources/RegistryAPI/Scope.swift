public import Bytes

/// What a token is asked for, or asked to be for: `repository:team/app:pull,push`
/// (distribution specification, "Token scope documentation").
public struct Scope: Sendable, Hashable {
    /// `repository` or `registry`; others are understood and give nothing. A class behind it, as in
    /// `repository(plugin)`, is left out.
    public let type: ByteString
    /// Not checked: it may be no name of a repository, and then gives nothing.
    public let name: ByteString
    /// `pull`, `push`, `delete`, `*` and whatever else somebody may ask for.
    public let actions: [ByteString]

    public init(type: ByteString, name: ByteString, actions: [ByteString]) {
        self.type = type
        self.name = name
        self.actions = actions
    }

    /// What listing all repositories takes.
    public static let catalog = Scope(type: "registry", name: "catalog", actions: ["*"])

    /// The name may hold colons itself, before a port for one: it ends at the last of them.
    ///
    /// - Returns: `nil` if there are no two colons, or type or name are empty.
    public init?(parsing text: borrowing Span<UInt8>) {
        guard let first = text.firstIndex(of: UInt8(ascii: ":")),
            let last = text.lastIndex(of: UInt8(ascii: ":")), first > 0, last > first + 1
        else { return nil }
        var typeEnd = first
        if let bracket = text.extracting(0..<first).firstIndex(of: UInt8(ascii: "(")) {
            guard bracket > 0, text[first - 1] == UInt8(ascii: ")") else { return nil }
            typeEnd = bracket
        }
        type = ByteString(copying: text.extracting(0..<typeEnd))
        name = ByteString(copying: text.extracting(first + 1..<last))
        actions =
            ByteString(copying: text.extracting(last + 1..<text.count)).bytes
            .split(separator: UInt8(ascii: ",")).map { ByteString(Array($0)) }
    }

    /// As a challenge and a request for a token write it.
    public var text: ByteString {
        let list = actions.map(\.bytes).joined(separator: [UInt8(ascii: ",")])
        return ByteString(
            type.bytes + [UInt8(ascii: ":")] + name.bytes + [UInt8(ascii: ":")] + list)
    }

    /// Several, with blanks between them; surplus blanks do not count.
    ///
    /// - Returns: `nil` if one of them is none.
    public static func list(_ text: ByteString) -> [Scope]? {
        let words = text.bytes.split(separator: UInt8(ascii: " "))
        let scopes = words.compactMap { Scope(parsing: Array($0).span) }
        return scopes.count == words.count ? scopes : nil
    }
}

extension RegistryOperation {
    /// What a token needs to carry for the operation, as a challenge names it; empty where any
    /// login will do.
    public var scopes: [Scope] {
        switch requiredAccess {
        case .nothing, .login: []
        case .listing: [.catalog]
        case .pull(let name): [Scope(name, "pull")]
        case .create(let name), .createOrOverwrite(let name): [Scope(name, "pull", "push")]
        case .delete(let name): [Scope(name, "delete")]
        case .mount(let name, let from): [Scope(name, "pull", "push"), Scope(from, "pull")]
        }
    }
}

extension Scope {
    fileprivate init(_ repository: RepositoryName, _ actions: ByteString...) {
        self.init(type: "repository", name: repository.bytes, actions: actions)
    }
}
