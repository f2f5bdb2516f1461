import AccessControl
import Bytes

/// A part of everything that can be asked, about which the foreign rules decide at one place: an
/// entry of docker_auth's list, a pattern of zot's table. The first region that matches decides.
///
/// `who`, `names` and `networks` are never too narrow, so that what a region takes away from later
/// ones is taken away for certain. Where they are exactly right, its grants can be carried over.
struct Region {
    /// What it is called in the file: `entry 3`.
    let name: String
    /// Of no other region: `entry-3`.
    let id: String
    let line: Int
    /// Regions of a smaller rank decide first; equal ranks, and no rank, may come either way.
    let rank: Int?
    let who: [Subject]
    let names: NameSet
    /// `nil`: from anywhere.
    let networks: [IPNetwork]?
    /// Whether all three are exactly right.
    let isExact: Bool
    /// What the region gives. Empty if it cannot be carried over.
    var grants: [Grant] = []
    /// For each action, whom the region leaves without it: `who` that are not in `except`.
    let lacking: [(action: Actions, who: [Subject], except: [Subject])]
    /// What was written for people.
    var comment: String?

    struct Grant {
        /// Makes the id of the rule: `entry-3`.
        let id: String
        let who: [Subject]
        var except: [Subject] = []
        let actions: Actions
    }
}

/// Repository names: all that one of `patterns` matches.
struct NameSet {
    let patterns: [RepositoryPattern]
    /// Whether the foreign pattern meant no name less.
    let isExact: Bool

    static func everything(isExact: Bool) -> NameSet {
        NameSet(patterns: [try? RepositoryPattern("**")].compactMap(\.self), isExact: isExact)
    }

    func covers(_ other: NameSet) -> Bool {
        other.patterns.allSatisfy { $0.isCovered(by: patterns) }
    }

    func overlaps(_ other: NameSet) -> Bool {
        patterns.contains { mine in other.patterns.contains { mine.overlaps($0) } }
    }
}

extension Region {
    /// Makes the id of the rules that deny what it withholds.
    var idOfDeny: String { "not-\(id)" }

    func mayDecideBefore(_ other: Region) -> Bool {
        guard let rank, let otherRank = other.rank else { return true }
        return rank <= otherRank
    }

    func certainlyDecidesBefore(_ other: Region) -> Bool {
        guard let rank, let otherRank = other.rank else { return false }
        return rank < otherRank
    }

    /// Whether it covers the names and networks of `other`; who is another question.
    func coversPlace(of other: Region) -> Bool {
        names.covers(other.names) && networks.covers(other.networks)
    }

    func overlapsPlace(of other: Region) -> Bool {
        networks.overlaps(other.networks) && names.overlaps(other.names)
    }
}

extension [IPNetwork]? {
    fileprivate func covers(_ other: [IPNetwork]?) -> Bool {
        guard let mine = self else { return true }
        guard let other else { return false }
        return other.allSatisfy { inner in mine.contains { $0.covers(inner) } }
    }

    fileprivate func overlaps(_ other: [IPNetwork]?) -> Bool {
        guard let mine = self, let other else { return true }
        return mine.contains { one in other.contains { one.covers($0) || $0.covers(one) } }
    }
}

extension IPNetwork {
    fileprivate func covers(_ other: IPNetwork) -> Bool {
        prefixLength <= other.prefixLength && contains(other.address)
    }
}
