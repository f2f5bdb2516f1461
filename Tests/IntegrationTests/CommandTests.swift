// The commands beside `serve`, as scripts use them.

import TestSupport
import Testing

@Suite(.ownThreads) struct CommandTests {
    private func run(_ arguments: String..., input: String = "") throws -> Finished {
        try Command.run([Project.program] + arguments, input: Array(input.utf8), within: 30)
    }

    @Test("version and help say what they are, wrong usage is 2")
    func usage() throws {
        let version = try run("version")
        #expect(version.status == 0 && version.text.hasPrefix("registry-proxy"))
        for command in [[], ["serve"], ["check"], ["user"], ["version"]] {
            let help = try Command.run([Project.program] + command + ["--help"])
            #expect(help.status == 0 && !help.text.isEmpty, "\(help)")
        }
        for wrong in [["nonsense"], ["serve", "--nonsense"], ["check", "--config"], ["user"]] {
            let finished = try Command.run([Project.program] + wrong)
            #expect(finished.status == 2, "\(finished)")
            #expect(!finished.errorText.isEmpty && finished.text.isEmpty)
        }
    }

    /// Runs what follows it where nothing is mounted at /proc.
    private static let withoutProc = [
        "unshare", "--map-root-user", "--mount", "sh", "-c",
        "mount -t tmpfs none /proc && exec \"$@\"", "sh",
    ]

    private static var mayUnmount: Bool {
        (try? Command.run(withoutProc + ["true"]).status) == 0
    }

    @Test(
        "a root directory need not have /proc",
        .enabled(if: mayUnmount, "no namespaces here"))
    func withoutProc() throws {
        let finished = try Command.run(Self.withoutProc + [Project.program, "version"])
        #expect(finished.text.hasPrefix("registry-proxy "), "\(finished)")
    }

    @Test("user set, verify, list and remove keep a file that Apache understands")
    func user() throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("users")
        let set = try run("user", "set", "--file", file, "dora", "--stdin", input: "pä:ss wörd\n")
        #expect(set.status == 0, "\(set)")
        let verified = ["user", "verify", "--file", file, "dora", "--stdin"]
        let right = try Command.run(
            [Project.program] + verified,
            input: Array("pä:ss wörd\n".utf8)
        )
        #expect(right.status == 0, "\(right)")
        let wrong = try Command.run([Project.program] + verified, input: Array("other\n".utf8))
        #expect(wrong.status == 1)
        try Command.check(["htpasswd", "-vb", file, "dora", "pä:ss wörd"])
        let text = try directory.read("users")
        #expect(text.hasPrefix("dora:$2") && text.contains("$10$"))
        _ = try run("user", "set", "--file", file, "eve", "--stdin", input: "x\n")
        #expect(try run("user", "list", "--file", file).text == "dora\neve\n")
        #expect(try run("user", "remove", "--file", file, "dora").status == 0)
        #expect(try run("user", "list", "--file", file).text == "eve\n")
        let gone = try run("user", "verify", "--file", file, "dora", "--stdin", input: "x\n")
        #expect(gone.status == 1)
        #expect(try run("user", "set", "--file", file, "a:b", "--stdin", input: "x\n").status == 2)
    }

    @Test("check prints every problem at once, with its place, and exits with 3")
    func check() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(
            """
            listen:
              - address: 0.0.0.0:443
            upstream:
              ulr: http://127.0.0.1:5000
            access:
              rules:
                - { id: a, who: [anyone], repos: ["**"], allow: [pul] }
            timeouts: { idle: 75 }
            """,
            to: "c.yaml"
        )
        let finished = try run("check", "--config", path)
        #expect(finished.status == 3)
        let lines = finished.errorText.split(separator: "\n")
        #expect(lines.count >= 4, "\(finished.errorText)")
        #expect(finished.errorText.contains("\(path):4:3: upstream.ulr:"))
        #expect(finished.errorText.contains("url"), "the nearest known key")
        #expect(finished.errorText.contains("access.rules[0].allow"))
        #expect(finished.errorText.contains("timeouts.idle"))
        let serve = try run("serve", "--config", path)
        #expect(serve.status == 3)
        let missing = try run("check", "--config", directory.file("none.yaml"))
        #expect(missing.status == 3)
    }

    @Test("a good configuration is 0, whatever the upstream is up to")
    func good() throws {
        let directory = try TemporaryDirectory()
        try directory.write(PasswordLines.file(for: [.alice]), to: "users")
        let path = try directory.write(
            """
            listen: [{ address: 127.0.0.1:0 }]
            upstream: { url: http://127.0.0.1:1 }
            auth: { htpasswd: { file: users } }
            access:
              rules:
                - { id: a, who: [authenticated], repos: ["**"], allow: [pull] }
            """,
            to: "c.yaml"
        )
        #expect(try run("check", "--config", path).status == 0)
    }

    @Test("a secret file that others may read is refused")
    func permissions() throws {
        let directory = try TemporaryDirectory()
        try directory.write(PasswordLines.file(for: [.alice]), to: "users")
        try Command.check(["chmod", "644", directory.file("users")])
        let path = try directory.write(
            """
            listen: [{ address: 127.0.0.1:0 }]
            upstream: { url: http://127.0.0.1:1 }
            auth: { htpasswd: { file: users } }
            """,
            to: "c.yaml"
        )
        let finished = try run("check", "--config", path)
        #expect(finished.status == 3)
        #expect(finished.errorText.contains("users"))
    }
}
