public import AccessControl
public import Bytes
public import RegistryAPI

/// What a token is for. It never gives a right: the rules are asked at each use, too.
public struct TokenAccess: Sendable, Hashable {
    /// In the order in which they were asked for; no repository twice.
    public private(set) var repositories: [Repository] = []
    /// Whether repositories may be listed.
    public private(set) var listsCatalog = false

    public struct Repository: Sendable, Hashable {
        public let name: ByteString
        public internal(set) var actions: Actions
    }

    public init() {}

    /// Adds to what is there, and nothing where there are no actions.
    public mutating func allow(_ actions: Actions, on repository: ByteString) {
        guard !actions.isEmpty else { return }
        if let index = repositories.firstIndex(where: { $0.name == repository }) {
            repositories[index].actions.formUnion(actions)
        } else {
            repositories.append(Repository(name: repository, actions: actions))
        }
    }

    public mutating func allowCatalog() { listsCatalog = true }

    /// Whether the token is for all that `scopes` name.
    public func covers(_ scopes: [Scope]) -> Bool {
        scopes.allSatisfy { scope in
            if scope.type == "registry" { return scope.name == "catalog" && listsCatalog }
            let wanted = Actions(scope)
            var there = repositories.first { $0.name == scope.name }?.actions ?? []
            // Whoever may push may look whether it is there.
            if !there.isDisjoint(with: .push) { there.formUnion(.pull) }
            return there.isSuperset(of: wanted)
        }
    }

    /// In the words of clients.
    public var scopes: [Scope] {
        let list = repositories.map {
            Scope(type: "repository", name: $0.name, actions: $0.actions.scopeWords)
        }
        return listsCatalog ? list + [.catalog] : list
    }
}

extension Actions {
    /// What a scope on a repository asks for.
    public init(_ scope: Scope) {
        self = []
        for word in scope.actions { formUnion(Actions(scopeWord: word.span)) }
    }

    /// None for a word that means nothing here.
    init(scopeWord word: borrowing Span<UInt8>) {
        if word.elementsEqual("pull") {
            self = .pull
        } else if word.elementsEqual("push") {
            self = .push
        } else if word.elementsEqual("delete") {
            self = .delete
        } else if word.elementsEqual("*") {
            self = .all
        } else {
            self = []
        }
    }

    /// `push` stands for either part of it.
    var scopeWords: [ByteString] {
        var words: [ByteString] = []
        if contains(.pull) { words.append("pull") }
        if !isDisjoint(with: .push) { words.append("push") }
        if contains(.delete) { words.append("delete") }
        return words
    }
}
