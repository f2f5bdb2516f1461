// Registries over TLS, on a unix socket and with a login of their own.

import TestSupport
import Testing

@Suite(.ownThreads) struct UpstreamKindTests {
    private static let tags = "/v2/team-a/x/tags/list"
    private static let blob = "/v2/team-a/x/blobs/sha256:\(String(repeating: "a", count: 64))"
    private static let inner = TestUser("proxy", "inner:secret-word")

    private func withProxy(
        _ url: String,
        _ keys: [String],
        _ body: (ProxyProcess) throws -> Void
    ) throws {
        var settings = ProxySettings(upstream: url)
        settings.upstreamKeys = keys
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(proxy)
    }

    /// Pushes 3 MB, pulls them back and expects the same bytes; then that the proxy is ready.
    private func exercise(_ proxy: ProxyProcess) throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        let client = try proxy.connect()
        for _ in 0..<3 {
            let digest = try client.pushBlob(bytes, to: "team-a/x", as: .alice)
            let pulled = try client.request("GET", "/v2/team-a/x/blobs/\(digest)", as: .alice)
            #expect(pulled.status == 200)
            #expect(pulled.body == bytes)
        }
        let opened = try client.request("POST", "/v2/team-a/x/blobs/uploads/", as: .alice)
        #expect(opened["Location"]?.hasPrefix("/v2/team-a/x/blobs/uploads/") == true, "\(opened)")
        #expect(try proxy.admin("/readyz").status == 200)
    }

    @Test("a registry over TLS is pushed to and pulled from, on kept connections")
    func tls() throws {
        let pki = try Certificates.shared()
        let registry = try DockerRegistry(.tls(certificate: pki.certificate, key: pki.key))
        defer { registry.stop() }
        try withProxy(registry.url, ["ca: \(pki.ca)"]) { proxy in
            // Session tickets that come while a connection is idle must not end it.
            #expect(try proxy.admin("/readyz").status == 200)
            try exercise(proxy)
            let idle = try proxy.metric("registry_proxy_upstream_connections", where: "idle")
            #expect(idle <= 4)
        }
    }

    @Test("a registry on a unix socket is pushed to and pulled from")
    func unixSocket() throws {
        let registry = try DockerRegistry(.unix)
        defer { registry.stop() }
        try withProxy(registry.url, []) { proxy in
            try exercise(proxy)
            try registry.kill()
            #expect(try proxy.request("GET", Self.tags, as: .alice).status == 502)
            #expect(try proxy.admin("/readyz").status == 503)
        }
    }

    enum Fault: String, CaseIterable, Sendable {
        case wrongName = "mismatch"
        case expired = "expired"
        case unknownCA = "issuer certificate"
        case plain = "does not speak TLS"
    }

    @Test(
        "a registry that cannot prove who it is is 502, with the reason in the own events",
        arguments: Fault.allCases)
    func untrusted(fault: Fault) throws {
        let pki = try Certificates.shared()
        var certificate = pki.certificate
        switch fault {
        case .wrongName:
            certificate = try pki.issue(
                commonName: "127.0.0.1", to: "wrong-name.crt", names: "DNS:other.test")
        case .expired:
            certificate = try pki.issue(commonName: "registry.test", to: "expired.crt", days: -1)
        case .unknownCA, .plain: break
        }
        let isPlain = fault == .plain
        let registry = try DockerRegistry(
            isPlain ? .plain : .tls(certificate: certificate, key: pki.key))
        defer { registry.stop() }
        // A certificate that is nobody's authority but its own.
        let ca = fault == .unknownCA ? try pki.unrelated() : pki.ca
        let url = "https://127.0.0.1:\(registry.port)"
        try withProxy(url, ["ca: \(ca)"]) { proxy in
            for _ in 0..<3 {
                let answer = try proxy.request("GET", Self.tags, as: .alice)
                #expect(answer.status == 502)
                #expect(answer.errorCode == "UNAVAILABLE")
            }
            let event = try proxy.waitForEvent("upstream.failed")
            #expect(event.string("reason")?.contains(fault.rawValue) == true, "\(event)")
            #expect(event.string("kind") == "unreachable")
            #expect(proxy.eventCount("upstream.failed") == 1)
            #expect(try proxy.admin("/readyz").status == 503)
            let lines = try proxy.accessLines(having: "\"status\":502", 3)
            #expect(lines.count == 3)
        }
    }

    @Test("a registry with a login of its own lets the proxy in, and never learns the client's")
    func login() throws {
        let registry = try DockerRegistry(user: Self.inner)
        defer { registry.stop() }
        let secrets = try TemporaryDirectory()
        let file = try secrets.write("\(Self.inner.password)\n", to: "password")
        try withProxy(registry.url, ["username: proxy", "password_file: \(file)"]) { proxy in
            try exercise(proxy)
            // A tag that may be overwritten is asked about first, and the catalog read.
            let client = try proxy.connect()
            #expect(
                try client.request("GET", "/v2/_catalog", as: .alice).list("repositories")
                    == ["team-a/x"])
        }
    }

    @Test("the password for the registry can be in the environment")
    func loginFromEnvironment() throws {
        let registry = try DockerRegistry(user: Self.inner)
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.upstreamKeys = ["username: proxy", "password_file: env:REGISTRY_PASSWORD"]
        settings.environment = ["REGISTRY_PASSWORD": Self.inner.password]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try exercise(proxy)
    }

    @Test("a registry that does not let the proxy in is 502, and its challenge stays there")
    func refusedLogin() throws {
        let registry = try DockerRegistry(user: Self.inner)
        defer { registry.stop() }
        let secrets = try TemporaryDirectory()
        let file = try secrets.write("wrong-secret", to: "password")
        try withProxy(registry.url, ["username: proxy", "password_file: \(file)"]) { proxy in
            for target in [Self.tags, "/v2/_catalog"] {
                let answer = try proxy.request("GET", target, as: .alice)
                #expect(answer.status == 502)
                #expect(answer["WWW-Authenticate"] == nil)
            }
            let event = try proxy.waitForEvent("upstream.failed")
            #expect(event.string("kind") == "refuses_login")
            proxy.stop()
            let output = proxy.program.errorLines.joined() + (try proxy.accessLines()).joined()
            #expect(!output.contains("wrong-secret"))
            #expect(!output.contains(base64(Array("proxy:wrong-secret".utf8))))
        }
    }

    /// Where only the end of the stream ends an answer: with close_notify it is the end, without it
    /// is a cut.
    @Test("an answer that TLS did not end is not complete", arguments: [true, false])
    func truncation(isEnded: Bool) throws {
        let pki = try Certificates.shared()
        let server = try BackgroundProgram([
            "python3", "\(Project.tools)/tlsanswer.py", pki.certificate, pki.key,
            isEnded ? "end" : "cut",
        ])
        defer { server.stop() }
        let port = try server.waitForLine("a port") { Int($0) }
        try withProxy("https://127.0.0.1:\(port)", ["ca: \(pki.ca)"]) { proxy in
            let client = try proxy.connect()
            try client.sendHead("GET", Self.blob, as: .alice, ["Connection: close"])
            let bytes = String(decoding: try client.reader.readToEnd().bytes, as: UTF8.self)
            #expect(bytes.contains("hello"))
            #expect(bytes.hasSuffix("0\r\n\r\n") == isEnded, "\(bytes)")
            let outcome = isEnded ? "complete" : "upstream_aborted"
            #expect(try proxy.accessLines(having: "/blobs/").map { $0["outcome"] } == [outcome])
        }
    }
}
