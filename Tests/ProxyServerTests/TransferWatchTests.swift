import Testing

@testable import NetIO
@testable import ProxyServer

@Suite struct TransferWatchTests {
    private let timeout = Timeout(.stall, nanoseconds: 100)

    private func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }

    /// Until when a side is waited for, if that much has arrived at it.
    private func instant(
        _ watch: inout TransferWatch,
        _ side: TransferWatch.Side,
        _ byteCount: Int,
        at nanoseconds: Int64,
        arrived: Int = 0
    ) -> Instant {
        watch.deadline(for: side, byteCount, at: at(nanoseconds)) { arrived }.instant
    }

    @Test func eachByteOfTheSideThatIsWaitedForGivesItTheWholeTime() {
        var watch = TransferWatch(timeout, bytesPerSecond: 0)
        #expect(instant(&watch, .client, 7, at: 0) == at(25), "a first glance")
        watch.note(waitFor: .client, 60)
        #expect(instant(&watch, .client, 7, at: 60) == at(100))
        watch.note(waitFor: .client, 30)
        #expect(instant(&watch, .client, 8, at: 90) == at(115), "it begins anew")
        watch.note(waitFor: .client, 25)
        #expect(instant(&watch, .client, 8, at: 115) == at(190))
    }

    @Test func theTimeThatOneSideTakesIsNotTheOthers() {
        var watch = TransferWatch(timeout, bytesPerSecond: 0)
        #expect(instant(&watch, .client, 0, at: 0) == at(25))
        watch.note(waitFor: .client, 30)
        #expect(instant(&watch, .client, 0, at: 30) == at(100))
        #expect(instant(&watch, .registry, 0, at: 30) == at(55))
        watch.note(waitFor: .registry, 90)
        // Of the client's time 30 ns are used up, whatever the clock says.
        #expect(instant(&watch, .client, 0, at: 1000) == at(1070))
        #expect(instant(&watch, .registry, 0, at: 2000) == at(2010))
    }

    @Test func withARateASingleByteBuysNoTime() {
        // 10 bytes within 100 ns.
        var watch = TransferWatch(timeout, bytesPerSecond: 100_000_000)
        #expect(instant(&watch, .registry, 0, at: 0) == at(25))
        watch.note(waitFor: .registry, 60)
        #expect(instant(&watch, .registry, 9, at: 60, arrived: 1) == at(100))
        watch.note(waitFor: .registry, 40)
        #expect(instant(&watch, .registry, 9, at: 500, arrived: 7) == at(500), "it is over")
        #expect(instant(&watch, .registry, 10, at: 500) == at(525))
    }

    @Test func whatTheKernelStillHadAndHasArrivedCounts() {
        var watch = TransferWatch(timeout, bytesPerSecond: 100_000_000)
        #expect(instant(&watch, .client, 1000, at: 0) == at(25))
        watch.note(waitFor: .client, 25)
        #expect(instant(&watch, .client, 1000, at: 25, arrived: 500) == at(100))
        watch.note(waitFor: .client, 75)
        // 7 in the 75 ns since.
        #expect(instant(&watch, .client, 1000, at: 100, arrived: 507) == at(200))
        watch.note(waitFor: .client, 100)
        #expect(instant(&watch, .client, 1000, at: 200, arrived: 513) == at(200), "too little")
    }
}

@Suite struct SlowSideTests {
    /// Nothing else would end these: some bytes always move.
    private static func stage() throws -> Stage {
        try Stage {
            $0.timeouts.stall = Timeout(.stall, nanoseconds: 100_000_000)
            $0.limits.minimumRate = 1 << 30
        }
    }

    /// Takes a little in each turn of the loop, until the other end closes: a thousand turns for
    /// all, which is far more than the time-out on any machine.
    private func takeSlowly(_ peer: Peer, _ stage: Stage) async throws {
        while !(try peer.receive(150).isEmpty) { try await stage.turn() }
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
