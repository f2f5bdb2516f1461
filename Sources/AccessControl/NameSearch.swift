public import Bytes

/// Looks for a repository name that some patterns match and others do not: the whole of reasoning
/// about patterns (does one cover another, can both match, which name tells two rule sets apart).
///
/// Walks all patterns at once, a byte at a time, breadth first, through names that follow the
/// grammar of repository names; so the name found is one of the shortest. For tools, not for the
/// hot path.
public struct NameSearch: Sendable {
    public enum Answer: Sendable, Hashable {
        case name(ByteString)
        /// There is no such name.
        case none
        /// The search was given up. Callers take the answer that is safe for them.
        case unknown
    }

    /// Most combinations of states that are looked at.
    static let limit = 4000

    private let automata: [Automaton]
    /// How many of `automata` must match; the rest must not.
    private let wantedCount: Int
    private let alphabet: [UInt8]

    /// - Parameters:
    ///   - wanted: must all match.
    ///   - unwanted: none of them may. `{user}` and `{group}` are opaque: only the same variable,
    ///     and what takes any part, matches them.
    public static func shortest(
        matching wanted: [RepositoryPattern],
        but unwanted: [RepositoryPattern] = []
    ) -> Answer {
        NameSearch(wanted, unwanted).run()
    }

    private init(_ wanted: [RepositoryPattern], _ unwanted: [RepositoryPattern]) {
        automata = (wanted + unwanted).map { Automaton($0) }
        wantedCount = wanted.count
        var literals: Set<UInt8> = [UInt8(ascii: "/")]
        for automaton in automata { literals.formUnion(automaton.literals) }
        // Stands for every letter and digit that no pattern names.
        let other = "xyzwvutsrqponmlkjihgfedcba0123456789".utf8.first { !literals.contains($0) }
        alphabet = (other.map { [$0] } ?? []) + literals.sorted()
    }

    private struct State: Hashable {
        var taken: [StateSet]
        var place: NamePlace
    }

    private func run() -> Answer {
        let start = State(taken: automata.map { _ in StateSet() }, place: .partStart)
        var states = [start]
        var origins: [(state: Int, byte: UInt8)] = [(0, 0)]
        var seen: Set = [start]
        var next = 0
        while next < states.count {
            let state = states[next]
            for byte in alphabet {
                guard let place = state.place.after(byte) else { continue }
                let taken = automata.indices.map { index in
                    automata[index].step(state.taken[index], isFirst: next == 0, byte)
                }
                if taken[..<wantedCount].contains(where: \.isEmpty) { continue }
                let reached = State(taken: taken, place: place)
                guard seen.insert(reached).inserted else { continue }
                states.append(reached)
                origins.append((next, byte))
                if isFound(reached) { return .name(name(at: states.count - 1, origins)) }
                guard states.count < Self.limit else { return .unknown }
            }
            next += 1
        }
        return .none
    }

    private func isFound(_ state: State) -> Bool {
        state.place.mayEnd
            && automata.indices.allSatisfy { index in
                automata[index].accepts(state.taken[index]) == (index < wantedCount)
            }
    }

    private func name(at end: Int, _ origins: [(state: Int, byte: UInt8)]) -> ByteString {
        var bytes: [UInt8] = []
        var index = end
        while index != 0 {
            bytes.append(origins[index].byte)
            index = origins[index].state
        }
        return ByteString(bytes.reversed())
    }
}

extension NameSearch {
    /// Bytes that no name has: each stands for a whole value of a variable.
    fileprivate static let user: UInt8 = 1
    fileprivate static let group: UInt8 = 2

    /// A pattern, ready to step.
    private struct Automaton {
        let automaton: PatternAutomaton
        let whole: PatternAutomaton.Fragment

        init(_ pattern: RepositoryPattern) {
            var parser = PatternParser(pattern.text.bytes)
            do throws(PatternError) {
                whole = try parser.parse()
                automaton = parser.automaton
            } catch {
                // The pattern was made from the same text. Nothing matches.
                whole = PatternAutomaton.Fragment(isNullable: false)
                automaton = PatternAutomaton()
            }
        }

        var literals: [UInt8] {
            automaton.tokens.compactMap { token in
                switch token {
                case .byte(let byte): byte
                case .user: NameSearch.user
                case .group: NameSearch.group
                case .inPart, .any: nil
                }
            }
        }

        func step(_ taken: StateSet, isFirst: Bool, _ byte: UInt8) -> StateSet {
            var candidates = isFirst ? whole.first : StateSet()
            for state in automaton.tokens.indices where taken.contains(state) {
                candidates.formUnion(automaton.follow[state])
            }
            var next = StateSet()
            for state in automaton.tokens.indices
            where candidates.contains(state) && accepts(state, byte) {
                next.insert(state)
            }
            return next
        }

        private func accepts(_ state: Int, _ byte: UInt8) -> Bool {
            switch automaton.tokens[state] {
            case .byte(let literal): literal == byte
            case .user: byte == NameSearch.user
            case .group: byte == NameSearch.group
            case .any: true
            case .inPart:
                // A value is any number of bytes: only what repeats takes one.
                byte != UInt8(ascii: "/")
                    && (byte > NameSearch.group || automaton.follow[state].contains(state))
            }
        }

        func accepts(_ taken: StateSet) -> Bool {
            automaton.tokens.indices.contains { taken.contains($0) && whole.last.contains($0) }
        }
    }

    /// Where in a repository name one is (the distribution specification's grammar of names).
    private enum NamePlace: Hashable {
        case partStart, letter, dot, underscore, secondUnderscore, hyphen, variable

        var mayEnd: Bool { self == .letter || self == .variable }

        /// - Returns: `nil` if `byte` cannot stand here.
        func after(_ byte: UInt8) -> NamePlace? {
            switch (self, byte) {
            case (.partStart, NameSearch.user), (.partStart, NameSearch.group): .variable
            case (.letter, UInt8(ascii: "/")), (.variable, UInt8(ascii: "/")): .partStart
            case (.variable, _): nil
            case (_, UInt8(ascii: "a")...UInt8(ascii: "z")): .letter
            case (_, UInt8(ascii: "0")...UInt8(ascii: "9")): .letter
            case (.letter, UInt8(ascii: ".")): .dot
            case (.letter, UInt8(ascii: "_")): .underscore
            case (.underscore, UInt8(ascii: "_")): .secondUnderscore
            case (.letter, UInt8(ascii: "-")), (.hyphen, UInt8(ascii: "-")): .hyphen
            default: nil
            }
        }
    }
}

extension RepositoryPattern {
    /// Whether every name that matches `self`, for every value of the variables, matches one of
    /// `others`. `false` also where that could not be found out.
    public func isCovered(by others: [RepositoryPattern]) -> Bool {
        NameSearch.shortest(matching: [self], but: others) == .none
    }

    /// Whether some name can match both, for some values of the variables. `true` also where that
    /// could not be found out.
    public func overlaps(_ other: RepositoryPattern) -> Bool {
        NameSearch.shortest(matching: [withAnyValue, other.withAnyValue]) != .none
    }

    /// With each variable replaced by "any one part".
    private var withAnyValue: RepositoryPattern {
        replacing(user: "?*", group: "?*") ?? self
    }

    /// Whether `{user}` or `{group}` stands in it.
    var usesVariables: Bool { replacing(user: "x", group: "x")?.text != text }

    /// With text in place of the variables; `nil` if that makes no pattern.
    public func replacing(user: ByteString, group: ByteString) -> RepositoryPattern? {
        let text = self.text.replacing("{user}", with: user).replacing("{group}", with: group)
        return try? RepositoryPattern(text)
    }
}

extension ByteString {
    fileprivate func replacing(_ part: ByteString, with value: ByteString) -> ByteString {
        let (whole, part) = (bytes, part.bytes)
        var result: [UInt8] = []
        var index = 0
        while index < whole.count {
            if whole[index...].starts(with: part) {
                result += value.bytes
                index += part.count
            } else {
                result.append(whole[index])
                index += 1
            }
        }
        return ByteString(result)
    }
}
