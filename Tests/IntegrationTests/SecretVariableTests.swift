// Secrets in environment variables, as `check` sees them.

import TestSupport
import Testing

@Suite(.ownThreads) struct SecretVariableTests {
    private func check(
        _ lines: String,
        _ environment: [String: String]
    ) throws -> Finished {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            """
            listen: [{ address: "127.0.0.1:0" }]
            \(lines)
            access: { rules: [{ id: r, who: [anyone], repos: ["**"], allow: [pull] }] }

            """,
            to: "c.yaml"
        )
        return try Command.run(
            [Project.program, "check", "--config", file], environment: environment)
    }

    private static let login =
        #"upstream: { url: "http://127.0.0.1:1", username: u, password_file: env:RP_SECRET }"#
    private static let token =
        #"upstream: { url: "http://127.0.0.1:1" }"#
        + "\nauth: { token: { key_file: env:RP_SECRET } }"
    private static let directory = """
        upstream: { url: "http://127.0.0.1:1" }
        auth:
          ldap:
            servers: [ldap://127.0.0.1:1]
            insecure: true
            bind_dn: cn=proxy,dc=example
            bind_password_file: env:RP_SECRET
            users: { base: "dc=example", filter: "(uid={user})", attribute: uid }
        """
    private static let audit = """
        upstream: { url: "http://127.0.0.1:1" }
        log: { audit: { path: audit.log, signing_key_file: env:RP_SECRET } }
        """

    @Test(
        "a variable that is not set, empty or no secret of its kind is an error with its place",
        arguments: [
            (login, "upstream.password_file"), (token, "auth.token.key_file"),
            (directory, "auth.ldap.bind_password_file"), (audit, "log.audit.signing_key_file"),
        ])
    func wrong(lines: String, key: String) throws {
        let values: [(String?, String)] = [
            (nil, "is not set (an environment variable of the process)"),
            ("", "is empty (an environment variable with the secret in it)"),
            ("no-secret\u{1}", ""),
        ]
        for (value, reason) in values {
            let finished = try check(lines, value.map { ["RP_SECRET": $0] } ?? [:])
            #expect(finished.status == 3, "\(finished)")
            let text = finished.errorText
            #expect(text.contains("\(key): env:RP_SECRET: \(reason)"), "\(text)")
            #expect(!text.contains("no-secret"))
        }
    }

    @Test("a variable with the secret is as good as a file")
    func right() throws {
        let key = String(repeating: "0123456789abcdef", count: 4)
        for (lines, value) in [(Self.login, "word"), (Self.token, key), (Self.directory, "word")] {
            let finished = try check(lines, ["RP_SECRET": value])
            #expect(finished.status == 0, "\(finished)")
        }
        let pem = try Command.check(["openssl", "genpkey", "-algorithm", "ed25519"]).text
        let finished = try check(Self.audit, ["RP_SECRET": pem])
        #expect(finished.status == 0, "\(finished)")
    }
}
