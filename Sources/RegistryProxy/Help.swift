/// What `--help` can be asked about.
enum HelpTopic: String, CaseIterable {
    case program, serve, check, explain, user, access, audit
    case ldapCheck = "ldap-check"
    case token, version

    /// How the topic is called on the command line.
    var invocation: String {
        self == .program ? "registry-proxy" : "registry-proxy \(rawValue)"
    }

    var text: String {
        switch self {
        case .program: Self.programText
        case .serve: Self.serveText
        case .check: Self.checkText
        case .explain: Self.explainText
        case .user: Self.userText
        case .access: Self.accessText
        case .audit: Self.auditText
        case .ldapCheck: Self.ldapCheckText
        case .token: Self.tokenText
        case .version: Self.versionText
        }
    }

    private static let programText = """
        registry-proxy stands in front of a Docker/OCI registry and adds TLS, a login, access rules
        and a request log.

        Usage: registry-proxy COMMAND [OPTIONS]

          serve     run the proxy in the foreground
          check     read everything that serve would, and print every problem
          explain   say whether somebody may do something, and why
          access    compare access rules; import those of other programs
          user      keep an htpasswd file
          audit     verify and query an audit trail
          ldap-check
                    do one login at the directory, and show each step
          token     make, list and revoke robot tokens
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

        Signals: SIGTERM and SIGINT drain, a second one ends at once; SIGHUP reads the
        configuration and every file that it names anew, which also happens by itself within two
        seconds of a change; SIGUSR1 opens the log files anew.

        Exit codes: 0 drained, 2 wrong usage, 3 the configuration or a file it names is wrong,
        4 an address cannot be bound.

        """

    private static let checkText = """
        Usage: registry-proxy check [--config FILE] [--probe] [--strict] [--json]

        Reads everything that serve would, and prints every problem at once, to standard error as
        FILE:LINE:COL: key.path: what is wrong (what is allowed)

          --config FILE   the configuration; default \(Command.defaultConfiguration)
          --probe         also talk to the registry and to each server of the directory; warn if
                          others can reach the registry's address
          --strict        warnings count as errors
          --json          print the result to standard output as one JSON object

        Exit codes: 0 nothing is wrong, 2 wrong usage, 3 there are errors, 4 only a probe failed.

        """

    private static let userText = """
        Usage: registry-proxy user set    --file FILE NAME [--stdin]
               registry-proxy user remove --file FILE NAME
               registry-proxy user list   --file FILE
               registry-proxy user verify --file FILE NAME [--stdin]

        Keeps an htpasswd file: set adds a user or changes the password (bcrypt, cost 10), remove
        takes the user out, list prints the names, verify tells whether a password is right.
        The file is replaced in one step and made if it is missing. A running proxy takes it over
        within two seconds.

        list leaves out users whose line cannot be taken, and says on standard error what is wrong
        with it. One such line is enough for a proxy to refuse the file.

          --file FILE   the htpasswd file
          --stdin       read the password from standard input, without one newline at its end;
                        otherwise it is asked for on the terminal and not shown

        Exit codes: 0 yes or done, 1 no such user or wrong password, 2 wrong usage or a password
        that cannot be used, 3 the file is no htpasswd file, 4 the file or the terminal is
        unavailable.

        """

    private static let explainText = """
        Usage: registry-proxy explain USER ACTION [REPOSITORY[:TAG]] [--config FILE] [--group G]...
               [--from IP] [--at DATETIME] [--offline] [--shadow] [--json]

        Says whether USER ("anonymous" without a login) may do ACTION, and why: the user's groups,
        the rules that allow and deny it, and near misses, which would match but for one thing.
        ACTION is pull, create, overwrite, delete, push or all, for which every part must be
        allowed; or, without a repository, catalog or admin. Without TAG it is about layers and
        manifests by digest.

          --config FILE   the configuration; default \(Command.defaultConfiguration)
          --group G       the user is also in this group; may be repeated
          --from IP       where the request comes from; without it rules with when.from do not match
          --at DATETIME   when the request comes, instead of now: 2027-06-30, which is its first
                          second, or 2027-06-30T12:00:00Z
          --offline       do not ask the directory for groups (asked with auth.ldap.bind_dn only)
          --shadow        by the rules of access.shadow
          --json          print the answer as one JSON object

        Exit codes: 0 allowed, 1 denied, 2 wrong usage, 3 the configuration is wrong, 4 the
        directory does not answer.

        """

    private static let accessText = """
        Usage: registry-proxy access diff OLD NEW [--log ACCESS_LOG]... [--json] [--exit-code]
               registry-proxy access import docker-auth|zot FILE

        diff tells who gains and who loses what from the access rules of OLD to those of NEW, each
        a configuration or a file with an access section only. Each line is proven by a question
        whose answer changes.

          --log FILE    also ask about each request of an access log in JSON, and count those that
                        would be answered differently; may be repeated
          --json        print the result as one JSON object
          --exit-code   end with status 1 if there are differences

        import reads the configuration of docker_auth (its acl) or zot (its accessControl) and
        prints the same rules as ours to standard output, as an access section with comments. What
        could not be carried over, or not exactly, is listed on standard error and in the comments.
        The rules never give more than the others did, except that create and overwrite imply pull.

        Exit codes: 0 done, 1 there are differences (--exit-code), 2 wrong usage, 3 a file is wrong
        or holds no such rules, 4 a file cannot be read.

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

    private static let ldapCheckText = """
        Usage: registry-proxy ldap-check USER [--config FILE] [--stdin] [--no-password]

        Does one login at the directory of auth.ldap as serve would, without its memory, and prints
        each step with the time it took: server, TLS, bind, search, the entry's name, groups.

          --config FILE   the configuration; default \(Command.defaultConfiguration)
          --stdin         read the password from standard input, without one newline at its end;
                          otherwise it is asked for on the terminal, if there is one
          --no-password   only look the user up

        Exit codes: 0 the login is right, 1 wrong password or unknown user, 2 wrong usage,
        3 the configuration is wrong or has no directory, 4 no answer.

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
