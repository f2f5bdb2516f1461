import Bytes

/// Where one compiled pattern stands in a `PatternCode`, and how it begins.
struct CompiledPattern {
    /// The bytes that every match begins with: a range of `PatternCode.prefixes`.
    let prefixStart: Int
    let prefixCount: Int
    let rest: Rest
    /// The pattern's states within `PatternCode`.
    let states: Range<Int>
    /// The states that may take the byte behind the prefix.
    let reach: StateSet
    /// The states that a match may end with.
    let accepting: StateSet
    let usesGroup: Bool
    /// Every match needs a value for `{user}` or `{group}`.
    let needsVariable: Bool

    /// What stands behind the prefix. Most rules of most operators are one of the first two.
    enum Rest {
        case nothing
        /// One or more whole parts, whatever they are.
        case anything
        case states
    }
}

/// The compiled form of any number of patterns, in few arrays: going through hundreds of rules then
/// touches no reference count, which loops on other cores would have to share.
struct PatternCode {
    private var prefixes: [UInt8] = []
    private var tokens: [PatternToken] = []
    private var follow: [StateSet] = []

    mutating func append(
        _ automaton: PatternAutomaton,
        _ whole: PatternAutomaton.Fragment
    ) -> CompiledPattern {
        let base = tokens.count
        let prefixStart = prefixes.count
        tokens += automaton.tokens
        follow += automaton.follow
        var reach = whole.first
        var rest = CompiledPattern.Rest.states
        while let state = reach.onlyState, case .byte(let byte) = automaton.tokens[state] {
            let next = automaton.follow[state]
            if whole.last.contains(state), !next.isEmpty { break }
            prefixes.append(byte)
            reach = next
        }
        if reach.isEmpty {
            rest = .nothing
        } else if let state = reach.onlyState, automaton.tokens[state] == .any,
            automaton.follow[state] == reach
        {
            rest = .anything
        }
        return CompiledPattern(
            prefixStart: prefixStart,
            prefixCount: prefixes.count - prefixStart,
            rest: rest,
            states: base..<tokens.count,
            reach: reach,
            accepting: whole.last,
            usesGroup: automaton.tokens.contains(.group),
            needsVariable: automaton.needsVariable(whole)
        )
    }

    /// Takes over the one pattern of `other`.
    mutating func append(_ other: PatternCode, _ pattern: CompiledPattern) -> CompiledPattern {
        let moved = CompiledPattern(
            prefixStart: prefixes.count,
            prefixCount: pattern.prefixCount,
            rest: pattern.rest,
            states: tokens.count..<tokens.count + pattern.states.count,
            reach: pattern.reach,
            accepting: pattern.accepting,
            usesGroup: pattern.usesGroup,
            needsVariable: pattern.needsVariable
        )
        prefixes += other.prefixes
        tokens += other.tokens
        follow += other.follow
        return moved
    }

    /// The bytes that every match of `pattern` begins with.
    func prefix(of pattern: CompiledPattern) -> ArraySlice<UInt8> {
        prefixes[pattern.prefixStart..<(pattern.prefixStart + pattern.prefixCount)]
    }

    func matches(
        _ pattern: CompiledPattern,
        _ name: borrowing Span<UInt8>,
        user: borrowing Span<UInt8>,
        group: borrowing Span<UInt8>
    ) -> Bool {
        let count = pattern.prefixCount
        guard name.count >= count else { return false }
        for index in 0..<count where name[index] != prefixes[pattern.prefixStart + index] {
            return false
        }
        switch pattern.rest {
        case .nothing: return name.count == count
        case .anything: return name.count > count
        case .states: return follows(pattern, name, user: user, group: group)
        }
    }

    /// Goes through the name behind the prefix, with the set of all states that may take the next
    /// byte.
    private func follows(
        _ pattern: CompiledPattern,
        _ name: borrowing Span<UInt8>,
        user: borrowing Span<UInt8>,
        group: borrowing Span<UInt8>
    ) -> Bool {
        var reach = pattern.reach
        var index = pattern.prefixCount
        var partStart = index
        while partStart > 0, name[partStart - 1] != UInt8(ascii: "/") { partStart -= 1 }
        var isMatch = false
        let tokens = tokens.span.extracting(pattern.states)
        let follow = follow.span.extracting(pattern.states)
        let wordCount = (tokens.count + 63) / 64
        while index < name.count {
            let byte = name[index]
            var next = StateSet()
            isMatch = false
            for word in 0..<wordCount {
                var bits = reach.words[word]
                while bits != 0 {
                    let state = word << 6 + bits.trailingZeroBitCount
                    bits &= bits &- 1
                    let step: Step
                    switch tokens[state] {
                    case .byte(let literal): step = byte == literal ? .taken : .refused
                    case .inPart: step = byte != UInt8(ascii: "/") ? .taken : .refused
                    case .any: step = .taken
                    case .user: step = Step(user, index - partStart, byte)
                    case .group: step = Step(group, index - partStart, byte)
                    }
                    switch step {
                    case .refused: continue
                    case .halfway: next.insert(state)
                    case .taken:
                        next.formUnion(follow[state])
                        if pattern.accepting.contains(state) { isMatch = true }
                    }
                }
            }
            index += 1
            if next.isEmpty { return isMatch && index == name.count }
            if byte == UInt8(ascii: "/") { partStart = index }
            reach = next
        }
        return isMatch
    }

    private enum Step {
        case refused
        /// Taken, and the value goes on.
        case halfway
        case taken

        init(_ value: borrowing Span<UInt8>, _ offset: Int, _ byte: UInt8) {
            guard offset < value.count, value[offset] == byte else {
                self = .refused
                return
            }
            self = offset == value.count - 1 ? .taken : .halfway
        }
    }
}

extension PatternAutomaton {
    /// Whether a match must pass a variable: whether the end is out of reach without one.
    func needsVariable(_ whole: Fragment) -> Bool {
        var reached = StateSet()
        var fresh = tokens.indices.filter { whole.first.contains($0) }
        while let state = fresh.popLast() {
            guard !reached.contains(state) else { continue }
            guard tokens[state] != .user, tokens[state] != .group else { continue }
            if whole.last.contains(state) { return false }
            reached.insert(state)
            fresh += tokens.indices.filter { follow[state].contains($0) }
        }
        return true
    }
}
