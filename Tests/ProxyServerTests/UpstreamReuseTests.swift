import NetIO
import Testing

@testable import ProxyServer

/// When a connection to the registry may be used again (rules R9 to R11).
@Suite struct UpstreamReuseTests {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @Test func aCleanExchangeGivesItsConnectionBack() async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        for count in 1...3 {
            try client.send("GET \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n")
            _ = try registry.receiveHead()
            try registry.send(Self.answer)
            _ = try client.receiveHead()
            #expect(try client.receiveText(2) == "ok")
            #expect(count > 0)
        }
        client.close()
        await client.awaitEnd()
        #expect(await stage.idleCount == 1)
        #expect(
            try await stage.log().map { $0["outcome"] } == ["complete", "complete", "complete"])
    }

    @Test(
        "an answer that leaves a doubt ends its connection",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ]
    )
    func doubtful(answer: String) async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send("GET \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n")
        _ = try registry.receiveHead()
        try registry.send(answer)
        _ = try client.receiveHead()
        #expect(try client.receiveText(2) == "ok")
        client.close()
        await client.awaitEnd()
        #expect(await stage.idleCount == 0)
        #expect(try registry.receiveAll() == "")
    }

    /// The registry would take the next request's head for the rest of this one's body.
    @Test func aRequestThatWasNotFullySentEndsItsConnection() async throws {
        let stage = try Stage()
        let registry = try await stage.registry(sendRoom: 4096)
        let client = try stage.client()
        let count = 16_000
        // Head and body come together, so that the whole body is read at once.
        try await stage.run { _ in
            try client.send(
                "PATCH /v2/team/app/blobs/uploads/abc HTTP/1.1\r\nHost: proxy\r\n"
                    + "Content-Length: \(count)\r\n\r\n" + String(repeating: "x", count: count)
            )
        }
        _ = try registry.receiveHead()
        // Something of the body is there, but far from all; now it answers without reading on.
        _ = try registry.receive(exactly: 100)
        try registry.send("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 404"))
        #expect(try client.receiveText(2) == "no")
        client.close()
        await client.awaitEnd()
        let idle = await stage.idleCount
        #expect(idle == 0)
    }

    @Test func aConnectionThatTheRegistryHasClosedIsNotUsed() async throws {
        let stage = try Stage()
        let stale = try await stage.registry()
        let fresh = try await stage.registry()
        let client = try stage.client()
        stale.close()
        try client.send("GET \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n")
        #expect(try fresh.receiveHead().hasPrefix("GET \(blobPath) HTTP/1.1\r\n"))
        try fresh.send(Self.answer)
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 200"))
    }

    /// A second answer arrives while the connection is idle, in the same moment as the next
    /// request: the loop takes that up before it has looked for events again.
    @Test func aSecondAnswerThatMeetsTheNextRequestIsNotUsed() async throws {
        let stage = try Stage()
        let doubling = try await stage.registry()
        let fresh = try await stage.registry()
        let client = try stage.client()
        try client.send("GET \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n")
        _ = try doubling.receiveHead()
        try doubling.send(Self.answer)
        _ = try client.receiveHead()
        #expect(try client.receiveText(2) == "ok")
        // Now the connection that has answered is the only idle one.
        let other = try stage.client()
        try other.send("GET \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n")
        _ = try fresh.receiveHead()
        let third = try stage.client()
        try await stage.turn()
        try await stage.run { stage in
            let bell = try Bell(on: stage.loop)
            defer { bell.close() }
            try bell.ring()
            try third.send("GET \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n")
            // The loop has both events: first we go on, then whoever serves the client does.
            try await bell.wait()
            try doubling.send(Self.answer.replacing("ok", with: "no"))
        }
        // Nobody listens at the registry's address.
        #expect(try third.receiveHead().hasPrefix("HTTP/1.1 502"))
        #expect(await stage.idleCount == 0)
    }

    @Test(
        "nothing is tried again once a byte of the answer was seen, or if it changes something",
        arguments: [("GET", "HTTP/1.1 200 OK\r\nContent-"), ("DELETE", "")]
    )
    func noRetry(method: String, answer: String) async throws {
        let stage = try Stage()
        let first = try await stage.registry()
        let second = try await stage.registry()
        let client = try stage.client()
        try client.send("\(method) \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n")
        _ = try first.receiveHead()
        try first.send(answer)
        first.close()
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 502"))
        client.close()
        await client.awaitEnd()
        #expect(await stage.idleCount == 1)
        #expect(try await stage.log().map { $0["outcome"] } == ["upstream_aborted"])
        _ = second
    }

    /// The registry's goodbye crosses the request: only what changes nothing may go again.
    @Test(
        "a request that met a silent close is tried once more if it is safe",
        arguments: [("GET", true), ("HEAD", true), ("DELETE", false)]
    )
    func retry(method: String, isRetried: Bool) async throws {
        let (stage, bound) = try Self.stageWithRegistry()
        let idle = try await stage.registry()
        let client = try stage.client()
        try client.send("\(method) \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n")
        _ = try idle.receiveHead()
        idle.close()
        if isRetried {
            let fresh = try Peer(accepting: bound)
            #expect(try fresh.receiveHead().hasPrefix("\(method) \(blobPath) HTTP/1.1\r\n"))
            // Once and not again.
            fresh.close()
        }
        let head = try client.receiveHead()
        #expect(head.hasPrefix("HTTP/1.1 502"))
        #expect((try? Peer(accepting: bound, within: 0)) == nil)
    }

    /// An interim answer is made of an answer's bytes, too (rule R11).
    @Test func nothingIsTriedAgainAfterAnInterimAnswer() async throws {
        let (stage, bound) = try Self.stageWithRegistry()
        let idle = try await stage.registry()
        let client = try stage.client()
        try client.send("GET \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n")
        _ = try idle.receiveHead()
        try idle.send("HTTP/1.1 102 Processing\r\n\r\n")
        idle.endOutput()
        let second = try? Peer(accepting: bound, within: 500)
        #expect(second == nil)
        second?.close()
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 502"))
    }

    private static func stageWithRegistry() throws -> (Stage, BoundSocket) {
        let address = try found(SocketAddress(literal: "127.0.0.1", port: 0))
        let bound = try BoundSocket(binding: address)
        let stage = try Stage { $0.upstream.place = .host("127.0.0.1", port: bound.address.port) }
        return (stage, bound)
    }

    /// RFC 9110 section 15.2: interim answers may come at any time, asked for or not.
    @Test func anInterimAnswerDoesNotEndTheRequestsBody() async throws {
        let stage = try Stage {
            $0.timeouts.upstreamResponse = Timeout(.upstreamResponse, seconds: 1)
        }
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(
            "PATCH /v2/team/app/blobs/uploads/abc HTTP/1.1\r\nHost: proxy\r\n"
                + "Content-Length: 4\r\n\r\nab"
        )
        _ = try registry.receiveHead()
        #expect(try registry.receiveText(2) == "ab")
        try registry.send("HTTP/1.1 100 Continue\r\n\r\n")
        // The proxy has seen it when its loop has turned after it.
        try await stage.turn()
        try client.send("cd")
        let rest = try? registry.receiveText(2)
        #expect(rest == "cd")
    }
}
