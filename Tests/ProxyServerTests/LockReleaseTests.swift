import NetIO
import Testing

@testable import ProxyServer

/// Locks end when the registry has answered, not when its answer is with the client.
@Suite struct LockReleaseTests {
    private static let put =
        "PUT /v2/team/app/manifests/latest HTTP/1.1\r\nHost: proxy\r\nContent-Length: 2\r\n"
        + "Content-Type: application/json\r\n\r\n{}"
    private static let delete =
        "DELETE /v2/team/app/manifests/\(digest) HTTP/1.1\r\nHost: proxy\r\n\r\n"

    @Test(
        "an answer that is long under way to its client holds up nobody's push or delete",
        arguments: [put, delete], [put, delete])
    func slowAnswer(first: String, second: String) async throws {
        let stage = try Stage()
        let slowRegistry = try await stage.registry()
        let slow = try stage.client()
        try slow.send(first)
        try Self.answerChange(at: slowRegistry, head: "Content-Length: 10\r\n\r\n")
        _ = try slow.receiveHead()

        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(second)
        try Self.answerChange(at: registry, head: "Content-Length: 0\r\n\r\n")
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 201"))

        slow.close()
        await slow.awaitEnd()
        client.close()
        await client.awaitEnd()
        #expect(stage.shared.locks.isEmpty)
    }

    /// To everything that is asked before, the registry says that there is no such thing.
    private static func answerChange(at registry: Peer, head: String) throws {
        var request = try registry.receiveHead()
        while !request.hasPrefix("PUT "), !request.hasPrefix("DELETE ") {
            try registry.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            request = try registry.receiveHead()
        }
        if request.hasPrefix("PUT ") { _ = try registry.receive(exactly: 2) }
        try registry.send("HTTP/1.1 201 Created\r\n" + head)
    }
}
