import AccessControl
import Bytes

/// Which subjects are part of which, given the groups that are written out.
struct SubjectAlgebra {
    /// The members of groups that are defined here; of other groups nothing is known.
    let groups: [ByteString: [ByteString]]

    /// Whether everybody who is `part` is certainly one of `whole`.
    func covers(_ whole: [Subject], _ part: Subject) -> Bool {
        if whole.contains(where: { covers($0, part) }) { return true }
        switch part {
        case .anyone: return covers(whole, .anonymous) && covers(whole, .authenticated)
        case .group(let name):
            guard let members = groups[name] else { return false }
            return members.allSatisfy { covers(whole, .user($0)) }
        case .anonymous, .authenticated, .user: return false
        }
    }

    func covers(_ whole: [Subject], _ parts: [Subject]) -> Bool {
        parts.allSatisfy { covers(whole, $0) }
    }

    private func covers(_ whole: Subject, _ part: Subject) -> Bool {
        switch (whole, part) {
        case (.anyone, _): true
        case (.authenticated, .authenticated), (.authenticated, .user), (.authenticated, .group):
            true
        case (.group(let name), .user(let user)): groups[name]?.contains(user) ?? false
        default: whole == part
        }
    }

    /// Whether nobody can be both.
    private func areDisjoint(_ one: Subject, _ other: Subject) -> Bool {
        switch (one, other) {
        case (.anonymous, .authenticated), (.anonymous, .user), (.anonymous, .group): true
        case (.authenticated, .anonymous), (.user, .anonymous), (.group, .anonymous): true
        case (.user(let name), .user(let otherName)): name != otherName
        case (.group(let name), .user(let user)), (.user(let user), .group(let name)):
            groups[name].map { !$0.contains(user) } ?? false
        case (.group(let name), .group(let otherName)):
            if let members = groups[name], let others = groups[otherName] {
                Set(members).isDisjoint(with: others)
            } else {
                false
            }
        default: false
        }
    }

    /// Subjects that hold for everybody who is one of both; perhaps for a few more of `one`.
    func common(_ one: [Subject], _ other: [Subject]) -> [Subject] {
        var found: [Subject] = []
        func add(_ subject: Subject) {
            if !covers(found, subject) { found.append(subject) }
        }
        for mine in one {
            for theirs in other where !areDisjoint(mine, theirs) {
                add(covers([theirs], mine) ? mine : covers([mine], theirs) ? theirs : mine)
            }
        }
        return found
    }
}
