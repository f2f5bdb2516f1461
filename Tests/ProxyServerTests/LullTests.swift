import Synchronization
import Testing

@testable import NetIO
@testable import ProxyServer

/// Between two requests a connection stays in the task of the first one for a moment; when the
/// client says nothing for longer, it waits outside, in little memory. Nobody may notice.
@Suite(.timeLimit(.minutes(5))) struct LullTests {
    private static let get = "GET \(blobPath) HTTP/1.1\r\nHost: proxy\r\n\r\n"
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// One request and its answer.
    private func ask(_ client: Peer, _ registry: Peer) throws {
        try client.send(Self.get)
        _ = try registry.receiveHead()
        try registry.send(Self.answer)
        _ = try client.receiveHead()
        #expect(try client.receiveText(2) == "ok")
    }

    /// Returns when the loop has seen the lull pass.
    private func passLull(of stage: Stage) async throws {
        try await stage.run { stage in
            let waiter = Waiter(on: stage.loop)
            defer { waiter.retire() }
            let end = Connection.lull.deadline(from: stage.loop.now)
            // The connection's own wait, which began before this one, ends first.
            while stage.loop.now < end.instant { await waiter.wait(until: end.instant) }
        }
    }

    @Test func requestsAreServedBeforeAndAfterALull() async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try ask(client, registry)
        try ask(client, registry)
        try await passLull(of: stage)
        try ask(client, registry)
        try ask(client, registry)
        try await passLull(of: stage)
        client.close()
        await client.awaitEnd()
        let log = try await stage.log()
        #expect(log.map { $0["outcome"] } == Array(repeating: "complete", count: 4))
        #expect(try await stage.run { $0.loop.buffers.lentCount } == 0)
    }

    @Test("a drain closes who waits and nobody who has asked", arguments: [true, false])
    func drain(afterLull: Bool) async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let waiting = try stage.client()
        try ask(waiting, registry)
        if afterLull { try await passLull(of: stage) }
        let busy = try stage.client()
        try busy.send(Self.get)
        _ = try registry.receiveHead()
        try await stage.run { stage in
            stage.shared.isDraining.store(true, ordering: .relaxed)
            stage.services.beginDrain()
        }
        await waiting.awaitEnd()
        #expect(try waiting.receiveAll() == "")
        try registry.send(Self.answer)
        #expect(try busy.receiveHead().contains("Connection: close"))
        #expect(try busy.receiveText(2) == "ok")
        await busy.awaitEnd()
    }

    /// The answer is complete, and could still be taken from the client.
    @Test func aConnectionThatLingersIsNotIdle() async throws {
        let stage = try Stage()
        let client = try stage.client()
        try client.send("PUT /nothing HTTP/1.1\r\nHost: p\r\nContent-Length: 100000000\r\n\r\nx")
        #expect(try client.receiveHead().contains("Connection: close"))
        #expect(try await stage.run { $0.services.cutAll() } == 1)
        await client.awaitEnd()
    }

    @Test func aConnectionThatWaitsIsNoExchangeThatIsCut() async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try ask(client, registry)
        try await passLull(of: stage)
        #expect(try await stage.run { $0.services.cutAll() } == 0)
        await client.awaitEnd()
    }
}
