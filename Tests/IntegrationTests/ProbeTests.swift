// `check --probe` talks to the registry before anything is served.

import TestSupport
import Testing

@Suite(.ownThreads) struct ProbeTests {
    private func check(_ upstream: String, _ flags: String...) throws -> Finished {
        let directory = try TemporaryDirectory("probe")
        let text = """
            listen: [{ address: "127.0.0.1:0" }]
            upstream: { \(upstream) }
            access: { rules: [{ id: r, who: [anyone], repos: ["**"], allow: [pull] }] }
            timeouts: { upstream_connect: 500ms, upstream_response: 5s }

            """
        let path = try directory.write(text, to: "c.yaml")
        return try Command.run([Project.program, "check", "--config", path] + flags)
    }

    @Test("a registry that answers is fine, one that is away is 4, and only with --probe")
    func reachable() throws {
        let registry = try DockerRegistry()
        let url = "url: \"\(registry.url)\""
        #expect(try check(url, "--probe").status == 0)
        registry.stop()
        let finished = try check(url, "--probe")
        #expect(finished.status == 4)
        #expect(finished.errorText.contains("upstream.url: \(registry.url): connect: "))
        #expect(try check(url, "--probe", "--json").text.contains("\"key\":\"upstream.url\""))
        #expect(try check(url).status == 0)
    }

    @Test("the probe checks the certificate and the login")
    func secure() throws {
        let pki = try Certificates.shared()
        let registry = try DockerRegistry(
            .tls(certificate: pki.certificate, key: pki.key), user: .alice)
        defer { registry.stop() }
        let secrets = try TemporaryDirectory()
        let url = "url: \"\(registry.url)\", ca: \(pki.ca)"
        let finished = try check(url, "--probe")
        #expect(finished.status == 4)
        #expect(finished.errorText.contains("does not let the proxy in"))
        let password = try secrets.write(TestUser.alice.password, to: "p")
        let login = "username: alice, password_file: \(password)"
        #expect(try check("\(url), \(login)", "--probe").status == 0)
        let other = try check("url: \"\(registry.url)\", ca: \(try pki.unrelated())", "--probe")
        #expect(other.status == 4)
        #expect(other.errorText.contains("certificate"))
    }

    /// 192.0.2.0/24 is for documents only; nothing answers there.
    @Test("an address that others can reach is a warning")
    func exposed() throws {
        let finished = try check("url: \"http://192.0.2.1\"", "--probe")
        #expect(finished.status == 4)
        #expect(finished.errorText.contains("warning: "))
        #expect(finished.errorText.contains("192.0.2.1 can be reached by others"))
        #expect(try check("url: \"http://192.0.2.1\"", "--probe", "--strict").status == 3)
    }

    @Test("what speaks no HTTP is no registry")
    func notHTTP() throws {
        let upstream = try RecordingUpstream { exchange in
            try exchange.send("nonsense\r\n\r\n")
            exchange.close()
        }
        defer { upstream.stop() }
        #expect(try check("url: \"\(upstream.url)\"", "--probe").status == 4)
    }
}
