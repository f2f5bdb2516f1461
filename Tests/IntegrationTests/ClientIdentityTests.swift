// Who the client is, where proxies and load balancers stand in front.

import TestSupport
import Testing

@Suite(.ownThreads) struct ClientIdentityTests {
    private static let target = "/v2/team-a/x/tags/list"
    private static let told = [
        "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 127.0.0.5", "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example", "X-Request-Id: lb-0123456789/abc=",
    ]

    private func withProxy(
        _ keys: [String],
        _ body: (RecordingUpstream, ProxyProcess) throws -> Void
    ) throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.listenKeys = keys
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(upstream, proxy)
    }

    @Test("what a trusted proxy says of the client is in the log and goes to the registry")
    func trusted() throws {
        try withProxy(["trusted_proxies: [127.0.0.0/8]"]) { upstream, proxy in
            let client = try proxy.connect()
            let answer = try client.request("GET", Self.target, as: .alice, Self.told)
            #expect(answer["X-Request-Id"] == "lb-0123456789/abc=")
            let seen = try #require(upstream.requests.first?.head)
            #expect(seen["X-Forwarded-For"] == "203.0.113.9")
            #expect(seen["X-Forwarded-Proto"] == "https")
            #expect(seen["X-Forwarded-Host"] == "127.0.0.1:\(proxy.plainPort)")
            #expect(seen["X-Request-Id"] == "lb-0123456789/abc=")
            // The next request on the connection is another client's.
            let plain = try client.request("GET", Self.target, as: .alice)
            #expect(plain["X-Request-Id"]?.count == 26)
            let lines = try proxy.accessLines(having: "tags/list", 2)
            #expect(lines.map { $0["client"] } == ["203.0.113.9", "127.0.0.1"])
            #expect(lines.first?["id"] == "lb-0123456789/abc=")
        }
    }

    @Test(
        "what anybody else says is not believed",
        arguments: [[], ["trusted_proxies: [10.0.0.0/8]"]])
    func untrusted(keys: [String]) throws {
        try withProxy(keys) { upstream, proxy in
            let answer = try proxy.request("GET", Self.target, as: .alice, Self.told)
            #expect(answer["X-Request-Id"]?.count == 26)
            let seen = try #require(upstream.requests.first?.head)
            #expect(seen["X-Forwarded-For"] == "127.0.0.1")
            #expect(seen["X-Forwarded-Proto"] == "http")
            #expect(seen["X-Request-Id"] == answer["X-Request-Id"])
            #expect(!upstream.saw("6.6.6.6"))
            let lines = try proxy.accessLines(having: "tags/list")
            #expect(lines.map { $0["client"] } == ["127.0.0.1"])
        }
    }

    @Test(
        "an id that could do harm in a log is replaced",
        arguments: ["", "a b", "\"x\"", "a\\b", String(repeating: "x", count: 65)])
    func badID(id: String) throws {
        try withProxy(["trusted_proxies: [127.0.0.1]"]) { _, proxy in
            let fields = ["X-Request-Id: \(id)"]
            let answer = try proxy.request("GET", Self.target, as: .alice, fields)
            #expect(answer["X-Request-Id"]?.count == 26)
        }
    }

    private static let balanced = ["trusted_proxies: [127.0.0.0/8]", "proxy_protocol: true"]
    static let binary: [UInt8] =
        [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, 0x21, 0x11, 0, 12]
        + [203, 0, 113, 9, 127, 0, 0, 1, 0x9C, 0x40, 1, 0xBB]

    @Test(
        "the client of a PROXY header is the client, however the header comes in",
        arguments: [
            Array("PROXY TCP4 203.0.113.9 127.0.0.1 40000 443\r\n".utf8),
            ClientIdentityTests.binary,
        ])
    func proxyHeader(header: [UInt8]) throws {
        try withProxy(Self.balanced) { upstream, proxy in
            for piece in [1, 5, header.count] {
                let client = try proxy.connect()
                for start in stride(from: 0, to: header.count, by: piece) {
                    try client.send(Array(header[start..<min(start + piece, header.count)]))
                }
                let fields = ["X-Forwarded-For: 6.6.6.6"]
                #expect(try client.request("GET", Self.target, as: .alice, fields).status == 200)
            }
            #expect(upstream.requests.allSatisfy { $0.head["X-Forwarded-For"] == "203.0.113.9" })
            let lines = try proxy.accessLines(having: "tags/list", 3)
            #expect(lines.map { $0["client"] } == ["203.0.113.9", "203.0.113.9", "203.0.113.9"])
        }
    }

    private static let failed = "registry_proxy_connections_failed_total"

    /// Only the rule's network may; who is in it nobody can say of himself.
    private static let rules = [
        """
        { id: near, who: ["user:alice"], repos: ["team-a/**"], allow: [pull], \
        when: { from: ["203.0.113.0/24"] } }
        """
    ]

    private func status(
        _ keys: [String],
        _ fields: [String],
        header: String = ""
    ) throws -> (status: Int, reached: Bool) {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.listenKeys = keys
        settings.rules = Self.rules
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        try client.send(header)
        let answer = try client.request("GET", Self.target, as: .alice, fields)
        return (answer.status, upstream.connectionCount > 0)
    }

    @Test(
        "rules see the address of the client, as a trusted proxy tells it",
        arguments: [
            // What stands left of the last stranger is the client's own invention.
            (["X-Forwarded-For: 203.0.113.9"], true),
            (["X-Forwarded-For: 6.6.6.6, 203.0.113.9, 127.0.0.5"], true),
            (["X-Forwarded-For: 203.0.113.9, 6.6.6.6"], false),
            (["X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 6.6.6.6"], false),
            (["X-Real-IP: 203.0.113.9", "Forwarded: for=203.0.113.9"], false),
            ([], false),
        ])
    func rulesBehindProxy(fields: [String], isAllowed: Bool) throws {
        let (status, reached) = try status(["trusted_proxies: [127.0.0.0/8]"], fields)
        #expect(status == (isAllowed ? 200 : 403))
        #expect(reached == isAllowed)
    }

    @Test(
        "rules are not told an address by whoever is not trusted",
        arguments: [
            ([], "X-Forwarded-For: 203.0.113.9"),
            (["trusted_proxies: [10.0.0.0/8]"], "X-Forwarded-For: 203.0.113.9"),
            (
                ["trusted_proxies: [10.0.0.0/8]", "proxy_protocol: true"],
                "X-Forwarded-For: 203.0.113.9"
            ),
        ])
    func rulesWithoutProxy(keys: [String], field: String) throws {
        let (status, reached) = try status(keys, [field])
        #expect(status == 403)
        #expect(!reached)
    }

    @Test(
        "behind a PROXY header the address in it counts, and nothing that its client says",
        arguments: [
            ("203.0.113.9", "X-Forwarded-For: 6.6.6.6", true),
            ("6.6.6.6", "X-Forwarded-For: 203.0.113.9", false),
        ])
    func rulesBehindProxyHeader(address: String, field: String, isAllowed: Bool) throws {
        let header = "PROXY TCP4 \(address) 127.0.0.1 40000 443\r\n"
        let (status, reached) = try status(Self.balanced, [field], header: header)
        #expect(status == (isAllowed ? 200 : 403))
        #expect(reached == isAllowed)
    }

    @Test("a PROXY header from a stranger is no header but a broken request")
    func proxyHeaderOfStranger() throws {
        let keys = ["trusted_proxies: [10.0.0.0/8]", "proxy_protocol: true"]
        try withProxy(keys) { upstream, proxy in
            let client = try proxy.connect()
            try client.send("PROXY TCP4 203.0.113.9 127.0.0.1 40000 443\r\n")
            #expect(try client.readResponse(answering: "GET").status == 400)
            #expect(upstream.connectionCount == 0)
        }
    }

    @Test("a PROXY header stands before TLS")
    func proxyHeaderBeforeTLS() throws {
        try withProxy(Self.balanced) { _, proxy in
            let curl = [
                "curl", "--silent", "--show-error", "--fail", "--cacert", proxy.certificates.ca,
                "--user", "alice:\(TestUser.alice.password)",
            ]
            let finished = try Command.check(curl + ["--haproxy-protocol", "\(proxy.url)/v2/"])
            #expect(finished.text == "{}")
            #expect(try Command.run(curl + ["\(proxy.url)/v2/"]).status != 0)
        }
    }

    @Test(
        "a trusted proxy that sends no PROXY header, or a wrong one, is cut off without a line",
        arguments: ["GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n", "PROXY TCP4 x\r\n", "PROXY TCP4 1.1"])
    func badProxyHeader(text: String) throws {
        try withProxy(Self.balanced) { upstream, proxy in
            let client = try proxy.connect()
            try client.send(text)
            client.socket.finishSending()
            #expect(try client.reader.readToEnd().bytes.isEmpty)
            #expect(upstream.connectionCount == 0)
            _ = try eventually("the connection is counted") {
                try proxy.metric(Self.failed, where: "proxy_header") == 1 ? true : nil
            }
            #expect(try proxy.metric(Self.failed) == 1)
            proxy.stop()
            let lines = try proxy.accessLines()
            #expect(lines.isEmpty)
        }
    }
}
