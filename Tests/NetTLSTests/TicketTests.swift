// Session tickets: coming back without a whole handshake, and when not.

import Bytes
import NetIO
import Testing

@testable import NetTLS

@Suite struct TicketTests {
    /// What became of a client that came back.
    private struct Return: Sendable {
        let isResumed: Bool
        let serverName: String?
    }

    /// Connects twice, the second time with what the first has left.
    ///
    /// - Parameter meanwhile: called between the two.
    private func comeBack(
        _ version: String,
        as name: String? = "registry.test",
        to second: TLSContext? = nil,
        meanwhile: @escaping @Sendable (TLSContext) -> Void = { _ in }
    ) async throws -> Return {
        let context = try await Certificates.all.context()
        let before = try OneServer(context)
        let after = try OneServer(second ?? context)
        async let first: Void = before.serve { stream, _ in
            try await stream.handshake()
            meanwhile(context)
            try await stream.write([1], block: 1)
            stream.close()
        }
        async let serverName = after.serve { stream, layer in
            try await stream.handshake()
            try await stream.write([1], block: 1)
            stream.close()
            return layer.serverName
        }
        let printed = try await Client.run(
            """
            c = context()
            c.minimum_version = c.maximum_version = ssl.TLSVersion.\(version)
            def once(port, name, session=None):
                raw = socket.create_connection(("127.0.0.1", port), timeout=120)
                s = c.wrap_socket(raw, server_hostname=name, session=session)
                assert read_all(s) == bytes([1])
                return s
            session = once(port, "registry.test").session
            print(once(\(after.port), \(name.map { "'\($0)'" } ?? "None"), session).session_reused)
            """,
            port: before.port
        )
        try await first
        let isResumed = printed == "True"
        #expect(isResumed || printed == "False", "\(printed)")
        return Return(isResumed: isResumed, serverName: try await serverName)
    }

    @Test("a client resumes its session, under the name that it has", arguments: versions)
    func resumption(version: String) async throws {
        let returned = try await comeBack(version)
        #expect(returned.isResumed)
        // Not known, any `Host` would do.
        #expect(returned.serverName == "registry.test")
    }

    @Test("tickets of the two keys before count, those of the third do not", arguments: versions)
    func rotation(version: String) async throws {
        for changes in 1...4 {
            let returned = try await comeBack(version) { context in
                for _ in 0..<changes { #expect(context.changeTicketKey()) }
            }
            #expect(returned.isResumed == (changes <= 2), "\(changes) changes")
        }
    }

    @Test("under another name, or none, there is a whole handshake", arguments: versions)
    func otherName(version: String) async throws {
        for name in ["other.test", nil] {
            let returned = try await comeBack(version, as: name)
            #expect(!returned.isResumed)
            #expect(returned.serverName == name)
        }
    }

    @Test("with another certificate, or the same one read anew, too", arguments: versions)
    func otherContext(version: String) async throws {
        for name in ["good", "other"] {
            let second = try await Certificates.all.context(name)
            #expect(try await !comeBack(version, to: second).isResumed)
        }
    }

    private static let versions = ["TLSv1_2", "TLSv1_3"]
}
