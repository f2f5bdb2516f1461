// Certificates of clients as logins, through the built program and OpenSSL's own client.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct ClientCertificateTests {
    private let authority: ClientAuthority

    init() throws { authority = try ClientAuthority() }

    private func settings(_ more: [String] = [], user: String = "cn") -> ProxySettings {
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.users = [.alice, .bob]
        settings.tlsKeys = ["client_ca: \(authority.certificate)"] + more
        if !more.contains(where: { $0.hasPrefix("client_certificate:") }) {
            settings.tlsKeys.append("client_certificate: optional")
        }
        settings.auth = ["client_certificates: { user: \(user) }"]
        return settings
    }

    /// The status of a request with this certificate; 0 if there was no answer.
    private func get(
        _ proxy: ProxyProcess,
        _ client: ClientAuthority.Client?,
        as user: TestUser? = nil,
        _ target: String = "/v2/"
    ) throws -> Int {
        var command = [
            "curl", "--silent", "--show-error", "--cacert", proxy.certificates.ca, "--output",
            "/dev/null", "--write-out", "%{http_code}",
        ]
        if let client { command += ["--cert", client.certificate, "--key", client.key] }
        if let user { command += ["--user", "\(user.name):\(user.password)"] }
        let finished = try Command.run(command + ["https://localhost:\(proxy.securePort)\(target)"])
        return Int(finished.text) ?? -1
    }

    @Test("a certificate is the login where no other is sent, and only there")
    func login() throws {
        let proxy = try ProxyProcess(settings())
        defer { proxy.stop() }
        let carol = try authority.client("alice")
        #expect(try get(proxy, carol) == 200)
        // 502: the rules allow it, and the registry is not there.
        #expect(try get(proxy, carol, as: nil, "/v2/team-a/x/tags/list") == 502)
        #expect(try get(proxy, carol, as: nil, "/v2/team-b/x/tags/list") == 403)
        #expect(try get(proxy, nil) == 401)
        #expect(try get(proxy, carol, as: .bob, "/v2/team-b/x/tags/list") == 502)
        #expect(try get(proxy, carol, as: TestUser("bob", "wrong")) == 401)
        let lines = try proxy.accessLines(having: #""auth":"certificate""#, 3)
        #expect(lines.count == 3)
        #expect(lines.allSatisfy { $0["user"] == "alice" }, "\(lines)")
        #expect(try proxy.metric("registry_proxy_logins_total", where: "certificate") == 3)
    }

    @Test("which name is the user is the operator's choice, and one that is not clear is none")
    func names() throws {
        let clients: [(ClientAuthority.Client, [String: Int])] = [
            (try authority.client("alice"), ["cn": 200, "email": 401, "dns": 401]),
            (
                try authority.client(
                    "somebody", names: "email:alice@x.test,DNS:alice.test,URI:x:y"),
                ["cn": 200, "email": 200, "dns": 200]
            ),
            (
                try authority.client("x", names: "email:a@x.test,email:b@x.test"),
                ["cn": 200, "email": 401, "dns": 401]
            ),
            (try authority.client("a/CN=b"), ["cn": 401]),
            (try authority.client("anonymous"), ["cn": 401]),
            (try authority.client(nil), ["cn": 401]),
        ]
        for name in ["cn", "email", "dns"] {
            let proxy = try ProxyProcess(settings(user: name))
            defer { proxy.stop() }
            for (client, expected) in clients {
                guard let status = expected[name] else { continue }
                #expect(try get(proxy, client) == status, "\(name) of \(client.certificate)")
            }
        }
    }

    @Test("without the key, or left out of the order, a certificate is no login")
    func noLogin() throws {
        var others = settings()
        others.auth = []
        let proxy = try ProxyProcess(others)
        defer { proxy.stop() }
        let alice = try authority.client("alice")
        #expect(try get(proxy, alice) == 401)
        var ordered = settings()
        ordered.auth.append("order: [htpasswd]")
        try proxy.reload(ordered)
        #expect(try get(proxy, alice) == 401)
        try proxy.reload(settings())
        #expect(try get(proxy, alice) == 200)
    }

    /// TL36. What RSA keys of more than 8,192 bits do is not tested: making one takes minutes.
    @Test("a certificate that proves nothing ends the handshake, also where none is needed")
    func refused() throws {
        let revoked = try authority.client("revoked")
        let lists = try authority.revoke([revoked])
        let proxy = try ProxyProcess(settings(["client_crl: \(lists)"]))
        defer { proxy.stop() }
        #expect(try get(proxy, authority.client("alice")) == 200)
        #expect(try get(proxy, nil) == 401)
        let strangers = try ClientAuthority()
        let bad: [(String, ClientAuthority.Client)] = [
            ("other authority", try strangers.client("alice")),
            ("expired", try authority.client("alice", days: -1)),
            ("revoked", revoked),
            ("for servers", try authority.client("alice", usage: "serverAuth")),
            // alice@x, NUL, .test: as the only alternative name, an e-mail address.
            ("NUL", try authority.client("alice", names: "DER:300f810d616c69636540780041414141")),
            ("long chain", try authority.client("alice", behind: 6)),
        ]
        for (why, client) in bad { #expect(try get(proxy, client) == 0, "\(why)") }
    }

    @Test("where one is required nobody comes in without")
    func required() throws {
        let proxy = try ProxyProcess(settings(["client_certificate: required"]))
        defer { proxy.stop() }
        #expect(try get(proxy, nil, as: .alice) == 0)
        #expect(try get(proxy, authority.client("alice")) == 200)
        #expect(try get(proxy, authority.client("machine"), as: .bob) == 200)
    }

    /// TL22: nothing of a session is left that could bring an identity.
    @Test("sessions with certificates are not resumed", arguments: ["-tls1_2", "-tls1_3"])
    func noResumption(version: String) throws {
        let proxy = try ProxyProcess(settings())
        defer { proxy.stop() }
        let alice = try authority.client("alice")
        let saved = authority.directory.file("session\(version)")
        let start = [
            "openssl", "s_client", "-connect", "127.0.0.1:\(proxy.securePort)", "-CAfile",
            proxy.certificates.ca, version, "-ign_eof", "-cert", alice.certificate, "-key",
            alice.key,
        ]
        let request = Array("GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8)
        let first = try Command.run(start + ["-sess_out", saved], input: request)
        #expect(first.text.contains("HTTP/1.1 200"), "\(first)")
        // There may be no session to save at all, which is as good.
        guard FileManager.default.fileExists(atPath: saved) else { return }
        let second = try Command.run(start + ["-sess_in", saved], input: request)
        #expect(second.text.contains("New, ") && !second.text.contains("Reused, "), "\(second)")
    }

    @Test("other authorities end connections that came with a certificate, the same ones do not")
    func reload() throws {
        let proxy = try ProxyProcess(settings())
        defer { proxy.stop() }
        let alice = try authority.client("alice")
        let client = try KeptConnection(proxy, alice)
        defer { client.stop() }
        #expect(try client.ask() == 200)
        try proxy.reload(settings())
        #expect(try client.ask() == 200)
        var other = settings()
        let strangers = try ClientAuthority()
        other.tlsKeys[0] = "client_ca: \(strangers.certificate)"
        try proxy.reload(other)
        try client.waitForEnd()
        #expect(try get(proxy, alice) == 0)
    }

    @Test("files that say nothing are errors, each at its key")
    func badFiles() throws {
        let directory = authority.directory
        try directory.write("", to: "empty.pem")
        let cases = [
            (
                ["client_ca: \(directory.file("empty.pem"))", "client_certificate: optional"],
                "client_ca"
            ),
            (
                [
                    "client_ca: \(authority.certificate)", "client_certificate: optional",
                    "client_crl: \(directory.file("empty.pem"))",
                ], "client_crl"
            ),
            (["client_ca: \(authority.certificate)"], "client_ca"),
            (["client_certificate: required"], "client_certificate"),
        ]
        let proxy = try ProxyProcess(settings())
        defer { proxy.stop() }
        for (keys, key) in cases {
            var wrong = settings()
            wrong.tlsKeys = keys
            try proxy.rewrite(wrong)
            let path = proxy.directory.file("registry-proxy.yaml")
            let checked = try Command.run([Project.program, "check", "--config", path])
            #expect(checked.status == 3, "\(keys)")
            #expect(checked.errorText.contains("listen[0].tls.\(key): "), "\(checked)")
        }
    }
}

/// OpenSSL's client on one connection that stays open.
private final class KeptConnection {
    private let program: BackgroundProgram
    private let input: FileHandle
    private var count = 0

    init(_ proxy: ProxyProcess, _ client: ClientAuthority.Client) throws {
        let fifo = try TemporaryDirectory("fifo")
        let path = fifo.file("input")
        guard unsafe mkfifo(path, 0o600) == 0 else { throw NoFIFO() }
        let words = [
            "openssl", "s_client", "-quiet", "-connect", "127.0.0.1:\(proxy.securePort)", "-CAfile",
            proxy.certificates.ca, "-cert", client.certificate, "-key", client.key,
        ]
        program = try BackgroundProgram(
            [
                "sh", "-c", "exec \"$@\" <\"$0\"", path,
            ] + words)
        input = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    }

    private struct NoFIFO: Error {}

    /// The status of one more request.
    func ask() throws -> Int {
        try input.write(contentsOf: Data("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        count += 1
        return try eventually("an answer") { [program, count] () -> Int? in
            let lines = program.errorLines.filter { $0.contains("HTTP/1.1 ") }
            guard lines.count == count, let found = lines.last?.range(of: "HTTP/1.1 ") else {
                return nil
            }
            return Int(lines.last?[found.upperBound...].prefix(3) ?? "")
        }
    }

    func waitForEnd() throws {
        _ = try eventually("the end of the connection") { program.isRunning ? nil : true }
    }

    func stop() {
        try? input.close()
        program.stop()
    }
}

/// A certificate authority for clients.
struct ClientAuthority {
    struct Client {
        let certificate: String
        let key: String
    }

    let directory: TemporaryDirectory
    var certificate: String { directory.file("ca.crt") }

    init() throws {
        directory = try TemporaryDirectory("clients")
        for name in ["ca.key", "client.key"] {
            try openssl(
                "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", directory.file(name))
        }
        try openssl(
            "req", "-x509", "-new", "-key", directory.file("ca.key"), "-days", "30", "-subj",
            "/CN=clients", "-out", certificate, "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    }

    /// Issues a certificate.
    ///
    /// - Parameters:
    ///   - name: the common name, perhaps with more of the subject behind it; `nil`: without any.
    ///   - names: alternative ones.
    ///   - days: until it expires; less than 0: it has.
    ///   - intermediates: how many authorities there are between.
    func client(
        _ name: String?,
        names: String? = nil,
        days: Int = 30,
        usage: String = "clientAuth",
        behind intermediates: Int = 0
    ) throws -> Client {
        let file = directory.file("client-\(UUID().uuidString)")
        var issuer = certificate
        var chain: [String] = []
        for level in 0..<intermediates {
            let next = "\(file).\(level)"
            try issue(
                "/CN=level \(level)", "basicConstraints=critical,CA:TRUE\n", by: issuer, to: next)
            issuer = next
            chain.insert(next, at: 0)
        }
        let alternative = names.map {
            $0.hasPrefix("DER:") ? "2.5.29.17=\($0)" : "subjectAltName=\($0)"
        }
        let extensions = "extendedKeyUsage=\(usage)\n\(alternative ?? "")\n"
        let subject = name.map { "/CN=\($0)" } ?? "/O=nobody"
        let key = intermediates > 0 ? "client.key" : "ca.key"
        try issue(subject, extensions, by: issuer, signedWith: key, to: file, days: days)
        let all = try ([file] + chain).map { try String(contentsOfFile: $0, encoding: .utf8) }
        try all.joined().write(toFile: "\(file).chain", atomically: true, encoding: .utf8)
        return Client(certificate: "\(file).chain", key: directory.file("client.key"))
    }

    /// - Returns: the path of a revocation list with these certificates in it.
    func revoke(_ clients: [Client]) throws -> String {
        let configuration = try directory.write(
            """
            [ca]
            default_ca=own
            [own]
            database=\(directory.file("index"))
            default_md=sha256
            default_crl_days=30
            """,
            to: "ca.cnf")
        try directory.write("", to: "index")
        let start = [
            "ca", "-config", configuration, "-cert", certificate, "-keyfile",
            directory.file("ca.key"),
        ]
        for client in clients {
            try Command.check(["openssl"] + start + ["-revoke", client.certificate])
        }
        let list = directory.file("revoked.crl")
        try Command.check(["openssl"] + start + ["-gencrl", "-out", list])
        return list
    }

    private func issue(
        _ subject: String,
        _ extensions: String,
        by issuer: String,
        signedWith key: String? = nil,
        to file: String,
        days: Int = 30
    ) throws {
        let request = "\(file).csr"
        try extensions.write(toFile: "\(file).ext", atomically: true, encoding: .utf8)
        try openssl(
            "req", "-new", "-key", directory.file("client.key"), "-subj", subject, "-out", request)
        let signer = key ?? (issuer == certificate ? "ca.key" : "client.key")
        try openssl(
            "x509", "-req", "-in", request, "-CA", issuer, "-CAkey", directory.file(signer),
            "-CAcreateserial", "-CAserial", directory.file("serial"), "-days", "\(days)",
            "-extfile",
            "\(file).ext", "-out", file)
    }

    private func openssl(_ words: String...) throws { try Command.check(["openssl"] + words) }
}
