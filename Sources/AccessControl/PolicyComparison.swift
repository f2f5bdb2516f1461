public import Bytes
import RegistryAPI

/// Who gains and who loses what between two policies.
///
/// Asks both policies the same questions and tells where the answers differ: every line is an
/// answer that really changes, with a question that shows it. The questions are chosen so that
/// little is missed: for each pattern of a rule that is not in both, a name that only it matches
/// and one for each other pattern that can match as well; for each subject that is spoken of, and
/// for somebody of whom nobody speaks; with and without tags, from inside and outside of each
/// network, before and after each date. Where both policies say the same, nothing is asked.
public struct PolicyComparison: Sendable {
    /// How long it may take; a reload asks less than a command.
    public enum Effort: Sendable {
        /// Some ten milliseconds at most.
        case quick
        /// Some seconds at most.
        case thorough

        /// Most searches for names.
        var searches: Int { self == .quick ? 300 : 5000 }
        /// Most patterns that somebody is asked about, all subjects together.
        var places: Int { self == .quick ? 3000 : 200_000 }
        /// Most pairs of a network and a date.
        var circumstances: Int { self == .quick ? 16 : 256 }
        /// Most decisions of each policy.
        var decisions: Int { self == .quick ? 10_000 : 2_000_000 }
    }

    public struct Change: Sendable, Hashable {
        public let subject: Questioner
        /// The pattern of the rules that changed; empty for the server's own actions.
        public let place: ByteString
        /// As rules write them: `pull`, `push`, `catalog`.
        public let gained: [String]
        public let lost: [String]
        /// A question whose answer changes: `prod/api:v1 from 10.8.0.0`; empty for the server's.
        public let example: String
    }

    /// Somebody who is asked about.
    public enum Questioner: Sendable, Hashable {
        case anonymous
        /// Logged in, and neither named in the rules nor in a group that is.
        case unnamedUser
        case user(ByteString)
        /// A member of the group who is named nowhere.
        case member(ByteString)
    }

    public let changes: [Change]
    /// How much was asked about.
    public let subjectCount: Int
    public let nameCount: Int
    /// Whether there were more questions than `Effort` allows: there may be more changes.
    public let isIncomplete: Bool

    public init(_ old: AccessPolicy, _ new: AccessPolicy, effort: Effort = .thorough) {
        var questions = ComparisonQuestions(old, new, effort: effort)
        var found: [(subject: Questioner, changes: [Change])] = []
        var names = 0
        let subjects = questions.subjects
        for subject in subjects {
            var changes: [(change: Change, pattern: RepositoryPattern)] = []
            for place in questions.places(for: subject) {
                names += place.names.count
                changes += Self.changes(of: subject, in: place, old, new, &questions)
                    .map { (change: $0, pattern: place.pattern) }
            }
            let server = Self.serverChanges(of: subject, old, new, questions)
            found.append((subject, server + Self.withoutCovered(changes)))
        }
        self.changes = Self.withoutRepeated(found, questions).flatMap(\.changes)
        subjectCount = subjects.count
        nameCount = names
        isIncomplete = questions.isIncomplete
    }

    private static let mostCompared = 200

    /// Of two patterns of which the same is said, the wider one tells more, if its example is its
    /// own; else only what it shares with the narrower one has changed.
    private static func withoutCovered(
        _ changes: [(change: Change, pattern: RepositoryPattern)]
    ) -> [Change] {
        // Each is compared with each other.
        guard changes.count <= mostCompared else { return changes.map(\.change) }
        return changes.indices.filter { index in
            let (change, pattern) = changes[index]
            return !changes.indices.contains { other in
                let (rival, rivalPattern) = changes[other]
                guard other != index, rival.gained == change.gained, rival.lost == change.lost
                else { return false }
                let isNarrower = pattern.isCovered(by: [rivalPattern])
                let isWider = rivalPattern.isCovered(by: [pattern])
                if isNarrower, isWider { return other < index }
                if isNarrower { return !rival.isExample(of: pattern) }
                return isWider && change.isExample(of: rivalPattern)
            }
        }
        .map { changes[$0].change }
    }

    /// Without those of whom the same is said as of a user not named in the rules, or of a group
    /// they are in.
    private static func withoutRepeated(
        _ found: [(subject: Questioner, changes: [Change])],
        _ questions: ComparisonQuestions
    ) -> [(subject: Questioner, changes: [Change])] {
        func substance(of subject: Questioner) -> [[String]]? {
            found.first { $0.subject == subject }?.changes.map(\.substance)
        }
        return found.filter { subject, changes in
            let own = changes.map(\.substance)
            switch subject {
            case .anonymous, .unnamedUser: return true
            case .member: return own != substance(of: .unnamedUser)
            case .user(let name):
                return own != substance(of: .unnamedUser)
                    && !questions.groups(of: name).contains { own == substance(of: .member($0)) }
            }
        }
    }

    private static func changes(
        of subject: Questioner,
        in place: ComparisonQuestions.Place,
        _ old: AccessPolicy,
        _ new: AccessPolicy,
        _ questions: inout ComparisonQuestions
    ) -> [Change] {
        let identity = questions.identity(of: subject)
        var gained: Actions = []
        var lost: Actions = []
        var gain = ""
        var loss = ""
        var (before, after) = (Decision(), Decision())
        for name in place.names {
            for tag in questions.tags {
                for circumstances in questions.circumstances {
                    guard questions.takeDecision() else { break }
                    old.decide(identity, name.span, tag: tag, in: circumstances, into: &before)
                    new.decide(identity, name.span, tag: tag, in: circumstances, into: &after)
                    let more = after.granted.subtracting(before.granted).subtracting(gained)
                    let less = before.granted.subtracting(after.granted).subtracting(lost)
                    if more.isEmpty, less.isEmpty { continue }
                    let question = Self.question(name, tag, circumstances)
                    if !more.isEmpty, gain.isEmpty { gain = question }
                    if !less.isEmpty, loss.isEmpty { loss = question }
                    gained.formUnion(more)
                    lost.formUnion(less)
                }
            }
        }
        func change(_ gained: Actions, _ lost: Actions, _ example: String) -> Change {
            Change(
                subject: subject,
                place: place.pattern.text,
                gained: gained.words,
                lost: lost.words,
                example: example
            )
        }
        if gain == loss, !gain.isEmpty { return [change(gained, lost, gain)] }
        return (lost.isEmpty ? [] : [change([], lost, loss)])
            + (gained.isEmpty ? [] : [change(gained, [], gain)])
    }

    private static func serverChanges(
        of subject: Questioner,
        _ old: AccessPolicy,
        _ new: AccessPolicy,
        _ questions: ComparisonQuestions
    ) -> [Change] {
        let identity = questions.identity(of: subject)
        var scratch = Decision()
        let before = old.serverActions(of: identity, scratch: &scratch)
        let after = new.serverActions(of: identity, scratch: &scratch)
        guard before != after else { return [] }
        return [
            Change(
                subject: subject,
                place: "",
                gained: after.subtracting(before).words,
                lost: before.subtracting(after).words,
                example: ""
            )
        ]
    }

    private static func question(
        _ name: ByteString,
        _ tag: Tag?,
        _ circumstances: Circumstances
    ) -> String {
        "\(name)" + (tag.map { ":\($0.bytes)" } ?? "")
            + (circumstances.client.map { " from \($0)" } ?? "")
            + (circumstances.now.map { " at \($0)" } ?? "")
    }
}

extension PolicyComparison.Change: CustomStringConvertible {
    /// `user bob loses overwrite, delete on prod/** (as prod/api:v1)`.
    public var description: String {
        let parts =
            (lost.isEmpty ? [] : ["loses \(lost.joined(separator: ", "))"])
            + (gained.isEmpty ? [] : ["gains \(gained.joined(separator: ", "))"])
        let what = "\(subject) \(parts.joined(separator: " and "))"
        return place.isEmpty ? what : "\(what) on \(place) (as \(example))"
    }

    /// Whether the name in the example matches.
    fileprivate func isExample(of pattern: RepositoryPattern) -> Bool {
        let name = ByteString(String(example.prefix { $0 != ":" && $0 != " " }))
        return pattern.matches(name.span, user: Span(), group: Span())
    }

    /// All but who it is about.
    fileprivate var substance: [String] { ["\(place)", example] + gained + ["/"] + lost }
}

extension PolicyComparison.Questioner: CustomStringConvertible {
    public var description: String {
        switch self {
        case .anonymous: "anonymous"
        case .unnamedUser: "any user not named in the rules"
        case .user(let name): "user \(name)"
        case .member(let group): "a member of group \(group)"
        }
    }
}

extension Actions {
    /// As rules write them, in a fixed order.
    public var words: [String] {
        if self == .all { return ["all"] }
        var words: [String] = contains(.pull) ? ["pull"] : []
        if contains(.push) {
            words.append("push")
        } else {
            if contains(.create) { words.append("create") }
            if contains(.overwrite) { words.append("overwrite") }
        }
        if contains(.delete) { words.append("delete") }
        return words
    }
}

extension ServerActions {
    public var words: [String] {
        (contains(.catalog) ? ["catalog"] : []) + (contains(.admin) ? ["admin"] : [])
    }
}
