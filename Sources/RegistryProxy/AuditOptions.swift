import AuditTrail
import Bytes
import Logbook

/// What `registry-proxy audit` was asked for, and of which files.
struct AuditOptions: Equatable {
    enum Action: Equatable {
        case verify(head: TrailVerifier.Head?, publicKey: String?)
        case query(AuditConditions, AuditFormat)
        /// The newest pull of each tag and digest.
        case lastPulled(AuditConditions, AuditFormat)
        case history(AuditTarget)
        case who(AuditTarget)
    }

    var action: Action
    var files: [String]
}

enum AuditFormat: String, CaseIterable {
    case table, json
}

/// A repository, or one tag of it.
struct AuditTarget: Equatable {
    var repository: ByteString
    var tag: ByteString?

    init(_ text: String) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")) else {
            repository = ByteString(bytes)
            return
        }
        repository = ByteString(Array(bytes[..<colon]))
        tag = ByteString(Array(bytes[(colon + 1)...]))
    }
}

/// The conditions of `audit query`, as written.
struct AuditConditions: Equatable {
    var user: String?
    /// A pattern as in `repos` of a rule.
    var repository: String?
    var event: String?
    var outcome: String?
    var digest: String?
    var from: WallTime?
    /// The first moment that does not count any more.
    var to: WallTime?
}

extension Command {
    static func audit(_ words: [String]) throws(UsageError) -> Command {
        guard let word = words.first, word != "--help", word != "-h" else {
            if words.isEmpty {
                throw UsageError(message: "no action (\(auditActions))", topic: .audit)
            }
            return .help(.audit)
        }
        let rest = Array(words.dropFirst())
        switch word {
        case "verify": return try auditVerify(rest)
        case "query": return try auditQuery(rest)
        case "history": return try auditTarget(rest, word) { .history($0) }
        case "who": return try auditTarget(rest, word) { .who($0) }
        default:
            throw UsageError(
                message: "unknown action \"\(word)\" (\(auditActions))",
                topic: .audit
            )
        }
    }

    private static let auditActions = "verify, query, history, who"

    private static func auditVerify(_ words: [String]) throws(UsageError) -> Command {
        let parsed = try Arguments(words, options: ["--head", "--public-key"], topic: .audit)
        if parsed.asksForHelp { return .help(.audit) }
        var head: TrailVerifier.Head?
        if let text = parsed.options["--head"] {
            head = TrailVerifier.Head(parsing: text)
            guard head != nil else {
                let message = "--head \(text) is not SEQ:HASH, as verify prints it"
                throw UsageError(message: message, topic: .audit)
            }
        }
        let files = try auditFiles(parsed.names)
        let action = AuditOptions.Action.verify(
            head: head,
            publicKey: parsed.options["--public-key"]
        )
        return .audit(AuditOptions(action: action, files: files))
    }

    private static func auditQuery(_ words: [String]) throws(UsageError) -> Command {
        let parsed = try Arguments(
            words,
            options: [
                "--user", "--repository", "--event", "--outcome", "--digest", "--from", "--to",
                "--format",
            ],
            flags: ["--last-pulled"],
            topic: .audit
        )
        if parsed.asksForHelp { return .help(.audit) }
        var conditions = AuditConditions()
        conditions.user = parsed.options["--user"]
        conditions.repository = parsed.options["--repository"]
        conditions.event = try known(
            parsed.options["--event"], "--event",
            among: AuditRecord.Event.allCases.map(\.text.description)
        )
        conditions.outcome = try known(
            parsed.options["--outcome"], "--outcome",
            among: AuditRecord.Outcome.allCases.map(\.text.description)
        )
        conditions.digest = parsed.options["--digest"]
        conditions.from = try moment(parsed.options["--from"], "--from")
        conditions.to = try end(parsed.options["--to"])
        let format = try known(
            parsed.options["--format"], "--format",
            among: AuditFormat.allCases.map(\.rawValue)
        )
        let shape = format.flatMap(AuditFormat.init) ?? .table
        let files = try auditFiles(parsed.names)
        let action: AuditOptions.Action =
            parsed.flags.contains("--last-pulled")
            ? .lastPulled(conditions, shape) : .query(conditions, shape)
        return .audit(AuditOptions(action: action, files: files))
    }

    private static func auditTarget(
        _ words: [String],
        _ name: String,
        _ action: (AuditTarget) -> AuditOptions.Action
    ) throws(UsageError) -> Command {
        let parsed = try Arguments(words, topic: .audit)
        if parsed.asksForHelp { return .help(.audit) }
        guard let target = parsed.names.first else {
            throw UsageError(message: "audit \(name) needs REPOSITORY[:TAG]", topic: .audit)
        }
        let files = try auditFiles(Array(parsed.names.dropFirst()))
        return .audit(AuditOptions(action: action(AuditTarget(target)), files: files))
    }

    private static func auditFiles(_ names: [String]) throws(UsageError) -> [String] {
        guard !names.isEmpty else {
            throw UsageError(message: "no FILE of an audit trail", topic: .audit)
        }
        return names
    }

    private static func known(
        _ word: String?,
        _ option: String,
        among words: [String]
    ) throws(UsageError) -> String? {
        guard let word, !words.contains(word) else { return word }
        let message = "\(option) \(word) is unknown (\(words.joined(separator: ", ")))"
        throw UsageError(message: message, topic: .audit)
    }

    private static func moment(
        _ text: String?,
        _ option: String
    ) throws(UsageError) -> WallTime? {
        guard let text else { return nil }
        guard let time = WallTime(text: Array(text.utf8).span) else {
            let message = "\(option) \(text) is no moment (2026-11-21, 2026-11-21T07:56:03Z)"
            throw UsageError(message: message, topic: .audit)
        }
        return time
    }

    /// A day counts to its end, a moment with itself.
    private static func end(_ text: String?) throws(UsageError) -> WallTime? {
        guard let text, let time = try moment(text, "--to") else { return nil }
        let rest: Int64 = text.utf8.count == 10 ? 86_400_000_000_000 : 1000
        return WallTime(nanoseconds: time.nanoseconds + rest)
    }
}

extension TrailVerifier.Head {
    /// `SEQ:HASH`, the hash in padded base64.
    init?(parsing text: String) {
        let bytes = Array(text.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let sequence = bytes.span.extracting(0..<colon).decimalValue, sequence > 0,
            bytes.count - colon - 1 == 44
        else { return nil }
        self.init(sequence: sequence, code: ByteString(Array(bytes[(colon + 1)...])))
    }
}
