import Authentication
import Bytes
import Foundation
import Synchronization
import Testing

@testable import NetIO
@testable import ProxyServer

/// A client that leaves while others work for it gives up its place at once.
@Suite(.timeLimit(.minutes(5))) struct LeavingTests {
    @Test func aClientThatLeavesDoesNotWaitForItsLogin() async throws {
        let users = ByteString(Who.users)
        let pool = try BlockingPool(name: "leaving", threadCount: 1, queueLimit: 16)
        // The only thread has something else to do.
        let mayGoOn = DispatchSemaphore(value: 0)
        #expect(pool.submit { mayGoOn.wait() })
        defer { mayGoOn.signal() }
        let desk = try LoginDesk(
            users: try PasswordFile(parsing: users.span, named: "users"),
            settings: LoginSettings(),
            pool: pool,
            clock: { SystemCalls.now().nanoseconds }
        )
        let stage = try Stage(logins: desk)
        let client = try stage.client()
        let login = Data("alice:guess".utf8).base64EncodedString()
        try client.send("GET /v2/ HTTP/1.1\r\nHost: p\r\nAuthorization: Basic \(login)\r\n\r\n")
        while desk.counts.waiting == 0 { try await stage.turn() }
        client.close()
        await client.awaitEnd()
        #expect(desk.counts.waiting == 0)
        #expect(try await stage.log().first?["outcome"] == "client_aborted")
    }

    @Test func aClientThatLeavesDoesNotWaitForAnothersCatalog() async throws {
        let stage = try Stage()
        let registry = try await stage.registry()
        let first = try stage.client()
        try first.send("GET /v2/_catalog HTTP/1.1\r\nHost: p\r\n\r\n")
        _ = try registry.receiveHead()
        let second = try stage.client()
        try second.send("GET /v2/_catalog HTTP/1.1\r\nHost: p\r\n\r\n")
        let cache = stage.shared.generation.catalog
        while cache.waitingCount == 0 { try await stage.turn() }
        second.close()
        await second.awaitEnd()
        #expect(cache.waitingCount == 0)
        #expect(try await stage.log().first?["outcome"] == "client_aborted")
        let list = "{\"repositories\":[\"a\"]}"
        try registry.send(
            "HTTP/1.1 200 OK\r\nContent-Length: \(list.utf8.count)\r\n\r\n" + list)
        #expect(try first.receiveHead().hasPrefix("HTTP/1.1 200"))
    }
}
