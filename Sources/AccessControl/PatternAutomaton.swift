/// What one state of a pattern takes: a byte of the name.
enum PatternToken: Equatable {
    case byte(UInt8)
    /// Any but `/`.
    case inPart
    case any
    /// The byte of the user's name at the same distance from the beginning of the part.
    case user
    case group
}

/// The states of a pattern under construction, and which may come next after each (a position
/// automaton, after Glushkov: no step without a byte, so matching needs no closure).
struct PatternAutomaton {
    private(set) var tokens: [PatternToken] = []
    private(set) var follow: [StateSet] = []

    /// A piece of the pattern: the states it may begin and end with.
    struct Fragment {
        var first = StateSet()
        var last = StateSet()
        /// It may also match nothing.
        var isNullable: Bool

        static let nothing = Fragment(isNullable: true)
    }

    /// One state.
    mutating func single(_ token: PatternToken) -> Fragment {
        let state = StateSet(tokens.count)
        tokens.append(token)
        follow.append(StateSet())
        return Fragment(first: state, last: state, isNullable: false)
    }

    /// One state that may follow itself.
    mutating func repeated(_ token: PatternToken, orNothing: Bool) -> Fragment {
        var fragment = single(token)
        follow[tokens.count - 1].insert(tokens.count - 1)
        fragment.isNullable = orNothing
        return fragment
    }

    mutating func joined(_ left: Fragment, _ right: Fragment) -> Fragment {
        for state in tokens.indices where left.last.contains(state) {
            follow[state].formUnion(right.first)
        }
        return Fragment(
            first: left.isNullable ? left.first.union(right.first) : left.first,
            last: right.isNullable ? right.last.union(left.last) : right.last,
            isNullable: left.isNullable && right.isNullable
        )
    }

    func either(_ left: Fragment, _ right: Fragment) -> Fragment {
        Fragment(
            first: left.first.union(right.first),
            last: left.last.union(right.last),
            isNullable: left.isNullable || right.isNullable
        )
    }
}
