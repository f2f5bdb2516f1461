/// What `--help` can be asked about.
enum HelpTopic: String, CaseIterable {
    case program, serve, check, user, audit, version

    /// How the topic is called on the command line.
    var invocation: String {
        self == .program ? "registry-proxy" : "registry-proxy \(rawValue)"
    }

    var text: String {
        switch self {
        case .program: Self.programText
        case .serve: Self.serveText
        case .check: Self.checkText
        case .user: Self.userText
        case .audit: Self.auditText
        case .version: Self.versionText
        }
    }

    private static let programText = """
        registry-proxy stands in front of a Docker/OCI registry and adds TLS, a login, access rules
        and a request log.

        Usage: registry-proxy COMMAND [OPTIONS]

          serve     run the proxy in the foreground
          check     read everything that serve would, and print every problem
          user      keep an htpasswd file
          audit     verify and query an audit trail
          version   print the version

        "registry-proxy COMMAND --help" tells more.

        Exit codes: 0 yes or done, 1 the answer is no, 2 wrong usage, 3 the configuration is wrong,
        4 something it needs is unavailable.

        """

    private static let serveText = """
        Usage: registry-proxy serve [--config FILE]

        Runs the proxy in the foreground. Its own events go to standard error, one JSON object per
        line; the event "ready" says that every address is bound.

          --config FILE   the configuration; default \(Command.defaultConfiguration)

        Signals: SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reads the htpasswd file
        and the certificates anew; SIGUSR1 opens the log files anew.

        Exit codes: 0 drained, 2 wrong usage, 3 the configuration or a file it names is wrong,
        4 an address cannot be bound.

        """

    private static let checkText = """
        Usage: registry-proxy check [--config FILE] [--strict] [--json]

        Reads everything that serve would, and prints every problem at once, to standard error as
        FILE:LINE:COL: key.path: what is wrong (what is allowed)

          --config FILE   the configuration; default \(Command.defaultConfiguration)
          --strict        warnings count as errors
          --json          print the result to standard output as one JSON object

        Exit codes: 0 nothing is wrong, 2 wrong usage, 3 there are errors.

        """

    private static let userText = """
        Usage: registry-proxy user set    --file FILE NAME [--stdin]
               registry-proxy user remove --file FILE NAME
               registry-proxy user list   --file FILE
               registry-proxy user verify --file FILE NAME [--stdin]

        Keeps an htpasswd file: set adds a user or changes the password (bcrypt, cost 10), remove
        takes the user out, list prints the names, verify tells whether a password is right.
        The file is replaced in one step and made if it is missing. A running proxy takes it over
        on SIGHUP.

          --file FILE   the htpasswd file
          --stdin       read the password from standard input, without one newline at its end;
                        otherwise it is asked for on the terminal and not shown

        Exit codes: 0 yes or done, 1 no such user or wrong password, 2 wrong usage or a password
        that cannot be used, 3 the file is no htpasswd file, 4 the file or the terminal is
        unavailable.

        """

    private static let auditText = """
        Usage: registry-proxy audit verify [--head SEQ:HASH] [--public-key FILE] FILE…
               registry-proxy audit query [CONDITIONS] [--last-pulled] [--format table|json] FILE…
               registry-proxy audit history REPOSITORY[:TAG] FILE…
               registry-proxy audit who REPOSITORY[:TAG] FILE…

        Reads the files of an audit trail, compressed or not, in the order of their records,
        whatever the order on the command line.

        verify checks that no record was changed, dropped, moved or doubled, and prints
        FILE:LINE: seq N: reason for each place where one was; then the head to note elsewhere.
          --head SEQ:HASH     an earlier head: also finds an end that was cut off
          --public-key FILE   what checkpoints must be signed with, PEM: also finds a trail that
                              was computed anew

        query prints the records that meet all conditions, the oldest first:
          --user NAME  --repository PATTERN  --event NAME  --outcome NAME  --digest DIGEST
          --from TIME  --to TIME   2026-11-21 or 2026-11-21T07:56:03Z; a day counts to its end
          --last-pulled   only the newest pull of each tag and digest
          --format        table (for people) or json (the lines as they are)

        history prints who moved a tag from what to what, and when; who prints everybody who
        pulled, pushed, deleted or was refused.

        Exit codes: 0 done or whole, 1 the chain is broken, 2 wrong usage, 4 a file cannot be read.

        """

    private static let versionText = """
        Usage: registry-proxy version

        Prints the version.

        """
}

/// The version of this program.
let programVersion = "0.1.0"

/// Prints a help text to standard output.
func printHelp(_ topic: HelpTopic) -> Int32 {
    CommandOutcome(standardOutput: topic.text).emit()
}

/// Prints the version to standard output.
func runVersion() -> Int32 {
    CommandOutcome(standardOutput: "registry-proxy \(programVersion)\n").emit()
}

/// Prints what was wrong with the command line to standard error.
func printUsageError(_ error: UsageError) -> Int32 {
    CommandOutcome(.wrongUsage, standardError: error.description).emit()
}
