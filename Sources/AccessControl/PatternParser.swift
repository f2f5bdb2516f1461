import Bytes

/// Reads a pattern of repository names or of tags.
///
/// Whatever is no wildcard is literal, also where no repository name has it: that is for the lint
/// to tell (`RepositoryPattern.flaw`). A tag has no parts, so `/`, `**` and variables are refused.
struct PatternParser {
    private let text: [UInt8]
    private let domain: Domain
    private var position = 0
    private(set) var automaton = PatternAutomaton()

    typealias Fragment = PatternAutomaton.Fragment

    /// What is matched against the pattern.
    enum Domain { case repositories, tags }

    init(_ text: [UInt8], over domain: Domain = .repositories) {
        self.text = text
        self.domain = domain
    }

    mutating func parse() throws(PatternError) -> Fragment {
        guard !text.isEmpty else { throw .empty }
        guard text.count <= RepositoryPattern.longest else { throw .tooLong }
        return try sequence(isAlternative: false, startsPart: true, follower: .end)
    }

    /// What comes behind an element or an alternative.
    private enum Follower { case end, slash, more }

    /// Everything up to the end, or to the end of the alternative.
    private mutating func sequence(
        isAlternative: Bool,
        startsPart: Bool,
        follower: Follower
    ) throws(PatternError) -> Fragment {
        let start = position
        var startsPart = startsPart
        var fragment = Fragment.nothing
        while position < text.count {
            let byte = text[position]
            if isAlternative, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") { break }
            let element: Fragment
            switch byte {
            case UInt8(ascii: "/") where domain == .repositories:
                if isAlternative, position == start {
                    throw .slashAtEdgeOfAlternative(at: position + 1)
                }
                element = take(.byte(byte))
            case UInt8(ascii: "*") where isNext("*", at: position + 1):
                element = try doubleStar(startsPart, follower)
            case UInt8(ascii: "*"):
                position += 1
                element = automaton.repeated(.inPart, orNothing: true)
            case UInt8(ascii: "?"):
                element = take(.inPart)
            case UInt8(ascii: "{"):
                element = try braces(startsPart, follower)
            default:
                try checkLiteral(byte)
                element = take(.byte(byte))
            }
            startsPart = text[position - 1] == UInt8(ascii: "/")
            fragment = automaton.joined(fragment, element)
        }
        if position == start { throw .emptyAlternative(at: position + 1) }
        if isAlternative, text[position - 1] == UInt8(ascii: "/") {
            throw .slashAtEdgeOfAlternative(at: position)
        }
        return fragment
    }

    private mutating func take(_ token: PatternToken) -> Fragment {
        position += 1
        return automaton.single(token)
    }

    private func isNext(_ scalar: Unicode.Scalar, at index: Int) -> Bool {
        index < text.count && text[index] == UInt8(ascii: scalar)
    }

    /// What stands at `index`, given what follows the whole sequence.
    private func follower(at index: Int, _ outer: Follower) -> Follower {
        guard index < text.count else { return outer }
        switch text[index] {
        case UInt8(ascii: "/"): return .slash
        case UInt8(ascii: ","), UInt8(ascii: "}"): return outer
        default: return .more
        }
    }

    private func checkLiteral(_ byte: UInt8) throws(PatternError) {
        if byte == UInt8(ascii: "}") { throw .closingBrace(at: position + 1) }
        if domain == .tags, !byte.isInTag { throw .strangeByteInTag(byte, at: position + 1) }
    }

    /// `**`, which is a whole part. With the slash behind it, it may also match nothing.
    private mutating func doubleStar(
        _ startsPart: Bool,
        _ outer: Follower
    ) throws(PatternError) -> Fragment {
        let at = position + 1
        guard domain == .repositories else { throw .doubleStarInTag(at: at) }
        let next = follower(at: position + 2, outer)
        guard startsPart, next != .more else { throw .doubleStarInsidePart(at: at) }
        let isInside = !isNext("/", at: position + 2)
        position += 2
        if isInside {
            guard next == .end else { throw .doubleStarEndsAlternative(at: at) }
            return automaton.repeated(.any, orNothing: false)
        }
        let parts = automaton.repeated(.any, orNothing: false)
        var element = automaton.joined(parts, take(.byte(UInt8(ascii: "/"))))
        element.isNullable = true
        return element
    }

    /// `{user}`, `{group}` or `{x,y}`.
    private mutating func braces(
        _ startsPart: Bool,
        _ outer: Follower
    ) throws(PatternError) -> Fragment {
        let at = position + 1
        if let end = end(ofVariable: "{user}") {
            return try variable(.user, end, startsPart, outer)
        }
        if let end = end(ofVariable: "{group}") {
            return try variable(.group, end, startsPart, outer)
        }
        guard let close = closingBrace() else { throw .openBrace(at: at) }
        let follower = follower(at: close + 1, outer)
        var choice: Fragment?
        var count = 0
        repeat {
            position += 1
            let alternative = try sequence(
                isAlternative: true,
                startsPart: startsPart,
                follower: follower
            )
            choice = choice.map { automaton.either($0, alternative) } ?? alternative
            count += 1
        } while position < close
        position = close + 1
        guard let choice, count > 1 else { throw .loneAlternative(at: at) }
        return choice
    }

    private mutating func variable(
        _ token: PatternToken,
        _ end: Int,
        _ startsPart: Bool,
        _ outer: Follower
    ) throws(PatternError) -> Fragment {
        guard domain == .repositories else { throw .variableInTag(at: position + 1) }
        guard startsPart, follower(at: end, outer) != .more else {
            throw .variableInsidePart(at: position + 1)
        }
        position = end
        return automaton.repeated(token, orNothing: false)
    }

    /// The position behind `variable`, if it stands here.
    private func end(ofVariable variable: String) -> Int? {
        text[position...].starts(with: variable.utf8) ? position + variable.utf8.count : nil
    }

    /// The position of the brace that closes the one here.
    private func closingBrace() -> Int? {
        var depth = 0
        for index in position..<text.count {
            if text[index] == UInt8(ascii: "{") { depth += 1 }
            if text[index] == UInt8(ascii: "}") { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }
}

extension UInt8 {
    fileprivate var isInTag: Bool {
        isASCIILetter || isASCIIDigit || "._-".utf8.contains(self)
    }
}
