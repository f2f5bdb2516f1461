import Testing

@testable import RegistryProxy

@Suite struct CommandLineTests {
    @Test(
        "a command line is understood",
        arguments: [
            ("serve", .serve(configuration: "/etc/registry-proxy/config.yaml")),
            ("serve --config a.yaml", .serve(configuration: "a.yaml")),
            ("serve --config=a=b.yaml", .serve(configuration: "a=b.yaml")),
            ("check", .check(CheckOptions())),
            (
                "check --json --config c --strict",
                .check(CheckOptions(configuration: "c", isStrict: true, isJSON: true))
            ),
            ("user list --file f", .user(UserOptions(action: .list, file: "f"))),
            (
                "user set --file f ann --stdin",
                .user(
                    UserOptions(action: .set, file: "f", name: "ann", readsStandardInput: true)
                )
            ),
            (
                "user --file f remove -- -ann",
                .user(UserOptions(action: .remove, file: "f", name: "-ann"))
            ),
            (
                "user verify ann --file=f",
                .user(UserOptions(action: .verify, file: "f", name: "ann"))
            ),
            ("version", .version), ("--version", .version),
            ("--help", .help(.program)), ("-h", .help(.program)), ("help", .help(.program)),
            ("serve --help", .help(.serve)), ("check -h", .help(.check)),
            ("user --help", .help(.user)), ("user set --help", .help(.user)),
            ("version --help", .help(.version)),
        ] as [(String, Command)]
    )
    func understood(line: String, command: Command) throws {
        #expect(try Command(parsing: line.split(separator: " ").map(String.init)) == command)
    }

    @Test(
        "wrong usage names the mistake and where to read on",
        arguments: [
            ("", "no command", HelpTopic.program),
            ("start", "unknown command \"start\"", .program),
            ("launch ann pull", "unknown command \"launch\"", .program),
            ("serve now", "unexpected \"now\"", .serve),
            ("serve --config", "--config needs a value", .serve),
            ("serve --config=", "--config needs a value", .serve),
            ("serve --config a --config b", "--config is there twice", .serve),
            ("serve --strict", "unknown option \"--strict\"", .serve),
            ("check --probes", "unknown option \"--probes\"", .check),
            ("check --json --json", "--json is there twice", .check),
            ("check --json=1", "unknown option \"--json=1\"", .check),
            ("check -v", "unknown option \"-v\"", .check),
            ("user", "no action (set, remove, list, verify)", .user),
            ("user add --file f ann", "unknown action \"add\"", .user),
            ("user set ann", "--file FILE is required", .user),
            ("user set --file f", "user set needs a NAME", .user),
            ("user set --file f ann bob", "unexpected \"bob\"", .user),
            ("user list --file f ann", "unexpected \"ann\"", .user),
            ("user list --file f --stdin", "user list takes no password", .user),
            ("version 2", "unexpected \"2\"", .version),
        ]
    )
    func refused(line: String, message: String, topic: HelpTopic) {
        #expect(throws: UsageError(message: message, topic: topic)) {
            try Command(parsing: line.split(separator: " ").map(String.init))
        }
    }

    @Test("the hint says which help to read")
    func hint() {
        #expect(
            UsageError(message: "no action", topic: .user).description
                == "registry-proxy: no action\nTry \"registry-proxy user --help\".\n"
        )
    }

    @Test("each help text fits a terminal and names its usage", arguments: HelpTopic.allCases)
    func help(topic: HelpTopic) {
        #expect(topic.text.contains("Usage: \(topic.invocation)"))
        #expect(topic.text.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }
}
