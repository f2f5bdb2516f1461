import AccessControl
import Bytes
import RegistryAPI

extension Command {
    /// `explain USER ACTION [REPOSITORY[:TAG]]`.
    static func explain(_ words: [String]) throws(UsageError) -> Command {
        let parsed = try Arguments(
            words,
            options: ["--config", "--from", "--at"],
            repeatable: ["--group"],
            flags: ["--offline", "--json", "--shadow"],
            topic: .explain
        )
        if parsed.asksForHelp { return .help(.explain) }
        guard parsed.names.count >= 2 else {
            throw wrong("USER and ACTION are required")
        }
        try parsed.refuseNames(after: 3)
        let action = parsed.names[1]
        let target = parsed.names.dropFirst(2).first
        var options = ExplainOptions(
            user: try user(parsed.names[0]),
            action: action,
            question: try question(action, target)
        )
        options.configuration = parsed.options["--config"] ?? defaultConfiguration
        options.groups = (parsed.lists["--group"] ?? []).map { ByteString($0) }
        if options.user == nil, !options.groups.isEmpty {
            throw wrong("anonymous is in no group")
        }
        if let text = parsed.options["--from"] {
            let bytes = ByteString(text)
            guard let client = IPAddress(parsing: bytes.span) else {
                throw wrong("--from \(text) is no IP address")
            }
            options.client = client
        }
        if let text = parsed.options["--at"] {
            // As `at` of a rule test.
            guard let moment = Moment(parsing: Array(text.utf8).span, dateIs: .first) else {
                let forms = "2027-06-30 or 2027-06-30T12:00:00Z"
                throw wrong("--at \(text) is no date and no time (\(forms))")
            }
            options.moment = moment
        }
        options.isOffline = parsed.flags.contains("--offline")
        options.isJSON = parsed.flags.contains("--json")
        options.usesShadow = parsed.flags.contains("--shadow")
        return .explain(options)
    }

    private static func wrong(_ message: String) -> UsageError {
        UsageError(message: message, topic: .explain)
    }

    private static func user(_ name: String) throws(UsageError) -> ByteString? {
        if name == "anonymous" { return nil }
        // As rules write it: nobody is called so.
        guard !name.contains(":") else {
            throw wrong("\"\(name)\" is no user (a user's name alone, or anonymous)")
        }
        do throws(SubjectError) {
            guard case .user(let user) = try Subject(parsing: ByteString("user:\(name)")) else {
                throw SubjectError.unknownForm
            }
            return user
        } catch {
            throw wrong("\"\(name)\" is no user: \(error)")
        }
    }

    private static func question(
        _ action: String,
        _ target: String?
    ) throws(UsageError) -> ExplainOptions.Question {
        if let actions = ServerActions(named: ByteString(action)) {
            guard target == nil else { throw wrong("\(action) is about no repository") }
            return .server(actions)
        }
        guard let actions = Actions(named: ByteString(action)) else {
            let known = "\(Actions.names), \(ServerActions.names)"
            throw wrong("unknown action \"\(action)\" (\(known))")
        }
        guard let target else { throw wrong("\(action) needs a REPOSITORY") }
        let (name, tag) = try repository(target)
        return .repository(actions, name, tag)
    }

    /// `team/app`, `team/app:v1` or `team/app@sha256:…`, which has no tag.
    private static func repository(
        _ text: String
    ) throws(UsageError) -> (name: RepositoryName, tag: Tag?) {
        let bytes = Array(text.utf8)
        var name = bytes
        var tag: Tag?
        if let at = bytes.firstIndex(of: UInt8(ascii: "@")) {
            name = Array(bytes[..<at])
            let digest = Array(bytes[(at + 1)...])
            guard Digest(validating: digest.span) != nil else {
                throw wrong("\"\(text)\" has no valid digest")
            }
        } else if let colon = bytes.lastIndex(of: UInt8(ascii: ":")) {
            name = Array(bytes[..<colon])
            let label = Array(bytes[(colon + 1)...])
            tag = Tag(validating: label.span)
            guard tag != nil else { throw wrong("\"\(text)\" has no valid tag") }
        }
        guard let repository = RepositoryName(validating: name.span) else {
            throw wrong("\"\(text)\" is no repository")
        }
        return (repository, tag)
    }
}
