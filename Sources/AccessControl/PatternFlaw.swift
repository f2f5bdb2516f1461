import Bytes
import RegistryAPI

extension RepositoryPattern {
    /// Why no repository name can match, for people; `nil` if some name can.
    public var flaw: String? {
        var parser = PatternParser(text.bytes)
        guard let whole = try? parser.parse(), !parser.automaton.matchesSomeName(whole) else {
            return nil
        }
        return Self.flaw(in: text.bytes) ?? "no repository name looks like that"
    }

    /// The first thing that stands in no repository name.
    private static func flaw(in text: [UInt8]) -> String? {
        if text.first == UInt8(ascii: "/") {
            return "leading '/' (repository names begin with their first part: team/app)"
        }
        for (index, byte) in text.enumerated() {
            let next = index + 1 < text.count ? text[index + 1] : nil
            switch byte {
            case _ where byte.isASCIIUppercase:
                return "capital letter \(shown(byte)) at \(index + 1); no repository name has one "
                    + "(a-z, 0-9, '.', '_', '-', '/')"
            case UInt8(ascii: "%"):
                return "'%' at \(index + 1); names are never percent-encoded"
                    + " (a-z, 0-9, '.', '_', '-', '/')"
            case UInt8(ascii: "/") where next == nil:
                return "trailing '/' (for everything below write \"/**\")"
            case UInt8(ascii: "/") where next == UInt8(ascii: "/"):
                return "\"//\" at \(index + 1) (no repository name has an empty part)"
            case UInt8(ascii: ".") where next == UInt8(ascii: "."):
                return "\"..\" at \(index + 1) (no repository name has two dots in a row)"
            case _ where byte.isASCIILowercase || byte.isASCIIDigit: break
            default:
                if "/._-*?{},".utf8.contains(byte) { break }
                return "\(shown(byte)) at \(index + 1) stands in no repository name and is no "
                    + "wildcard (a-z, 0-9, '.', '_', '-', '/'; '*', '**', '?', {a,b}, {user}, "
                    + "{group})"
            }
        }
        return nil
    }
}

extension PatternAutomaton {
    /// Whether there is a repository name that `whole` takes: a walk over the pairs of a state of
    /// the pattern and a place in the grammar of names.
    func matchesSomeName(_ whole: Fragment) -> Bool {
        var seen: Set<Int> = []
        var fresh: [(state: Int, place: NamePlace)] = []
        func reach(_ states: StateSet, _ place: NamePlace) {
            for state in tokens.indices where states.contains(state) {
                let pair = state * NamePlace.allCases.count + place.rawValue
                if seen.insert(pair).inserted { fresh.append((state, place)) }
            }
        }
        reach(whole.first, .partStart)
        while let (state, place) = fresh.popLast() {
            for byte in NamePlace.alphabet where tokens[state].takes(byte) {
                guard let next = place.after(byte) else { continue }
                if whole.last.contains(state), next == .insideWord { return true }
                reach(follow[state], next)
            }
        }
        return false
    }
}

extension PatternToken {
    /// Whether the token may stand for `byte`, a variable for a letter of its value.
    fileprivate func takes(_ byte: UInt8) -> Bool {
        switch self {
        case .byte(let own): own == byte || own.stands(for: byte)
        case .inPart: byte != UInt8(ascii: "/")
        case .any: true
        case .user, .group: byte == NamePlace.letter
        }
    }
}

extension UInt8 {
    fileprivate func stands(for byte: UInt8) -> Bool {
        byte == NamePlace.letter && (isASCIILowercase || isASCIIDigit)
    }
}

/// A place in the grammar of repository names, as in `RepositoryName`: what may come next.
private enum NamePlace: Int, CaseIterable {
    /// Behind `/`, `.` or `__`, or at the beginning: a letter or digit must follow.
    case partStart
    /// Behind a letter or digit; a name may end here.
    case insideWord
    case afterUnderscore
    case afterDash

    /// Stands for every letter and digit.
    static let letter = UInt8(ascii: "a")
    static let alphabet = Array("a/._-".utf8)

    func after(_ byte: UInt8) -> NamePlace? {
        if byte == Self.letter { return .insideWord }
        switch (self, byte) {
        case (.insideWord, UInt8(ascii: "/")), (.insideWord, UInt8(ascii: ".")): return .partStart
        case (.insideWord, UInt8(ascii: "_")): return .afterUnderscore
        case (.afterUnderscore, UInt8(ascii: "_")): return .partStart
        case (.insideWord, UInt8(ascii: "-")), (.afterDash, UInt8(ascii: "-")): return .afterDash
        default: return nil
        }
    }
}
