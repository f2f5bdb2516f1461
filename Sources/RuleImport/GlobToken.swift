import AccessControl
import Bytes

/// One step of a foreign pattern, whether it was a glob or a regular expression.
enum GlobToken: Hashable {
    case literal(UInt8)
    /// One character other than `/`.
    case one
    /// Any number of characters other than `/`.
    case run
    /// Any number of characters, `/` too; at least one if not `mayBeEmpty`.
    case anything(mayBeEmpty: Bool)
    /// The user's name.
    case user
    /// A name of a group that the user is in.
    case group
}

/// The texts that a foreign pattern matches, as alternatives.
struct GlobLanguage {
    var alternatives: [[GlobToken]]
    /// Whether the pattern meant no text less.
    var isExact = true

    static let everything = GlobLanguage(alternatives: [[.anything(mayBeEmpty: true)]])
    static let anythingInexact = GlobLanguage(
        alternatives: [[.anything(mayBeEmpty: true)]],
        isExact: false
    )

    /// A pattern of one name may become this many of ours.
    static let limit = 64

    /// The only text, if there is no other.
    var onlyTexts: [ByteString]? {
        var texts: [ByteString] = []
        for tokens in alternatives {
            var bytes: [UInt8] = []
            for token in tokens {
                guard case .literal(let byte) = token else { return nil }
                bytes.append(byte)
            }
            texts.append(ByteString(bytes))
        }
        return texts
    }

    /// Whether it matches `text`; variables match anything.
    func matches(_ text: ByteString) -> Bool {
        alternatives.contains { Self.matches($0[...], text.bytes[...]) }
    }

    private static func matches(_ tokens: ArraySlice<GlobToken>, _ text: ArraySlice<UInt8>) -> Bool
    {
        guard let token = tokens.first else { return text.isEmpty }
        let rest = tokens.dropFirst()
        switch token {
        case .literal(let byte): return text.first == byte && matches(rest, text.dropFirst())
        case .one:
            return !text.isEmpty && text.first != UInt8(ascii: "/")
                && matches(rest, text.dropFirst())
        case .run, .anything, .user, .group:
            let isShort = token == .run
            let least = token == .anything(mayBeEmpty: false) && text.isEmpty ? 1 : 0
            for count in least...max(least, text.count) {
                if count > text.count { return false }
                let taken = text.prefix(count)
                if isShort, taken.contains(UInt8(ascii: "/")) { return false }
                if token == .anything(mayBeEmpty: false), count == 0 { continue }
                if matches(rest, text.dropFirst(count)) { return true }
            }
            return false
        }
    }
}

extension GlobLanguage {
    /// The repository names among the texts.
    var names: NameSet {
        var patterns: [RepositoryPattern] = []
        var isExact = isExact
        for tokens in alternatives {
            let (texts, isSame) = Self.patternTexts(Self.merged(tokens))
            isExact = isExact && isSame
            for text in texts where !patterns.contains(where: { $0.text == text }) {
                // A capital letter, an empty part, `..`: it matches no name, and is left out.
                guard let pattern = try? RepositoryPattern(text),
                    NameSearch.shortest(matching: [pattern]) != .none
                else { continue }
                patterns.append(pattern)
            }
        }
        guard patterns.count <= Self.limit else { return .everything(isExact: false) }
        return NameSet(patterns: patterns, isExact: isExact)
    }

    /// Neighbours that take anything become one.
    private static func merged(_ tokens: [GlobToken]) -> [GlobToken] {
        var merged: [GlobToken] = []
        for token in tokens {
            switch (merged.last, token) {
            case (.anything(let mayBeEmpty)?, .anything(let mayBeEmptyToo)):
                merged.removeLast()
                merged.append(.anything(mayBeEmpty: mayBeEmpty && mayBeEmptyToo))
            case (.anything?, .run), (.run?, .run): break
            case (.run?, .anything):
                merged.removeLast()
                merged.append(token)
            default: merged.append(token)
            }
        }
        return merged
    }

    /// Our patterns for one alternative, and whether they mean the same.
    private static func patternTexts(_ tokens: [GlobToken]) -> (texts: [ByteString], isExact: Bool)
    {
        var texts: [[UInt8]] = [[]]
        var isExact = true
        for (index, token) in tokens.enumerated() {
            let isFirst = index == 0 || tokens[index - 1] == .slash
            let isLast = index == tokens.count - 1
            let isWhole = isFirst && (isLast || tokens[index + 1] == .slash)
            let choices: [String]
            switch token {
            case .literal(let byte):
                texts = texts.map { $0 + [isInNames(byte) ? byte : UInt8(ascii: "A")] }
                continue
            case .one: choices = ["?"]
            case .run: choices = ["*"]
            case .anything where isWhole: choices = [isLast ? "**" : "*/**"]
            case .anything(mayBeEmpty: true) where isFirst: choices = ["**/*"]
            case .anything(mayBeEmpty: true): choices = ["*", isLast ? "*/**" : "*/**/*"]
            case .anything: choices = ["?*", isLast ? "*/**" : "*/**/*"]
            case .user where isWhole: choices = ["{user}"]
            case .group where isWhole: choices = ["{group}"]
            case .user, .group:
                choices = ["*"]
                isExact = false
            }
            texts = texts.flatMap { text in choices.map { text + Array($0.utf8) } }
            if texts.count > limit { return ([ByteString("**")], false) }
        }
        return (texts.map { ByteString($0) }, isExact)
    }

    /// What a name can hold; anything else becomes a capital letter, which no name has either.
    private static func isInNames(_ byte: UInt8) -> Bool {
        byte.isASCIILowercase || byte.isASCIIDigit || "._-/".utf8.contains(byte)
    }
}

extension GlobToken {
    fileprivate static let slash = GlobToken.literal(UInt8(ascii: "/"))
}
