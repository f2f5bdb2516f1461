/// What the operator asked the program to do.
enum Command: Equatable {
    case serve(configuration: String)
    case check(CheckOptions)
    case user(UserOptions)
    case explain(ExplainOptions)
    case accessDiff(DiffOptions)
    case accessImport(ImportOptions)
    case audit(AuditOptions)
    case directoryCheck(DirectoryCheckOptions)
    case token(TokenOptions)
    case version
    case help(HelpTopic)

    static let defaultConfiguration = "/etc/registry-proxy/config.yaml"
}

struct CheckOptions: Equatable {
    var configuration = Command.defaultConfiguration
    /// Warnings count as errors.
    var isStrict = false
    var isJSON = false
    /// Also talks to the registry and the directory.
    var probes = false
}

struct UserOptions: Equatable {
    enum Action: String, CaseIterable {
        case set, remove, list, verify
    }

    var action: Action
    var file: String
    /// `nil` for `list` only.
    var name: String?
    /// The password comes from standard input, not from the terminal.
    var readsStandardInput = false
}

struct DirectoryCheckOptions: Equatable {
    var configuration = Command.defaultConfiguration
    var user: String
    /// The password comes from standard input, not from the terminal.
    var readsStandardInput = false
    /// Only looks the user up.
    var asksForNoPassword = false
}

/// The command line was not understood. Exit code 2.
struct UsageError: Error, Equatable {
    let message: String
    /// Whose `--help` explains it.
    let topic: HelpTopic

    /// What is wrong, and where to read on.
    var description: String {
        "registry-proxy: \(message)\nTry \"\(topic.invocation) --help\".\n"
    }
}

extension Command {
    /// - Parameter words: without the program's own name.
    init(parsing words: [String]) throws(UsageError) {
        guard let name = words.first else {
            throw UsageError(message: "no command", topic: .program)
        }
        let rest = Array(words.dropFirst())
        switch name {
        case "serve": self = try Self.serve(rest)
        case "check": self = try Self.check(rest)
        case "explain": self = try Self.explain(rest)
        case "user": self = try Self.user(rest)
        case "access": self = try Self.access(rest)
        case "audit": self = try Self.audit(rest)
        case "ldap-check": self = try Self.directoryCheck(rest)
        case "token": self = try Self.token(rest)
        case "version", "--version": self = try Self.version(rest)
        case "help", "--help", "-h": self = .help(.program)
        default: throw UsageError(message: "unknown command \"\(name)\"", topic: .program)
        }
    }

    private static func serve(_ words: [String]) throws(UsageError) -> Command {
        let parsed = try Arguments(words, options: ["--config"], topic: .serve)
        if parsed.asksForHelp { return .help(.serve) }
        try parsed.refuseNames(after: 0)
        return .serve(configuration: parsed.options["--config"] ?? defaultConfiguration)
    }

    private static func check(_ words: [String]) throws(UsageError) -> Command {
        let flags: Set = ["--strict", "--json", "--probe"]
        let parsed = try Arguments(words, options: ["--config"], flags: flags, topic: .check)
        if parsed.asksForHelp { return .help(.check) }
        try parsed.refuseNames(after: 0)
        return .check(
            CheckOptions(
                configuration: parsed.options["--config"] ?? defaultConfiguration,
                isStrict: parsed.flags.contains("--strict"),
                isJSON: parsed.flags.contains("--json"),
                probes: parsed.flags.contains("--probe")
            )
        )
    }

    private static func user(_ words: [String]) throws(UsageError) -> Command {
        let parsed = try Arguments(
            words,
            options: ["--file"],
            flags: ["--stdin"],
            topic: .user
        )
        if parsed.asksForHelp { return .help(.user) }
        guard let word = parsed.names.first else {
            throw UsageError(message: "no action (set, remove, list, verify)", topic: .user)
        }
        guard let action = UserOptions.Action(rawValue: word) else {
            throw UsageError(message: "unknown action \"\(word)\"", topic: .user)
        }
        guard let file = parsed.options["--file"] else {
            throw UsageError(message: "--file FILE is required", topic: .user)
        }
        let takesName = action != .list
        try parsed.refuseNames(after: takesName ? 2 : 1)
        let name = parsed.names.dropFirst().first
        if takesName, name == nil {
            throw UsageError(message: "user \(action) needs a NAME", topic: .user)
        }
        let readsStandardInput = parsed.flags.contains("--stdin")
        if readsStandardInput, action == .list || action == .remove {
            throw UsageError(message: "user \(action) takes no password", topic: .user)
        }
        return .user(
            UserOptions(
                action: action,
                file: file,
                name: name,
                readsStandardInput: readsStandardInput
            )
        )
    }

    private static func directoryCheck(_ words: [String]) throws(UsageError) -> Command {
        let flags: Set = ["--stdin", "--no-password"]
        let parsed = try Arguments(words, options: ["--config"], flags: flags, topic: .ldapCheck)
        if parsed.asksForHelp { return .help(.ldapCheck) }
        guard let user = parsed.names.first, !user.isEmpty else {
            throw UsageError(message: "no USER", topic: .ldapCheck)
        }
        try parsed.refuseNames(after: 1)
        let options = DirectoryCheckOptions(
            configuration: parsed.options["--config"] ?? defaultConfiguration,
            user: user,
            readsStandardInput: parsed.flags.contains("--stdin"),
            asksForNoPassword: parsed.flags.contains("--no-password")
        )
        if options.readsStandardInput, options.asksForNoPassword {
            throw UsageError(message: "--stdin stands beside --no-password", topic: .ldapCheck)
        }
        return .directoryCheck(options)
    }

    private static func version(_ words: [String]) throws(UsageError) -> Command {
        let parsed = try Arguments(words, topic: .version)
        if parsed.asksForHelp { return .help(.version) }
        try parsed.refuseNames(after: 0)
        return .version
    }
}
