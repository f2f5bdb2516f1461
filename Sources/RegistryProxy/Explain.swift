import AccessControl
import Bytes
import Logbook
import ProxyConfig
import RegistryAPI

struct ExplainOptions: Equatable {
    enum Question: Equatable {
        case repository(Actions, RepositoryName, Tag?)
        case server(ServerActions)
    }

    var configuration = Command.defaultConfiguration
    /// `nil`: anonymous.
    var user: ByteString?
    /// As it was asked for: `push`.
    var action: String
    var question: Question
    var groups: [ByteString] = []
    var client: IPAddress?
    /// When the request comes; `nil`: now.
    var moment: Moment?
    /// The directory is not asked for groups.
    var isOffline = false
    var isJSON = false
    /// By the rules of `access.shadow`.
    var usesShadow = false
}

/// Tells whether somebody may do something, and why, by the function that serves requests.
///
/// - Returns: 0 allowed, 1 denied, 3 if the configuration is wrong, 4 if the directory is silent.
func explain(_ options: ExplainOptions, isColoured: Bool = false) -> CommandOutcome {
    let report = ConfigurationReader.read(file: options.configuration)
    guard let configuration = report.configuration else {
        let text = lines(of: report.errors, isColoured: isColoured)
        return CommandOutcome(.wrongConfiguration, standardError: text)
    }
    let access: Configuration.Access
    if options.usesShadow {
        guard let shadow = configuration.shadow else {
            let text = "\(options.configuration): access.shadow is not set\n"
            return CommandOutcome(.wrongConfiguration, standardError: text)
        }
        access = shadow
    } else {
        access = configuration.access
    }
    do throws(ExplainedUser.Failure) {
        let user = try ExplainedUser(options, configuration)
        let answer = ExplainedAnswer(options, user, access.policy)
        return CommandOutcome(
            answer.isAllowed ? .done : .no,
            standardOutput: options.isJSON ? answer.json : answer.text(isColoured: isColoured)
        )
    } catch {
        switch error {
        case .wrong(let problems):
            let text = lines(of: problems.all, isColoured: isColoured)
            return CommandOutcome(.wrongConfiguration, standardError: text)
        case .unavailable(let reason):
            let text = "registry-proxy: the directory: \(reason) (--offline asks nobody)\n"
            return CommandOutcome(.unavailable, standardError: text)
        }
    }
}

/// The answer to one question, from either kind of rules.
struct ExplainedAnswer {
    let options: ExplainOptions
    let user: ExplainedUser
    let isAllowed: Bool
    let groups: [(name: ByteString, source: String)]
    private(set) var allow: [Line] = []
    private(set) var deny: [Line] = []
    private(set) var others: [Line] = []
    private(set) var nearMisses: [Line] = []
    let because: String?
    /// What of the question no rule allows and none denies.
    private let unallowed: Actions

    struct Line {
        let id: String
        let position: SourcePosition
        /// The actions, with a note, or why it does not match.
        let text: String
        /// What the rule would do: `allows`.
        var verb = ""

        var at: String { "\(position.file):\(position.line)" }
    }

    init(_ options: ExplainOptions, _ user: ExplainedUser, _ policy: AccessPolicy) {
        self.options = options
        self.user = user
        let identity = user.identity
        groups = Self.groups(of: identity, policy)
        switch options.question {
        case .server(let actions):
            let grants = policy.serverGrants(of: actions, to: identity)
            allow = grants.map {
                Line(
                    id: $0.id,
                    position: $0.position,
                    text: $0.actions.words.joined(separator: ", ")
                )
            }
            isAllowed = !grants.isEmpty
            because = nil
            unallowed = []
        case .repository(let actions, let repository, let tag):
            let now =
                options.moment
                ?? Moment(secondsSince1970: WallTime.now.nanoseconds / 1_000_000_000)
            let explanation = policy.explain(
                Explanation.Question(
                    identity,
                    actions,
                    on: repository,
                    tag: tag,
                    in: Circumstances(client: options.client, now: now)
                )
            )
            isAllowed = explanation.isAllowed
            because = explanation.because
            unallowed = explanation.unallowed
            allow = explanation.allow.map(Self.line)
            deny = explanation.deny.map(Self.line)
            others = explanation.others.map { Self.line($0.rule, "other actions") }
            nearMisses = explanation.nearMisses.map { Self.line($0.rule, $0.reason) }
        }
    }

    /// Each once, with where it came from: what an argument says is said, whoever says so besides.
    private static func groups(
        of identity: Identity,
        _ policy: AccessPolicy
    ) -> [(name: ByteString, source: String)] {
        let sources = Dictionary(
            identity.groups.map { ($0.name, $0.source) },
            uniquingKeysWith: { $1 == .argument ? $1 : $0 }
        )
        var seen: Set<ByteString> = []
        return policy.groups(of: identity)
            .filter { !$0.name.isEmpty && seen.insert($0.name).inserted }
            .map { name, isWritten in
                (name, sources[name] == .argument ? "argument" : isWritten ? "config" : "ldap")
            }
    }

    private static func line(_ rule: AccessRule, _ text: String) -> Line {
        let verb =
            switch rule.effect {
            case .allow: "allows"
            case .deny: "denies"
            }
        return Line(id: rule.id, position: rule.position, text: text, verb: verb)
    }

    private static func line(_ matching: Explanation.Matching) -> Line {
        let note = matching.note.map { " (\($0))" } ?? ""
        return Line(
            id: matching.rule.id,
            position: matching.rule.position,
            text: matching.actions.words.joined(separator: ", ") + note
        )
    }
}

/// How the answer is printed.
extension ExplainedAnswer {
    private var subject: String { user.identity.user.map { "\($0)" } ?? "anonymous" }

    private var target: (repository: String?, tag: String?) {
        guard case .repository(_, let repository, let tag) = options.question else {
            return (nil, nil)
        }
        return ("\(repository.bytes)", tag.map { "\($0.bytes)" })
    }

    private var question: String {
        let (repository, tag) = target
        let name = (repository.map { " \($0)" } ?? "") + (tag.map { ":\($0)" } ?? "")
        return options.action + name + (options.client.map { " from \($0)" } ?? "")
            + (options.moment.map { " at \($0)" } ?? "")
    }

    /// One object (product contract, section 2). What `serve` would start with is generation 1.
    var json: String {
        func rules(_ lines: [Line]) -> [JSONObject] {
            lines.map { JSONObject().adding("id", $0.id).adding("at", $0.at) }
        }
        return JSONObject()
            .adding("allowed", flag: isAllowed)
            .adding("user", subject)
            .adding("action", options.action)
            .adding("repository", target.repository)
            .adding("tag", target.tag)
            .adding("from", options.client.map { "\($0)" })
            .adding("at", ifThere: options.moment.map { "\($0)" })
            .adding(
                "groups",
                objects: groups.map {
                    JSONObject().adding("name", "\($0.name)").adding("source", $0.source)
                }
            )
            .adding("allow", objects: rules(allow))
            .adding("deny", objects: rules(deny))
            .adding(
                "near_misses",
                objects: nearMisses.map {
                    JSONObject().adding("id", $0.id).adding("at", $0.at).adding("reason", $0.text)
                }
            )
            .adding("because", because)
            .adding("generation", number: 1)
            .text + "\n"
    }

    func text(isColoured: Bool) -> String {
        var text = row("subject", subject) + row("question", question)
        let names = groups.map { "\($0.name) (\(Self.origin($0.source)))" }
        text += row("groups", names.isEmpty ? "none" : names.joined(separator: ", "))
        if let note = user.note { text += row(note.source, note.text) }
        for line in allow { text += row("allows", "\(line.id) (\(line.at)): \(line.text)") }
        for line in deny { text += row("denies", "\(line.id) (\(line.at)): \(line.text)") }
        for line in others {
            text += row("matches", "\(line.id) (\(line.at)): \(line.verb) \(line.text)")
        }
        for line in nearMisses {
            text += row("near miss", "\(line.id) (\(line.at)): \(line.verb), but \(line.text)")
        }
        return text + row("verdict", verdict(isColoured: isColoured))
    }

    private func row(_ name: String, _ value: String) -> String {
        name + String(repeating: " ", count: max(1, 11 - name.count)) + value + "\n"
    }

    private static func origin(_ source: String) -> String {
        switch source {
        case "config": "access.groups"
        case "ldap": "directory"
        default: "--group"
        }
    }

    private func verdict(isColoured: Bool) -> String {
        let colour = isAllowed ? "32" : "31"
        let word = isAllowed ? "allowed" : "denied"
        let shown = isColoured ? "\u{1B}[1;\(colour)m\(word)\u{1B}[0m" : word
        if isAllowed { return shown }
        if deny.isEmpty { return "\(shown): no rule allows it" }
        let rules = "by " + deny.map(\.id).joined(separator: ", ")
        guard unallowed.isEmpty else {
            let words = unallowed.words.joined(separator: ", ")
            return "\(shown): no rule allows \(words); \(because ?? "denied \(rules)")"
        }
        return because.map { "\(shown): \($0)" } ?? "\(shown) \(rules)"
    }
}
