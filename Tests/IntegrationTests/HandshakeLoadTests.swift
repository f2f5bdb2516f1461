// TLS handshakes that are begun and never ended, as many as can be.

import TestSupport
import Testing

@Suite(.ownThreads) struct HandshakeLoadTests {
    private static func vector(_ size: Int, _ bytes: [UInt8]) -> [UInt8] {
        (0..<size).reversed().map { UInt8(bytes.count >> ($0 * 8) & 0xFF) } + bytes
    }

    /// A ClientHello of TLS 1.2: to answer it costs the server a signature.
    private static let hello: [UInt8] = {
        let extensions: [UInt8] =
            [0, 10] + vector(2, vector(2, [0, 0x17])) + [0, 13] + vector(2, vector(2, [4, 3]))
            + [0, 11] + vector(2, vector(1, [0]))
        let body =
            [3, 3] + [UInt8](repeating: 7, count: 32) + [0] + vector(2, [0xC0, 0x2B])
            + vector(1, [0]) + vector(2, extensions)
        return [22, 3, 1] + vector(2, [1] + vector(3, body))
    }()

    private func begin(_ proxy: ProxyProcess, _ bytes: some Collection<UInt8>) throws -> RawClient {
        let client = try RawClient(port: proxy.securePort, within: 60)
        try client.socket.send(Array(bytes))
        return client
    }

    @Test("clients that stand still in the handshake do not keep others out")
    func standstill() throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        // Whoever has said nothing, or half of it, has no seat and wants none.
        let silent = try (0..<150).map { try begin(proxy, Self.hello.prefix($0 % 2 * 40)) }
        // These have all the 128 seats.
        let stalled = try (0..<128).map { _ in try begin(proxy, Self.hello) }
        for client in stalled {
            guard case .bytes = try client.socket.receive(within: 60) else {
                Issue.record("no answer to a hello")
                return
            }
        }
        let finished = try Command.check([
            "curl", "--silent", "--show-error", "--cacert", proxy.certificates.ca, "--user",
            "alice:\(TestUser.alice.password)", "https://localhost:\(proxy.securePort)/v2/",
        ])
        #expect(finished.text == "{}")
        // One had to go for it, and no other connection.
        let ended = stalled.filter { $0.socket.hasInput && (try? $0.reader.readToEnd()) != nil }
        #expect(ended.count >= 1)
        #expect(!silent.contains { $0.socket.hasInput })
        for client in silent + stalled { client.close() }
    }
}
