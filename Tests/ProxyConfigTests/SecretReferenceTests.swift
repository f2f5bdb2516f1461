import Testing

@testable import ProxyConfig

@Suite struct SecretReferenceTests {
    private func upstream(_ secret: String) -> ConfigurationReport {
        report(
            "listen:\n  - { address: '127.0.0.1:1' }\n"
                + "upstream: { url: 'http://r', username: proxy, password_file: \(secret) }\n")
    }

    @Test("a secret is in a file or in an environment variable")
    func places() throws {
        let variable = try #require(upstream("env:REGISTRY_2").configuration)
        #expect(variable.upstream.passwordFile?.place == .variable("REGISTRY_2"))
        #expect(variable.upstream.passwordFile?.text == "env:REGISTRY_2")
        let file = try #require(upstream("/etc/secret").configuration)
        #expect(file.upstream.passwordFile?.place == .file("/etc/secret"))
        let odd = try #require(upstream("./env:X").configuration?.upstream.passwordFile)
        #expect(odd.text.hasSuffix("./env:X") && odd.text != "env:X")
        #expect(odd.place == .file(odd.text))
    }

    @Test("only what is read from a file is watched")
    func watched() {
        #expect(upstream("/etc/secret").files.map(\.path) == ["/etc/secret"])
        #expect(upstream("env:SECRET").files.isEmpty)
    }

    @Test(
        "what cannot be the name of a variable is refused",
        arguments: ["'env:'", "env:1X", "env:A-B", "'env: A'", "env:a=b", "'env:é'"])
    func refused(text: String) {
        let errors = upstream(text).errors.map(\.description)
        #expect(errors.count == 1)
        #expect(errors.first?.contains("names no environment variable") == true, "\(errors)")
    }

    @Test("all keys of secrets take a variable")
    func keys() throws {
        let whole = report(
            """
            listen:
              - { address: '127.0.0.1:1' }
            upstream: { url: 'http://r', username: proxy, password_file: env:A }
            auth:
              token: { key_file: env:B }
              ldap:
                servers: [ldap://127.0.0.1]
                insecure: true
                bind_dn: cn=proxy
                bind_password_file: env:C
                users: { base: dc=x, filter: "(uid={user})", attribute: uid }
            log:
              audit: { path: /var/lib/audit.log, signing_key_file: env:D }

            """)
        #expect(whole.errors.map(\.description) == [])
        let read = try #require(whole.configuration)
        #expect(read.auth.token.keyFile?.text == "env:B")
        #expect(read.auth.ldap?.bindPasswordFile?.text == "env:C")
        #expect(read.log.audit?.signingKeyFile?.text == "env:D")
    }
}
