import Bytes

/// Reads a pattern. Refuses what can match no repository name, because such a rule is a mistake
/// that nobody would notice.
struct PatternParser {
    private let text: [UInt8]
    private var position = 0
    private(set) var automaton = PatternAutomaton()

    typealias Fragment = PatternAutomaton.Fragment

    init(_ text: [UInt8]) { self.text = text }

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
            case UInt8(ascii: "/"):
                try checkSlash(startsPart, first: position == start, isAlternative)
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
        if startsPart {
            throw isAlternative ? .slashAtEdgeOfAlternative(at: position) : .trailingSlash
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

    private func checkSlash(
        _ startsPart: Bool,
        first: Bool,
        _ isAlternative: Bool
    ) throws(PatternError) {
        if first, isAlternative { throw .slashAtEdgeOfAlternative(at: position + 1) }
        if first { throw .leadingSlash }
        if startsPart { throw .emptyPart(at: position) }
    }

    private func checkLiteral(_ byte: UInt8) throws(PatternError) {
        switch byte {
        case UInt8(ascii: "."):
            if isNext(".", at: position + 1) { throw .dotDot(at: position + 1) }
        case UInt8(ascii: "_"), UInt8(ascii: "-"): break
        case UInt8(ascii: "}"): throw .closingBrace(at: position + 1)
        case UInt8(ascii: "%"): throw .percent(at: position + 1)
        case _ where byte.isASCIIUppercase: throw .capitalLetter(byte, at: position + 1)
        case _ where byte.isASCIILowercase || byte.isASCIIDigit: break
        default: throw .strangeByte(byte, at: position + 1)
        }
    }

    /// `**`, which is a whole part. With the slash behind it, it may also match nothing.
    private mutating func doubleStar(
        _ startsPart: Bool,
        _ outer: Follower
    ) throws(PatternError) -> Fragment {
        let at = position + 1
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
