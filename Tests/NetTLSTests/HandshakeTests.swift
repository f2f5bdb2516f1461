import Bytes
import NetIO
import Testing

@testable import NetTLS

@Suite struct HandshakeTests {
    @Test(
        "client and server agree on the version that both have",
        arguments: [("TLSv1_2", TLSContext.Version.tls12), ("TLSv1_3", .tls13)]
    )
    func version(name: String, expected: TLSContext.Version) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let seen = server.serve { stream, layer in
            try await stream.handshake()
            let version = layer.version
            let name = layer.serverName
            stream.close()
            return (version, name)
        }
        let printed = try await Client.run(
            "s = connect(ssl.TLSVersion.\(name)); print(s.version(), read_all(s))",
            port: server.port
        )
        let (version, serverName) = try await seen
        #expect(version == expected)
        #expect(serverName == "registry.test")
        #expect(printed == "TLSv\(expected.rawValue) b''")
    }

    @Test func aClientWithoutTheMinimumVersionIsRefused() async throws {
        let server = try OneServer(try await Certificates.all.context(minimum: .tls13))
        async let failure = server.serve { stream, _ in await Self.failure(of: stream) }
        let script = """
            try: connect(ssl.TLSVersion.TLSv1_2); print("connected")
            except Exception as e: print("refused")
            """
        #expect(try await Client.run(script, port: server.port) == "refused")
        guard case .tls(let reason) = try await failure else {
            Issue.record("\(try await String(describing: failure))")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test(
        "http/1.1 is chosen wherever it is offered, and nobody has to offer anything",
        arguments: [
            ("['http/1.1']", "http/1.1"), ("['h2', 'http/1.1']", "http/1.1"),
            ("['spdy/3', 'h2', 'http/1.1', 'x']", "http/1.1"), ("None", "None"),
        ]
    )
    func protocolChoice(offer: String, chosen: String) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let done: Void = server.serve { stream, _ in
            try await stream.handshake()
            stream.close()
        }
        let script = "s = connect(alpn=\(offer)); print(s.selected_alpn_protocol())"
        #expect(try await Client.run(script, port: server.port) == chosen)
        try await done
    }

    @Test(
        "a client that offers only other protocols is refused",
        arguments: ["['h2']", "['http/1.0', 'h2']", "['http/1.1x']", "['HTTP/1.1']"]
    )
    func noProtocol(offer: String) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let failure = server.serve { stream, _ in await Self.failure(of: stream) }
        let script = """
            try: connect(alpn=\(offer)); print("connected")
            except ssl.SSLError as e: print(e)
            except OSError as e: print(type(e).__name__)
            """
        let printed = try await Client.run(script, port: server.port)
        // product.md 6: the client gets the alert `no_application_protocol`.
        #expect(printed.lowercased().contains("alert no application protocol"))
        guard case .tls = try await failure else {
            Issue.record("\(try await String(describing: failure))")
            return
        }
    }

    @Test(
        "what begins no handshake is no TLS",
        arguments: [
            "GET /v2/ HTTP/1.1\\r\\n\\r\\n", "\\x00", "\\x17\\x03\\x03\\x00\\x01x", "\\x80",
        ]
    )
    func notTLS(first: String) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let failure = server.serve { stream, _ in await Self.failure(of: stream) }
        let script = "s = raw(); s.sendall(b\"\(first)\"); s.recv(1); print('over')"
        _ = try await Client.run(script, port: server.port)
        #expect(try await failure == .notTLS)
    }

    @Test(
        "a client that goes away in the middle has ended the stream",
        arguments: ["", "\\x16", "\\x16\\x03\\x01\\x02"]
    )
    func cutHandshake(first: String) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let failure = server.serve { stream, layer in
            await Self.failure(of: ByteStream(stream.channel, recordLayer: Impatient(layer)))
        }
        _ = try await Client.run(
            "s = raw(); s.sendall(b\"\(first)\"); s.close()",
            port: server.port
        )
        let outcome = try await failure
        #expect(outcome == .ended)
    }

    /// A handshake that comes byte by byte must work, and not be tried over and over meanwhile.
    @Test func aHandshakeInSinglePiecesSucceeds() async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let seen = server.serve { stream, layer in
            let impatient = Impatient(layer)
            let slow = ByteStream(stream.channel, recordLayer: impatient)
            do throws(StreamError) { try await slow.handshake() } catch { return "\(error)" }
            return "done"
        }
        let script = """
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            o = context().wrap_bio(incoming, outgoing, server_hostname="registry.test")
            s = raw()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                try:
                    o.do_handshake(); s.sendall(outgoing.read()); break
                except ssl.SSLWantReadError:
                    for b in outgoing.read(): s.sendall(bytes([b]))
                    got = s.recv(65536)
                    if not got: print("ended"); sys.exit()
                    incoming.write(got)
            print("done")
            """
        let printed = try await Client.run(script, port: server.port)
        let outcome = try await seen
        #expect(outcome == "done")
        #expect(printed == "done")
    }

    /// A client that sends three bytes and is silent may cost a connection, not the loop.
    @Test func anIncompleteRecordIsWaitedForUntilTheDeadline() async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let failure = server.serve { stream, layer in
            let watched = ByteStream(stream.channel, recordLayer: Impatient(layer))
            let soon = Timeout(.tlsHandshake, nanoseconds: 200_000_000)
            return await Self.failure(of: watched, by: soon.deadline(from: watched.loop.now))
        }
        let script = "s = raw(); s.sendall(b'\\x16\\x03\\x01'); s.settimeout(120); s.recv(1)"
        _ = try await Client.run(script, port: server.port)
        let outcome = try await failure
        #expect(outcome == .timedOut(.tlsHandshake))
    }

    /// The server's first flight is then longer than the buffer it is collected in.
    @Test func aCertificateOfManyNamesCanBeSent() async throws {
        let server = try OneServer(try await Certificates.all.context("large"))
        async let outcome = server.serve { stream, _ in
            // No event but the client's own may help: the first one after the registration is over.
            try? await stream.pause(until: patience.deadline(from: stream.loop.now))
            try await ByteStream(stream.channel).write([0x67], block: 1)
            let soon = Timeout(.tlsHandshake, nanoseconds: 2_000_000_000)
            let failure = await Self.failure(of: stream, by: soon.deadline(from: stream.loop.now))
            if failure == nil { stream.close() }
            return failure
        }
        let script = """
            r = raw(); r.recv(1)
            try: s = context().wrap_socket(r); print("connected", len(s.getpeercert(True)) > 16384)
            except OSError as e: print(type(e).__name__)
            """
        let printed = try await Client.run(script, port: server.port)
        let failure = try await outcome
        #expect(failure == nil)
        #expect(printed == "connected True")
    }

    private static func failure(
        of stream: ByteStream,
        by deadline: Deadline? = nil
    ) async -> StreamError? {
        do throws(StreamError) {
            try await stream.handshake(by: deadline ?? patience.deadline(from: stream.loop.now))
            return nil
        } catch {
            return error
        }
    }
}

/// Ends a handshake that is tried far more often than any network could make it.
private final class Impatient: RecordLayer {
    private let layer: TLSRecordLayer
    private var left = 10_000

    init(_ layer: TLSRecordLayer) { self.layer = layer }

    func handshake(sendingTo out: Buffer) throws(StreamError) -> HandshakeStep {
        left -= 1
        if left == 0 { throw .tls("too many attempts") }
        return try layer.handshake(sendingTo: out)
    }

    func receive(
        into buffer: Buffer,
        atMost limit: Int,
        sendingTo out: Buffer?
    ) throws(StreamError) -> ReceiveAttempt {
        try layer.receive(into: buffer, atMost: limit, sendingTo: out)
    }

    func seal(_ plain: Buffer, into out: Buffer) throws(StreamError) {
        try layer.seal(plain, into: out)
    }

    func sealEnd(into out: Buffer) { layer.sealEnd(into: out) }
    var hasBufferedInput: Bool { layer.hasBufferedInput }
    func expectBulk() { layer.expectBulk() }
}
