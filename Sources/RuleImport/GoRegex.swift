import Bytes

/// Reads the regular expressions that can be said with our patterns: text, `.`, `[^/]`, `*`, `+`,
/// `?`, choices and anchors. Of anything else it takes what surely covers it, and says so.
struct GoRegex {
    private var rest: ArraySlice<UInt8>
    private var isExact = true
    private let variables: GoGlob.Variables

    private enum Atom: Hashable {
        case token(GlobToken)
        /// Any one character, `/` included.
        case dot
        case start, end
    }

    private typealias Choices = [[Atom]]
    private struct Unreadable: Error {}

    static func read(
        _ text: ArraySlice<UInt8>,
        variables: @escaping GoGlob.Variables
    ) -> GlobLanguage {
        var reader = GoRegex(rest: text, variables: variables)
        do throws(Unreadable) {
            let choices = try reader.choice()
            guard reader.rest.isEmpty else { return .anythingInexact }
            return reader.language(choices)
        } catch {
            return .anythingInexact
        }
    }

    private init(rest: ArraySlice<UInt8>, variables: @escaping GoGlob.Variables) {
        self.rest = rest
        self.variables = variables
    }

    /// Without an anchor the text may go on: the expression is searched for, not compared.
    private func language(_ choices: Choices) -> GlobLanguage {
        var language = GlobLanguage(alternatives: [], isExact: isExact)
        for var atoms in choices {
            let startsHere = atoms.first == .start
            let endsHere = atoms.last == .end
            if startsHere { atoms.removeFirst() }
            if endsHere, !atoms.isEmpty { atoms.removeLast() }
            // An anchor elsewhere never holds.
            if atoms.contains(.start) || atoms.contains(.end) { continue }
            let open: [[GlobToken]] = [[.anything(mayBeEmpty: true)]]
            var sequences: [[GlobToken]] = startsHere ? [[]] : open
            for atom in atoms {
                let tokens: [GlobToken] =
                    switch atom {
                    case .token(let token): [token]
                    case .dot: [.one, .literal(UInt8(ascii: "/"))]
                    case .start, .end: []
                    }
                sequences = sequences.flatMap { sequence in tokens.map { sequence + [$0] } }
                if sequences.count > GlobLanguage.limit { return .anythingInexact }
            }
            language.alternatives += endsHere ? sequences : sequences.map { $0 + open[0] }
        }
        return language
    }

    private mutating func choice() throws(Unreadable) -> Choices {
        var all = try sequence()
        while rest.first == UInt8(ascii: "|") {
            rest = rest.dropFirst()
            all += try sequence()
        }
        return all
    }

    private mutating func sequence() throws(Unreadable) -> Choices {
        var all: Choices = [[]]
        while let byte = rest.first, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            let next = try repeated(atom())
            all = all.flatMap { front in next.map { front + $0 } }
            guard all.count <= GlobLanguage.limit else { throw Unreadable() }
        }
        return all
    }

    private mutating func atom() throws(Unreadable) -> Choices {
        if let variable = variables(rest) {
            rest = rest.dropFirst(variable.length)
            isExact = isExact && variable.isExact
            return [variable.token.map { .token($0) }]
        }
        guard let byte = rest.popFirst() else { throw Unreadable() }
        switch byte {
        case UInt8(ascii: "^"): return [[.start]]
        case UInt8(ascii: "$"): return [[.end]]
        case UInt8(ascii: "."): return [[.dot]]
        case UInt8(ascii: "("): return try group()
        case UInt8(ascii: "["): return try [[set()]]
        case UInt8(ascii: "\\"): return try [[escaped()]]
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
            throw Unreadable()
        default: return [[.token(.literal(byte))]]
        }
    }

    private mutating func group() throws(Unreadable) -> Choices {
        if rest.first == UInt8(ascii: "?") {
            guard rest.starts(with: "?:".utf8) else { throw Unreadable() }
            rest = rest.dropFirst(2)
        }
        let inside = try choice()
        guard rest.popFirst() == UInt8(ascii: ")") else { throw Unreadable() }
        return inside
    }

    /// `[^/]` is our `?`. For other sets any character stands.
    private mutating func set() throws(Unreadable) -> Atom {
        if rest.starts(with: "^/]".utf8) {
            rest = rest.dropFirst(3)
            return .token(.one)
        }
        let isInverted = rest.first == UInt8(ascii: "^")
        // A bracket that stands first is a member.
        guard let end = rest.dropFirst(isInverted ? 2 : 1).firstIndex(of: UInt8(ascii: "]")) else {
            throw Unreadable()
        }
        let members = rest[..<end]
        rest = rest[(end + 1)...]
        isExact = false
        let hasRange = members.contains(UInt8(ascii: "-")) || members.contains(UInt8(ascii: "\\"))
        let mayBeSlash = isInverted || members.contains(UInt8(ascii: "/")) || hasRange
        return mayBeSlash ? .dot : .token(.one)
    }

    private mutating func escaped() throws(Unreadable) -> Atom {
        guard let byte = rest.popFirst() else { throw Unreadable() }
        switch byte {
        case UInt8(ascii: "A"): return .start
        case UInt8(ascii: "z"): return .end
        case UInt8(ascii: "d"), UInt8(ascii: "w"):
            isExact = false
            return .token(.one)
        case _ where byte.isASCIILowercase || byte.isASCIIUppercase || byte.isASCIIDigit:
            throw Unreadable()
        default: return .token(.literal(byte))
        }
    }

    /// What stands behind an atom: `*`, `+`, `?`, `{…}`, each perhaps with a `?` that only says
    /// which match is taken.
    private mutating func repeated(_ atom: Choices) throws(Unreadable) -> Choices {
        guard let byte = rest.first else { return atom }
        switch byte {
        case UInt8(ascii: "?"):
            rest = rest.dropFirst()
            skipLazyMark()
            return atom + [[]]
        case UInt8(ascii: "*"), UInt8(ascii: "+"):
            rest = rest.dropFirst()
            skipLazyMark()
            return many(atom, mayBeNone: byte == UInt8(ascii: "*"))
        case UInt8(ascii: "{"):
            guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else { throw Unreadable() }
            rest = rest[(end + 1)...]
            skipLazyMark()
            isExact = false
            return [[.token(.anything(mayBeEmpty: true))]]
        default: return atom
        }
    }

    private mutating func skipLazyMark() {
        if rest.first == UInt8(ascii: "?") { rest = rest.dropFirst() }
    }

    private mutating func many(_ atom: Choices, mayBeNone: Bool) -> Choices {
        switch atom {
        case [[.dot]]: return [[.token(.anything(mayBeEmpty: mayBeNone))]]
        case [[.token(.one)]]: return [(mayBeNone ? [] : [.token(.one)]) + [.token(.run)]]
        default:
            isExact = false
            return [[.token(.anything(mayBeEmpty: true))]]
        }
    }
}
