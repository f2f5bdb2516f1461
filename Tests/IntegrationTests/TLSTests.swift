// What the TLS port does with clients that want something else.

import TestSupport
import Testing

@Suite(.ownThreads) struct TLSTests {
    private func withProxy(_ body: (ProxyProcess) throws -> Void) throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        try body(proxy)
    }

    private func handshake(_ proxy: ProxyProcess, _ more: String...) throws -> Finished {
        let address = "127.0.0.1:\(proxy.securePort)"
        let start = ["openssl", "s_client", "-connect", address, "-CAfile", proxy.certificates.ca]
        return try Command.run(start + ["-verify_return_error"] + more)
    }

    @Test(
        "a request for a host that the connection is not for is 421, whichever part names it",
        arguments: [
            ("http://evil.example/v2/", "Host:", "421"), ("/v2/", "Host: evil.example", "421"),
            ("http://localhost/v2/", "Host:", "401"), ("/v2/", "Host: localhost", "401"),
        ])
    func misdirected(target: String, host: String, status: String) throws {
        try withProxy { proxy in
            let finished = try Command.run([
                "curl", "--silent", "--cacert", proxy.certificates.ca, "--http1.0", "--no-alpn",
                "--header", host, "--request-target", target, "--output", "/dev/null",
                "--write-out", "%{http_code}", "https://localhost:\(proxy.securePort)/",
            ])
            #expect(finished.text == status)
        }
    }

    @Test("plain HTTP is told that the port speaks HTTPS")
    func plainHTTP() throws {
        try withProxy { proxy in
            let client = try RawClient(port: proxy.securePort)
            let answer = try client.request("GET", "/v2/")
            #expect(answer.status == 400)
            #expect(answer.errorCode != nil)
            #expect(answer.errorMessage.contains("this port speaks HTTPS"))
            #expect(try client.reader.readToEnd().bytes.isEmpty)
        }
    }

    @Test(
        "TLS 1.2 and 1.3 are spoken, with a certificate that verifies", arguments: ["1_2", "1_3"])
    func versions(version: String) throws {
        try withProxy { proxy in
            let finished = try handshake(proxy, "-tls\(version)", "-alpn", "http/1.1")
            #expect(finished.status == 0, "\(finished)")
            #expect(finished.text.contains("ALPN protocol: http/1.1"))
        }
    }

    @Test("a client that speaks only other protocols is refused in the handshake")
    func otherProtocols() throws {
        try withProxy { proxy in
            let finished = try handshake(proxy, "-alpn", "h2")
            #expect(finished.status != 0)
            #expect(finished.errorText.contains("no application protocol"), "\(finished)")
        }
    }

    @Test("connections that end in their handshake are counted, each by its reason")
    func failures() throws {
        try withProxy { proxy in
            let plain = try RawClient(port: proxy.securePort)
            _ = try plain.request("GET", "/v2/")
            _ = try handshake(proxy, "-alpn", "h2")
            let gone = try RawClient(port: proxy.securePort)
            gone.close()
            _ = try handshake(proxy, "-alpn", "http/1.1")
            let name = "registry_proxy_connections_failed_total"
            for reason in ["not_tls", "tls", "closed"] {
                _ = try eventually("a figure for \(reason)") {
                    try proxy.metric(name, where: "\"\(reason)\"") == 1 ? true : nil
                }
            }
            #expect(try proxy.metric(name) == 3)
        }
    }

    @Test("the log tells the version, and the proxy the scheme")
    func curl() throws {
        try withProxy { proxy in
            let finished = try Command.check([
                "curl", "--silent", "--show-error", "--cacert", proxy.certificates.ca,
                "--user", "alice:\(TestUser.alice.password)", "--tls-max", "1.2",
                "https://localhost:\(proxy.securePort)/v2/",
            ])
            #expect(finished.text == "{}")
            let line = try #require(proxy.accessLines(having: "\"user\":\"alice\"").first)
            #expect(line["tls"] == "1.2")
        }
    }

    /// A truncation must be visible: no close_notify, no last chunk.
    @Test(
        "a body that the upstream cut is an error for curl as well",
        arguments: [
            "Content-Length: 1000", "Transfer-Encoding: chunked",
        ])
    func truncation(framing: String) throws {
        let upstream = try RecordingUpstream { exchange in
            let body = framing.hasPrefix("T") ? "5\r\nhello\r\n" : "hello"
            try exchange.send("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n\(body)")
            exchange.close()
        }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        let finished = try Command.run([
            "curl", "--silent", "--cacert", proxy.certificates.ca,
            "--user", "alice:\(TestUser.alice.password)", "\(proxy.url)\(BodyTests.blob)",
        ])
        #expect(finished.status != 0, "\(finished)")
    }

    @Test("a chain of requests over TLS pushes and pulls a blob")
    func blob() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        let directory = try TemporaryDirectory()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
        try directory.write(bytes, to: "blob")
        let digest = try digest(of: bytes)
        let login = ["--user", "alice:\(TestUser.alice.password)"]
        let curl = ["curl", "--silent", "--show-error", "--fail", "--cacert"]
        let start = curl + [proxy.certificates.ca] + login
        let uploads = "\(proxy.url)/v2/team-a/x/blobs/uploads/"
        let opened = try Command.check(start + ["-X", "POST", "-D", "-", "-d", "", uploads]).text
        let fields = opened.split(separator: "\r\n")
        let location = try #require(fields.first { $0.lowercased().hasPrefix("location:") })
        let session = location.dropFirst(9).drop { $0 == " " }
        #expect(session.hasPrefix("/v2/team-a/x/blobs/uploads/"), "\(session)")
        let stream = ["-X", "PATCH", "-T", directory.file("blob"), "-H"]
        let type = "Content-Type: application/octet-stream"
        let patched = try Command.check(
            start + stream + ["Transfer-Encoding: chunked", "-H", type, "-D", "-"]
                + ["\(proxy.url)\(session)"]
        ).text
        let moved = patched.split(separator: "\r\n").first {
            $0.lowercased().hasPrefix("location:")
        }
        let next = try #require(moved).dropFirst(9).drop { $0 == " " }
        let put = "\(proxy.url)\(next)&digest=\(digest)"
        try Command.check(start + ["-X", "PUT", "-H", "Content-Length: 0", put])
        let pulled = try Command.check(start + ["\(proxy.url)/v2/team-a/x/blobs/\(digest)"])
        #expect(pulled.output == bytes)
    }
}
