extension HelpTopic {
    static let tokenText = """
        Usage: registry-proxy token mint --owner USER --name NAME --actions A,… --repositories P,…
                                    [--tags P,…] [--networks N,…] --expires DURATION|DATE
                                    [--json] [--config FILE]
               registry-proxy token list [--owner USER] [--json] [--config FILE]
               registry-proxy token revoke ID [--config FILE]

        Robot tokens are passwords for machines: they log in as their owner, can do at most what
        they were made for and never more than the rules give the owner at that moment. They are
        kept, hashed, in the file that auth.robots.file names; every proxy that shares it knows of
        a change within a second.

        mint prints the token to standard output, once; nobody can print it again.

          --owner USER         whose rights it narrows; must be known
          --name NAME          what it is called in lists and denials
          --actions A,…        pull, create, overwrite, delete, push, all
          --repositories P,…   patterns as in access rules: team/**
          --tags P,…           the same for tags; without it, all
          --networks N,…       where it may be used from; without it, anywhere
          --expires …          90d, 12h, or a date, whose last second is the last of the token
          --json               one JSON object on standard output
          --config FILE        the configuration; default \(Command.defaultConfiguration)

        Exit codes: 0 done, 1 no such user or token, 2 wrong usage, 3 the configuration is wrong,
        4 the file cannot be written or the directory does not answer.

        """
}
