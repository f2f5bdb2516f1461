import AccessControl
import Bytes
import Testing

@testable import ProxyConfig

@Suite struct ConfigurationReadingTests {
    @Test("every key arrives in the configuration")
    func everyKey() throws {
        let text = """
            listen:
              - address: "[2001:db8::1]:443"
                tls: { certificate: tls/c.pem, private_key: /k.pem, minimum_version: "1.3" }
              - { address: "unix:/run/proxy.sock", plaintext: true }
            external_url: https://Registry.Example.com:8443/
            upstream: { url: "http://registry:5000/" }
            auth:
              realm: 'Our images'
              htpasswd: { file: users }
              cache: { lifetime: 1h, wrong_lifetime: 500ms, entries: 7 }
            access:
              groups: { "web & co": { users: [ann, "yes", 12] } }
              rules:
                - { id: r, who: [anyone], repos: ["**"], allow: [pull], because: x }
            log: { level: debug, access: { path: off, format: combined } }
            admin: { address: "127.0.0.1:0" }
            limits:
              request_head: 8KiB
              manifest: 1MiB
              connections: 3
              logins_waiting: 4
              linger_bytes: 0B
            timeouts:
              tls_handshake: 1s
              request_head: 2s
              idle: 3s
              stall: 4s
              upstream_connect: 5s
              upstream_response: 6s
              manifest_body: 7s
              upstream_commit: 8h
              linger: 9s
              drain: 10s
            """
        let report = ConfigurationReader.read(Array(text.utf8), file: "/etc/rp/config.yaml")
        #expect(report.errors == [])
        let read = try #require(report.configuration)
        #expect(
            read.listen.map(\.address.description) == [
                "[2001:db8::1]:443", "unix:/run/proxy.sock",
            ])
        #expect(read.listen[0].position.line == 2)
        let tls = try #require(read.listen[0].tls)
        #expect(tls.certificate.path == "/etc/rp/tls/c.pem")
        #expect(tls.certificate.key == "listen[0].tls.certificate")
        #expect(tls.certificate.position.column == 25)
        #expect(tls.privateKey.path == "/k.pem")
        #expect(tls.minimumVersion == .tls13)
        #expect(read.listen[1].plaintext)
        #expect(read.externalURL?.description == "https://registry.example.com:8443")
        #expect(read.upstream.url.description == "http://registry:5000")
        #expect(read.upstream.position.line == 6)
        #expect(read.auth.realm == "Our images")
        #expect(read.auth.htpasswd?.file.path == "/etc/rp/users")
        #expect(read.auth.cache.lifetime == .hours(1))
        #expect(read.auth.cache.wrongLifetime == .milliseconds(500))
        #expect(read.auth.cache.entries == 7)
        #expect(read.access.groups.map(\.name) == ["web & co"])
        #expect(read.access.groups[0].users == ["ann", "yes", "12"])
        #expect(read.access.rules.count == 1)
        #expect(read.access.policy.letsAnonymousPullSomething)
        #expect(read.log.level == .debug)
        #expect(read.log.access.path == .off)
        #expect(read.log.access.format == .combined)
        #expect(read.admin?.address == .ip(.loopback, port: 0))
        #expect(read.limits.requestHead == .kibibytes(8))
        #expect(read.limits.manifest == .mebibytes(1))
        #expect(read.limits.connections == 3)
        #expect(read.limits.loginsWaiting == 4)
        #expect(read.limits.lingerBytes == .bytes(0))
        let times = read.timeouts
        #expect(
            [
                times.tlsHandshake, times.requestHead, times.idle, times.stall,
                times.upstreamConnect, times.upstreamResponse, times.manifestBody,
            ] == (1...7).map { .seconds($0) }
        )
        #expect(times.upstreamCommit == .hours(8))
        #expect([times.linger, times.drain] == [.seconds(9), .seconds(10)])
    }

    @Test("without rules everything is denied, without a trail nothing recorded: warnings say so")
    func noRules() {
        #expect(
            report(base).warnings.map(\.description) == [
                "p.yaml:1:1: log.audit: is absent: nothing records who changed what "
                    + "(a section with the path of the audit trail)",
                "p.yaml:1:1: access.rules: is empty: every request is denied (at least one rule)",
            ]
        )
    }

    @Test("a path is relative to the file's folder")
    func relativePaths() {
        #expect(Reading(file: "config.yaml").resolve("a") == "a")
        #expect(Reading(file: "./x/config.yaml").resolve("../a") == "./x/../a")
        #expect(Reading(file: "/config.yaml").resolve("a") == "/a")
        #expect(Reading(file: "/etc/config.yaml").resolve("/a") == "/a")
    }

    @Test(
        "an address is read or refused",
        arguments: [
            ("127.0.0.1:80", "127.0.0.1:80"), ("localhost:0", "127.0.0.1:0"),
            ("[::]:65535", "[::]:65535"), ("[::ffff:1.2.3.4]:1", "1.2.3.4:1"),
            ("[1::]:1", "[1::]:1"), ("[1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:8]:1"),
            ("[1::8]:1", "[1::8]:1"), ("[::1.2.3.4]:1", "[::102:304]:1"),
            ("unix:/a", "unix:/a"),
            ("", nil), ("80", nil), (":80", nil), ("*:80", nil), ("127.0.0.1", nil),
            ("127.0.0.1:", nil), ("127.0.0.1:65536", nil), ("127.0.0.1:+1", nil),
            ("127.0.0.1:000080", nil), ("127.0.0:80", nil), ("127.0.0.01:80", nil),
            ("127.0.0.256:80", nil), ("::1:80", nil), ("[::1]", nil), ("[]:1", nil), ("[:]:1", nil),
            ("[1:2]:1", nil), ("[::1::]:1", nil), ("[:::]:1", nil), ("[1:2:3:4:5:6:7:8::]:1", nil),
            ("[1:2:3:4:5:6:7::8]:1", nil), ("[:1:2:3:4:5:6:7]:1", nil), ("[12345::]:1", nil),
            ("[fe80::1%eth0]:1", nil), ("[1.2.3.4::]:1", nil), ("[::g]:1", nil),
            ("registry:80", nil), ("unix:a", nil), ("unix:/", nil), ("unix:", nil),
            ("unix:/" + String(repeating: "a", count: 107), nil),
        ] as [(String, String?)]
    )
    func addresses(text: String, shown: String?) {
        #expect(Endpoint(text)?.description == shown)
    }

    @Test("quantities print in the largest unit that divides them")
    func printing() {
        #expect("\(TimeSpan.seconds(75))" == "75s")
        #expect("\(TimeSpan.seconds(7200))" == "2h")
        #expect("\(TimeSpan.milliseconds(1500))" == "1500ms")
        #expect("\(ByteCount.bytes(1536))" == "1536B")
        #expect("\(ByteCount.mebibytes(2048))" == "2GiB")
        #expect("\(ByteCount.bytes(0))" == "0B")
    }

    @Test("the longest text of a message is cut, and what could forge one is escaped")
    func printableText() {
        #expect(
            printable("a\nb\u{1B}[31m\u{202E}\u{2028}") == "a\\u{A}b\\u{1B}[31m\\u{202E}\\u{2028}")
        #expect(printable(String(repeating: "x", count: 70)).count == 65)
    }

    @Test("the nearest key is suggested, and none if none is near")
    func spelling() {
        let names = ["idle", "stall", "linger"]
        #expect(Spelling.nearest(to: "idel", among: names) == "idle")
        #expect(Spelling.nearest(to: "linger_", among: names) == "linger")
        #expect(Spelling.nearest(to: "banana", among: names) == nil)
        #expect(Spelling.nearest(to: "", among: names) == nil)
        #expect(Spelling.nearest(to: String(repeating: "a", count: 1_000_000), among: names) == nil)
    }
}
