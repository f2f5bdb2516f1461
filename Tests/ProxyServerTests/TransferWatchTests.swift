import Testing

@testable import NetIO
@testable import ProxyServer

@Suite struct TransferWatchTests {
    private let timeout = Timeout(.stall, nanoseconds: 100)

    private func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }

    @Test func eachByteOfTheSideThatIsWaitedForGivesItTheWholeTime() {
        var watch = TransferWatch(timeout, bytesPerSecond: 0)
        #expect(watch.deadline(for: .client, 7, at: at(0)).instant == at(100))
        watch.note(waitFor: .client, 60)
        #expect(watch.deadline(for: .client, 7, at: at(60)).instant == at(100))
        watch.note(waitFor: .client, 30)
        #expect(watch.deadline(for: .client, 8, at: at(90)).instant == at(190))
    }

    @Test func theTimeThatOneSideTakesIsNotTheOthers() {
        var watch = TransferWatch(timeout, bytesPerSecond: 0)
        #expect(watch.deadline(for: .client, 0, at: at(0)).instant == at(100))
        watch.note(waitFor: .client, 10)
        #expect(watch.deadline(for: .registry, 0, at: at(10)).instant == at(110))
        watch.note(waitFor: .registry, 90)
        // Of the client's time 10 ns are used up, whatever the clock says.
        #expect(watch.deadline(for: .client, 0, at: at(1000)).instant == at(1090))
        #expect(watch.deadline(for: .registry, 0, at: at(2000)).instant == at(2010))
    }

    @Test func withARateASingleByteBuysNoTime() {
        // 10 bytes within 100 ns.
        var watch = TransferWatch(timeout, bytesPerSecond: 100_000_000)
        #expect(watch.deadline(for: .registry, 0, at: at(0)).instant == at(100))
        watch.note(waitFor: .registry, 60)
        #expect(watch.deadline(for: .registry, 9, at: at(60)).instant == at(100))
        watch.note(waitFor: .registry, 40)
        let over = watch.deadline(for: .registry, 9, at: at(500))
        #expect(over.instant == at(500) && over.name == .stall)
        #expect(watch.deadline(for: .registry, 10, at: at(500)).instant == at(600))
    }
}

@Suite struct SlowSideTests {
    /// Nothing else would end these: some bytes always move.
    private static func stage() throws -> Stage {
        try Stage {
            $0.timeouts.stall = Timeout(.stall, seconds: 1)
            $0.limits.minimumRate = 1 << 20
        }
    }

    /// Takes a little in each turn of the loop, until the other end closes.
    private func takeSlowly(_ peer: Peer, _ stage: Stage) async throws {
        while !(try peer.receive(400).isEmpty) { try await stage.turn() }
    }

    /// What the client has sent waits in the proxy: it has done its part.
    @Test func aRegistryThatTakesABodyTooSlowlyIsTheOneThatIsLate() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry(sendRoom: 8192)
        let client = try stage.client()
        try client.send(
            "PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: p\r\nContent-Length: 150001\r\n\r\n"
                + String(repeating: "x", count: 150_000))
        try await takeSlowly(registry, stage)
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 504"))
        client.close()
        await client.awaitEnd()
        #expect(try await stage.log().first?["outcome"] == "timeout:stall")
        #expect(await stage.idleCount == 0)
    }

    /// A list of the proxy's own making is a body like any other.
    @Test func aClientThatTakesAListTooSlowlyIsCut() async throws {
        let stage = try Self.stage()
        let registry = try await stage.registry()
        let client = try stage.client(sendRoom: 8192)
        try client.send("GET /v2/a/tags/list HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n")
        _ = try registry.receiveHead()
        let names = (0..<1400).map { "\"\($0)-" + String(repeating: "x", count: 100) + "\"" }
        let body = "{\"name\":\"a\",\"tags\":[" + names.joined(separator: ",") + "]}"
        // All of it at once, so that nobody waits for the registry.
        try registry.send(
            "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n" + body)
        try await takeSlowly(client, stage)
        await client.awaitEnd()
        #expect(try await stage.log().first?["outcome"] == "timeout:stall")
    }
}
