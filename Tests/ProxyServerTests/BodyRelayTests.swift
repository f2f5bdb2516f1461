import Testing

@testable import NetIO
@testable import ProxyServer

@Suite struct BodyRelayTests {
    private static let get = "GET \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n"

    private static func stage() throws -> Stage {
        try Stage {
            $0.timeouts.stall = Timeout(.stall, seconds: 2)
            $0.timeouts.upstreamResponse = Timeout(.upstreamResponse, seconds: 2)
        }
    }

    @Test(
        "a body gets to the client whole in every framing",
        arguments: [
            ("Content-Length: 11\r\n\r\nhello world", "hello world"),
            (
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
                "b\r\nhello world\r\n0\r\n\r\n"
            ),
        ]
    )
    func framing(answer: String, expected: String) async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.get)
        _ = try registry.receiveHead()
        try registry.send("HTTP/1.1 200 OK\r\n" + answer)
        _ = try client.receiveHead()
        #expect(try client.receiveText(expected.utf8.count) == expected)
        client.close()
        await client.awaitEnd()
        #expect(try await stage.log().first?["outcome"] == "complete")
        #expect(try await stage.log().first?["bytes_out"] == "11")
    }

    @Test func aBodyUntilTheEndIsChunkedForTheClient() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.get)
        _ = try registry.receiveHead()
        try registry.send("HTTP/1.0 200 OK\r\n\r\nhello")
        registry.close()
        #expect(try client.receiveHead().contains("\r\nTransfer-Encoding: chunked\r\n"))
        #expect(try client.receiveText(15) == "5\r\nhello\r\n0\r\n\r\n")
    }

    /// An answer that is cut must look cut: no last chunk, no full length.
    @Test(
        "an answer that the registry cuts is cut for the client, too",
        arguments: [
            "Content-Length: 11\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "Transfer-Encoding: chunked\r\n\r\n6\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n2000\r\nhello" + String(repeating: "x", count: 5000),
        ]
    )
    func cut(answer: String) async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.get)
        _ = try registry.receiveHead()
        try registry.send("HTTP/1.1 200 OK\r\n" + answer)
        registry.close()
        _ = try client.receiveHead()
        let rest = try client.receiveAll()
        #expect(rest.contains("hello"))
        #expect(!rest.hasSuffix("0\r\n\r\n"))
        await client.awaitEnd()
        #expect(try await stage.log().first?["outcome"] == "upstream_aborted")
        #expect(await stage.idleCount == 0)
    }

    /// To a client of HTTP/1.0 the end of the stream ends the body: only a reset tells of the cut.
    @Test func aCutBodyWithoutFramingIsReset() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let bound = try BoundSocket(
            binding: try found(SocketAddress(literal: "127.0.0.1", port: 0))
        )
        let client = try stage.client(through: bound)
        try client.send("GET \(blobPath) HTTP/1.0\r\nHost: proxy\r\n\r\n")
        _ = try registry.receiveHead()
        try registry.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        _ = try client.receiveHead()
        #expect(try client.receiveText(5) == "hello")
        registry.close()
        #expect(throws: Missing.self) { try client.receiveAll() }
    }

    /// The chunk's head and the end of the stream are announced by one event.
    @Test func anEndBehindAChunkHeadIsNoticedAtOnce() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.get)
        _ = try registry.receiveHead()
        // On the loop's own thread, so that it finds both when it looks.
        try await stage.run { _ in
            try registry.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n")
            registry.close()
        }
        // Nobody reads meanwhile: that would be an event, too.
        await client.awaitEnd()
        _ = try client.receiveHead()
        #expect(try client.receiveAll() == "")
        let line = try found(try await stage.log().first)
        #expect(line["outcome"] == "upstream_aborted")
        let duration = try found(line["duration_ms"].flatMap(Double.init))
        #expect(duration < 1000)
    }

    /// As above, from the client: a request that was cut within the body's framing.
    @Test func aRequestCutBehindAChunkHeadIsNoticedAtOnce() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try await stage.run { _ in
            try client.send(
                "PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: p\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n5\r\n"
            )
            client.endOutput()
        }
        await client.awaitEnd()
        _ = try registry.receiveHead()
        #expect(try registry.receiveAll() == "")
        let line = try found(try await stage.log().first)
        #expect(line["outcome"] == "client_aborted")
        let duration = try found(line["duration_ms"].flatMap(Double.init))
        #expect(duration < 1000)
    }

    @Test func aChunkedRequestIsFramedAnew() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(
            "PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "000003;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n"
        )
        #expect(try registry.receiveHead().contains("\r\nTransfer-Encoding: chunked\r\n"))
        #expect(try registry.receiveText(15) == "5\r\nabcde\r\n0\r\n\r\n")
        try registry.send("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 202"))
        client.close()
        await client.awaitEnd()
        #expect(try await stage.log().first?["bytes_in"] == "5")
        #expect(await stage.idleCount == 1)
    }

    /// A client that waits for it gets it only once the registry is there.
    @Test func theClientIsToldToGoOnBeforeItsBody() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(
            "PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: p\r\nExpect: 100-continue\r\n"
                + "Content-Length: 3\r\n\r\n"
        )
        #expect(!(try registry.receiveHead().lowercased().contains("expect")))
        #expect(try client.receiveHead() == "HTTP/1.1 100 Continue\r\n\r\n")
        try client.send("abc")
        #expect(try registry.receiveText(3) == "abc")
        try registry.send("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 202"))
    }

    @Test(
        "a registry that asks the proxy to log in is broken",
        arguments: ["401 Unauthorized", "407 Proxy Authentication Required"]
    )
    func registryAsksForLogin(status: String) async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.get)
        _ = try registry.receiveHead()
        try registry.send("HTTP/1.1 \(status)\r\nWWW-Authenticate: x\r\nContent-Length: 0\r\n\r\n")
        let head = try client.receiveHead()
        #expect(head.hasPrefix("HTTP/1.1 502"))
        #expect(!head.lowercased().contains("www-authenticate"))
        // The client's connection is as good as before.
        #expect(!head.contains("Connection: close"))
    }

    @Test func aSilentRegistryIsLate() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.get)
        _ = try registry.receiveHead()
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 504"))
        client.close()
        await client.awaitEnd()
        #expect(try await stage.log().first?["outcome"] == "timeout:upstream_response")
    }

    @Test func whatTheRegistryRefusesEarlyIsReadToItsEndAndTheConnectionGoesOn() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        let count = 300_000
        try client.send(
            "PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: p\r\nContent-Length: \(count)\r\n\r\n"
        )
        _ = try registry.receiveHead()
        try registry.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 404"))
        try client.send(Array(repeating: 0x78, count: count))
        try client.send("GET /healthz HTTP/1.1\r\nHost: p\r\n\r\n")
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 200"))
        #expect(await stage.idleCount == 0)
    }

    /// One empty line before a request line is skipped (RFC 9112 section 2.2); nothing may hide a
    /// request from the log.
    @Test(
        "a request behind an empty line is logged like any other",
        arguments: ["", "\r\n"]
    )
    func leadingLine(line: String) async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(line + Self.get)
        _ = try registry.receiveHead()
        try registry.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        _ = try client.receiveHead()
        client.close()
        await client.awaitEnd()
        let paths = try await stage.log().map { $0["path"] }
        #expect(paths == [blobPath])
    }
}
