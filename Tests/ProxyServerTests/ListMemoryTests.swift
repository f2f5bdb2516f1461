import Testing

@testable import NetIO
@testable import ProxyServer

/// The memory of a list is counted until nobody holds it any more.
@Suite struct ListMemoryTests {
    private static let tags = "/v2/a/tags/list"
    /// Pages of the catalog have a thousand names at most.
    private static let catalog = "/v2/_catalog?n=1000"

    /// What the registry answers: several times what the sockets take in. A tag has 128 bytes at
    /// most.
    private static func list(for target: String) -> String {
        let (count, length) = target == tags ? (3000, 100) : (1000, 230)
        let filler = String(repeating: "x", count: length)
        let names = (0..<count).map { "\"\(100_000 + $0)-\(filler)\"" }.joined(separator: ",")
        return target == tags
            ? "{\"name\":\"a\",\"tags\":[\(names)]}" : "{\"repositories\":[\(names)]}"
    }

    /// A client that does not read has the list waiting for it here.
    @Test("a list that waits for its client is counted", arguments: [tags, catalog])
    func slowReader(target: String) async throws {
        let stage = try Stage()
        let budget = stage.shared.answerMemory
        let registry = try await stage.registry()
        let client = try stage.client(sendRoom: 8192)
        try client.send("GET \(target) HTTP/1.1\r\nHost: p\r\n\r\n")
        try Self.give(Self.list(for: target), at: registry)
        _ = try client.receiveHead()
        try await stage.turn()
        #expect(!budget.isWhole)
        client.close()
        await client.awaitEnd()
        #expect(budget.isWhole)
    }

    @Test func aListForWhichThereIsNoMemoryIsRefused() async throws {
        let list = Self.list(for: Self.tags)
        let stage = try Stage()
        let budget = stage.shared.answerMemory
        // The registry's answer has room, what is made of it has not.
        let taken = (64 << 20) - list.utf8.count - 1000
        #expect(budget.take(taken))
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send("GET \(Self.tags) HTTP/1.1\r\nHost: p\r\n\r\n")
        try Self.give(list, at: registry)
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 503"))
        client.close()
        await client.awaitEnd()
        budget.give(taken)
        #expect(budget.isWhole)
    }

    private static func give(_ list: String, at registry: Peer) throws {
        _ = try registry.receiveHead()
        try registry.send("HTTP/1.1 200 OK\r\nContent-Length: \(list.utf8.count)\r\n\r\n" + list)
    }
}
