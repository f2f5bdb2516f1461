// `registry-proxy explain` where groups come from a directory.

import TestSupport
import Testing

@Suite(.ownThreads) struct ExplainDirectoryTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory("explain") }

    private func configuration(port: Int) throws -> String {
        let slapd = try Slapd.shared()
        let users = try PasswordLines.file(for: [TestUser("user02", "here")], cost: 4)
        try directory.write(users, to: "users")
        try Command.check(["chmod", "600", directory.file("users")])
        return try directory.write(
            """
            listen: [{ address: "127.0.0.1:0" }]
            upstream: { url: "http://127.0.0.1:5000" }
            auth:
              htpasswd: { file: users }
              ldap:
                servers: ["ldap://127.0.0.1:\(port)"]
                start_tls: true
                ca: \(slapd.certificates.ca)
                bind_dn: "\(DirectoryData.serviceDN)"
                bind_password_file: \(try slapd.passwordFile())
                users: { base: "\(DirectoryData.people)", filter: "(uid={user})" }
                groups: { strategy: search, base: "\(DirectoryData.groups)" }
            access:
              groups:
                own: { users: [user01] }
                coders: { ldap: [devs] }
              rules:
                - { id: dev, who: ["group:devs"], repos: ["dev/**"], allow: [push] }
            """,
            to: "config.yaml"
        )
    }

    private func explain(_ words: String...) throws -> Finished {
        try Command.run(
            [Project.program, "explain"] + words
                + ["--config", directory.file("config.yaml"), "--json"])
    }

    @Test("groups are asked for, unless the directory would not be at a login")
    func groups() throws {
        let slapd = try Slapd.shared()
        _ = try configuration(port: slapd.port)
        let member = try explain("user01", "push", "dev/a", "--group", "more")
        #expect(member.status == 0, "\(member)")
        for (group, source) in [
            ("own", "config"), ("coders", "config"), ("devs", "ldap"), ("more", "argument"),
        ] {
            #expect(
                member.text.contains(#"{"name":"\#(group)","source":"\#(source)"}"#), "\(member)")
        }
        let loud = try explain("USER01", "push", "dev/a")
        #expect(loud.text.contains(#""user":"user01""#), "as a login would be called: \(loud)")
        #expect(try explain("user01", "push", "dev/a", "--offline").status == 1)
        // In the password file, which is asked first.
        let local = try explain("user02", "push", "dev/a")
        #expect(local.status == 1 && local.text.contains(#""groups":[]"#), "\(local)")
        #expect(try explain("anonymous", "push", "dev/a").status == 1)
        let unknown = try Command.run([
            Project.program, "explain", "nobody", "pull", "dev/a", "--config",
            directory.file("config.yaml"),
        ])
        #expect(unknown.text.contains("directory  does not know nobody\n"), "\(unknown)")
    }

    @Test("a directory that does not answer is no answer")
    func silence() throws {
        _ = try configuration(port: freePort())
        let silent = try explain("user01", "push", "dev/a")
        #expect(silent.status == 4 && silent.text.isEmpty, "\(silent)")
        #expect(silent.errorText.contains("--offline"), "\(silent)")
        #expect(try explain("user01", "push", "dev/a", "--offline").status == 1)
    }
}
