import Testing

@testable import ProxyConfig

@Suite struct RefusedConfigurationTests {
    @Test(
        "what is wrong with the file's shape is said with place, key and what is allowed",
        arguments: [
            Refused(
                "listen: 127.0.0.1:80\n",
                "1:1: upstream: is required (\(allUpstreamKeys))",
                "1:9: listen: is one value (\(allListenKeys))"
            ),
            Refused(
                "{}\n",
                "1:1: listen: is required (\(allListenKeys))",
                "1:1: upstream: is required (\(allUpstreamKeys))"
            ),
            Refused(
                "- a\n",
                "1:1: is a list (a mapping of listen, external_url, upstream, auth, access, cors,"
                    + " log, admin, limits, timeouts)"
            ),
            Refused("", "1:1: is empty (a mapping)"),
            Refused(
                base + "auth:\n",
                "5:6: auth: has no value (a mapping of realm, challenge, order, htpasswd, ldap, client_certificates, cache, throttle, token, robots)"
            ),
            Refused(
                base + "auth: { htpasswd: { file: ~ } }\n",
                "5:27: auth.htpasswd.file: has no value (the path of a file)"
            ),
            Refused(
                base + "limits: [1]\n",
                "5:9: limits: is a list (a mapping of request_head, manifest, connections,"
                    + " connections_per_client, logins_waiting, minimum_rate, linger_bytes)"
            ),
            Refused(
                base + "timeouts: { idle: [1s] }\n",
                "5:19: timeouts.idle: is a list (a duration in ms, s, m or h like 10s, from 100ms"
                    + " … 1h)"
            ),
            Refused(
                base + "timeouts: { idle: 1s, idle: 2s }\n",
                "5:23: timeouts.idle: is here a second time, after line 5 (once)"
            ),
            Refused(
                base + "timeouts: { idle: &a 1s, stall: *a }\n",
                "5:19: timeouts.idle: has an anchor (the value itself)",
                "5:33: timeouts.stall: is an alias (the value itself; if it is text, quote it:"
                    + " \"*a\")"
            ),
            Refused(
                "listen: []\nupstream: { url: 'http://r' }\n",
                "1:9: listen: is an empty list (\(allListenKeys))"
            ),
        ]
    )
    func shape(refused: Refused) {
        #expect(errors(refused.text) == refused.lines)
    }

    @Test(
        "an unknown key is refused with the nearest known one",
        arguments: [
            Refused(
                base + "timeouts: { idel: 1s }\n",
                "5:13: timeouts.idel: is not a known key (did you mean timeouts.idle?)"
            ),
            Refused(
                base + "acess: {}\n",
                "5:1: acess: is not a known key (did you mean access?)"
            ),
            Refused(
                base + "certificate: x\n",
                "5:1: certificate: is not a known key (did you mean listen[].tls.certificate?)"
            ),
            Refused(
                base + "auth: { banana: 1 }\n",
                "5:9: auth.banana: is not a known key "
                    + "(known here: realm, challenge, order, htpasswd, ldap, client_certificates, cache, throttle, token, robots)"
            ),
            Refused(
                base + "\"limits\\u0000\": {}\n",
                "5:1: limits\\u{0}: is not a known key (did you mean limits?)"
            ),
            Refused(
                base + "Limits: {}\n",
                "5:1: Limits: is not a known key (did you mean limits?)"
            ),
        ]
    )
    func unknownKeys(refused: Refused) {
        #expect(errors(refused.text) == refused.lines)
    }

    @Test(
        "a key of a later version is unknown until then",
        arguments: [
            "cors: { methods: [] }",
            "log: { audit: { path: a, format: b } }",
        ]
    )
    func laterKeys(line: String) {
        let text = base.replacing("upstream:\n  url: http://127.0.0.1:5000\n", with: "")
        #expect(errors(text + line).contains { $0.contains("is not a known key (") })
    }

    @Test(
        "values out of form or range are refused",
        arguments: [
            Refused(
                base + """
                    timeouts:
                      tls_handshake: 10
                      request_head: 0s
                      idle: -1s
                      stall: 1.5s
                      upstream_connect: 99999999999999999999s
                      upstream_response: 5 s
                      linger: 99999999999h
                      drain: 25h
                      manifest_body: 5d
                    """,
                "6:18: timeouts.tls_handshake: \"10\" has no unit (\(duration("100ms … 5m")))",
                "7:17: timeouts.request_head: \"0s\" is out of range (\(duration("100ms … 5m")))",
                "8:9: timeouts.idle: \"-1s\" is not a duration (\(duration("100ms … 1h")))",
                "9:10: timeouts.stall: \"1.5s\" is not a duration (\(duration("100ms … 1h")))",
                "10:21: timeouts.upstream_connect: \"99999999999999999999s\" is out of range"
                    + " (\(duration("100ms … 5m")))",
                "11:22: timeouts.upstream_response: \"5 s\" is not a duration"
                    + " (\(duration("100ms … 1h")))",
                "12:11: timeouts.linger: \"99999999999h\" is out of range"
                    + " (\(duration("100ms … 5m")))",
                "13:10: timeouts.drain: \"25h\" is out of range (\(duration("100ms … 24h")))",
                "14:18: timeouts.manifest_body: \"5d\" is not a duration"
                    + " (\(duration("100ms … 10m")))"
            ),
            Refused(
                base + """
                    limits:
                      request_head: 32768
                      manifest: 4MB
                      connections: 1e4
                      logins_waiting: "256"
                      linger_bytes: 99999999999GiB
                    auth: { cache: { entries: 99999999999999999999 } }
                    """,
                "6:17: limits.request_head: \"32768\" has no unit (\(size("4KiB … 64KiB")))",
                "7:13: limits.manifest: \"4MB\" is not a size (\(size("1KiB … 64MiB")))",
                "8:16: limits.connections: \"1e4\" is not a whole number"
                    + " (a whole number from 1 … 1000000)",
                "9:19: limits.logins_waiting: \"256\" is not a whole number"
                    + " (a whole number from 4 … 65536)",
                "10:17: limits.linger_bytes: \"99999999999GiB\" is out of range"
                    + " (\(size("0B … 1GiB")))",
                "11:27: auth.cache.entries: \"99999999999999999999\" is out of range"
                    + " (a whole number from 1 … 1000000)"
            ),
            Refused(
                base
                    + "auth: { realm: 'a \"b\"' }\nlog: { level: loud, access: { format: xml } }\n",
                "5:16: auth.realm: \"a \"b\"\" has a character that is not allowed"
                    + " (1 to 128 characters of printable ASCII without \" and \\)",
                "6:15: log.level: is \"loud\" (one of debug, info, warning, error)",
                "6:39: log.access.format: is \"xml\" (one of json, combined)"
            ),
            Refused(
                base + "auth: { htpasswd: { file: \"a\\0b\" } }\nlog: { access: { path: '' } }\n",
                "5:27: auth.htpasswd.file: contains a line break or control character"
                    + " (the path of a file)",
                "6:24: log.access.path: is empty (the path of a file)"
            ),
        ]
    )
    func values(refused: Refused) {
        #expect(errors(refused.text) == refused.lines)
    }

    @Test(
        "an error never repeats a URL, which may hold a password",
        arguments: [
            ("ftp://r:5000", "has another scheme"), ("HTTP://r", "has another scheme"),
            ("r:5000", "has another scheme"),
            ("http://u:secret@r", "contains a user name or password"),
            ("http://r/v2", "has a path, query or fragment"),
            ("http://r?x=secret", "has a path, query or fragment"),
            ("http://r#x", "has a path, query or fragment"), ("http://", "has no valid host"),
            ("http://r:", "has no valid port"), ("http://r:0", "has no valid port"),
            ("http://r:65536", "has no valid port"), ("http://::1", "has no valid host"),
            ("http://[::1", "has no valid host"), ("http://127.1", "has no valid host"),
            ("http://2130706433", "has no valid host"), ("http://0x7f000001", "has no valid host"),
            ("http://a b", "has no valid host"), ("http://a%41", "has no valid host"),
        ]
    )
    func upstreamURL(url: String, wrong: String) {
        let text = "listen:\n  - address: 127.0.0.1:8080\nupstream:\n  url: \"\(url)\"\n"
        #expect(errors(text) == ["p.yaml:4:8: upstream.url: \(wrong) (\(upstreamForms))"])
    }

    @Test(
        "the keys of the way to the registry stand together or not at all",
        arguments: [
            Refused(
                reaching("url: 'https://r'"),
                "3:18: upstream.url: is https without ca"
                    + " (ca: the PEM file of whoever signs the registry's certificate)"
            ),
            Refused(
                reaching("url: 'http://r', ca: ca.pem"),
                "3:34: upstream.ca: has nothing to check (only with an https:// URL)"
            ),
            Refused(
                reaching("url: 'unix:/r', ca: ca.pem, username: u"),
                "3:33: upstream.ca: has nothing to check (only with an https:// URL)",
                "3:51: upstream.username: stands alone (password_file beside it)"
            ),
            Refused(
                reaching("url: 'unix:/r', password_file: p"),
                "3:44: upstream.password_file: stands alone (username beside it)"
            ),
            Refused(
                reaching("url: 'unix:r'"),
                "3:18: upstream.url: \"unix:r\" is not an absolute path of at most 107 bytes"
                    + " (\(upstreamForms))"
            ),
            Refused(
                reaching("url: 'unix:/r', username: 'a:b', password_file: p"),
                "3:39: upstream.username: \"a:b\" has a character that is not allowed"
                    + " (1 to 128 bytes of text without :)"
            ),
            Refused(
                "listen:\n  - { address: 'unix:/p' }\nupstream: { url: 'unix:/p' }\n",
                "3:18: upstream.url: is the proxy's own address, listen[0].address"
                    + " (the address of the registry)"
            ),
        ]
    )
    func upstreamKeys(refused: Refused) {
        #expect(errors(refused.text) == refused.lines)
    }

    @Test("a password for a registry that is reached in the clear is a warning")
    func unencryptedPassword() {
        let keys = "username: u, password_file: p"
        func warnings(_ url: String) -> [String] {
            report(reaching("url: '\(url)', \(keys)")).warnings.map(\.key)
        }
        #expect(warnings("http://r").contains("upstream.username"))
        for url in ["http://127.0.0.1:5000", "http://localhost", "unix:/r"] {
            #expect(!warnings(url).contains("upstream.username"), "\(url)")
        }
    }

    @Test(
        "a listener without TLS is local or says so",
        arguments: [
            Refused(
                listening("address: 0.0.0.0:80"),
                "2:16: listen[0].address: 0.0.0.0:80 would carry passwords unencrypted"
                    + " (a loopback or unix address, tls, or plaintext: true)"
            ),
            Refused(
                listening("address: '[2001:db8::1]:80', plaintext: false"),
                "2:16: listen[0].address: [2001:db8::1]:80 would carry passwords"
                    + " unencrypted (a loopback or unix address, tls, or plaintext: true)"
            ),
            Refused(
                listening("address: 0.0.0.0:80, plaintext: true, tls: { certificate: c }"),
                "2:39: listen[0].plaintext: stands beside tls (one of the two)",
                "2:50: listen[0].tls.private_key: is required (the path of a file)"
            ),
            Refused(
                listening("plaintext: yes"),
                "2:5: listen[0].address: is required (IP:PORT, [IPv6]:PORT or unix:/PATH)",
                "2:18: listen[0].plaintext: \"yes\" is not a flag (true or false)"
            ),
        ]
    )
    func plaintext(refused: Refused) {
        #expect(errors(refused.text) == refused.lines)
    }

    @Test(
        "an address is bound once, and is not the registry's",
        arguments: [
            Refused(
                base + "admin: { address: 'localhost:8080' }\n",
                "5:19: admin.address: 127.0.0.1:8080 is taken by listen[0].address"
                    + " (an address of its own)"
            ),
            Refused(
                "listen:\n  - { address: '127.0.0.1:5000' }\nupstream: { url: 'http://localhost:5000' }\n",
                "3:18: upstream.url: is the proxy's own address, listen[0].address"
                    + " (the address of the registry)"
            ),
            Refused(
                "listen:\n  - { address: '0.0.0.0:80', plaintext: true }\nupstream: { url: 'http://[::ffff:127.0.0.1]' }\n",
                "3:18: upstream.url: is the proxy's own address, listen[0].address"
                    + " (the address of the registry)"
            ),
            Refused(
                base.replacing("8080", with: "0")
                    + "admin: { address: '[::1]:5000' }\nexternal_url: ftp://x\n",
                "6:15: external_url: has another scheme (https://HOST[:PORT] or http://HOST[:PORT])"
            ),
        ]
    )
    func addresses(refused: Refused) {
        #expect(errors(refused.text) == refused.lines)
    }

    @Test("a file that is missing, a folder or endless is an error, not a wait")
    func unreadable() {
        #expect(
            ConfigurationReader.read(file: "/nonexistent/p.yaml").errors.map(\.description) == [
                "/nonexistent/p.yaml:1:1: cannot be read: No such file or directory"
                    + " (a regular file, readable)"
            ]
        )
        for path in ["/tmp", "/dev/zero"] {
            #expect(
                ConfigurationReader.read(file: path).errors.map(\.description) == [
                    "\(path):1:1: is not a regular file (a regular file, readable)"
                ]
            )
        }
    }
}

private func duration(_ range: String) -> String {
    "a duration in ms, s, m or h like 10s, from \(range)"
}

private func size(_ range: String) -> String {
    "a size in B, KiB, MiB or GiB like 32KiB, from \(range)"
}

private let allListenKeys =
    "a list, each a mapping of address, tls, plaintext, trusted_proxies, proxy_protocol"
private let allUpstreamKeys =
    "a mapping of url, ca, username, password_file, redirects, redirect_hosts"
private let upstreamForms = "http://HOST[:PORT], https://HOST[:PORT] or unix:/PATH"

private func reaching(_ keys: String) -> String {
    "listen:\n  - { address: '127.0.0.1:1' }\nupstream: { \(keys) }\n"
}

private func listening(_ keys: String) -> String {
    "listen:\n  - { \(keys) }\nupstream: { url: 'http://r:5000' }\n"
}
