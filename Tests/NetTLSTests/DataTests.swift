import Bytes
import NetIO
import Testing

@testable import NetTLS

@Suite struct DataTests {
    /// Around the sizes of records and of the three buffers.
    static let sizes = [1, 2, 16_383, 16_384, 16_385, 65_536, 65_537, 100_003, 1_048_577]

    @Test("bytes of any count arrive at the server", arguments: ["TLSv1_2", "TLSv1_3"], sizes)
    func toServer(version: String, count: Int) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let received = server.serve { stream, layer in
            try await stream.handshake()
            if count > 65_536 { layer.expectBulk() }
            let bytes = try await stream.readAll()
            stream.close()
            return bytes
        }
        _ = try await Client.run(
            """
            s = connect(ssl.TLSVersion.\(version)); s.sendall(pattern(\(count)))
            try: s.unwrap()
            except (ssl.SSLError, OSError): pass
            """,
            port: server.port
        )
        #expect(try await received == pattern(count))
    }

    @Test("bytes of any count arrive at the client", arguments: ["TLSv1_2", "TLSv1_3"], sizes)
    func toClient(version: String, count: Int) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let done: Void = server.serve { stream, _ in
            try await stream.handshake()
            try await stream.write(pattern(count), block: 70_001)
            stream.close()
        }
        let printed = try await Client.run(
            "s = connect(ssl.TLSVersion.\(version)); print(read_all(s) == pattern(\(count)))",
            port: server.port
        )
        try await done
        #expect(printed == "True")
    }

    @Test(
        "odd reads and writes lose nothing",
        arguments: [(1, 1, 3000), (3, 7, 20_000), (1000, 16_385, 200_000), (65_536, 2, 100_000)]
    )
    func oddSizes(block: Int, piece: Int, count: Int) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let received = server.serve { stream, _ in
            try await stream.handshake()
            try await stream.write(pattern(count), block: block)
            let bytes = try await stream.readAll(piece: piece)
            stream.close()
            return bytes
        }
        let script = """
            s = connect()
            got = b""
            while len(got) < \(count): got += s.recv(\(piece))
            for i in range(0, \(count), \(block)): s.sendall(got[i:i + \(block)])
            try: s.unwrap()
            except (ssl.SSLError, OSError): pass
            print(got == pattern(\(count)))
            """
        #expect(try await Client.run(script, port: server.port) == "True")
        #expect(try await received == pattern(count))
    }

    /// A hundred records that are all there are taken with one call.
    @Test func recordsThatHaveComeAreReadTogether() async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let seen = server.serve { stream, _ in
            try await stream.handshake()
            let buffer = Buffer(capacity: 64 * 1024)
            let deadline = patience.deadline(from: stream.loop.now)
            _ = try await stream.read(into: buffer, atMost: 1, by: deadline)
            // The rest was sent with it, in one segment.
            let more = try stream.tryRead(into: buffer)
            return (more, ByteString(copying: buffer.bytes))
        }
        let script = """
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            o = context().wrap_bio(incoming, outgoing)
            s = raw()
            while True:
                try:
                    o.do_handshake(); break
                except ssl.SSLWantReadError:
                    s.sendall(outgoing.read()); incoming.write(s.recv(65536))
            for i in range(100): o.write(bytes([i]) * 10)
            s.sendall(outgoing.read())
            s.settimeout(10)
            try: s.recv(1)
            except OSError: pass
            """
        _ = try await Client.run(script, port: server.port)
        let (more, bytes) = try await seen
        #expect(more == .bytes(999))
        #expect(bytes.bytes == (0..<100).flatMap { Array(repeating: UInt8($0), count: 10) })
    }

    /// Bytes inside OpenSSL announce themselves by no event.
    @Test func aRequestInTheLastFlightOfTheHandshakeIsSeen() async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let received = server.serve { stream, _ in
            try await stream.handshake()
            let buffer = Buffer(capacity: 100)
            let deadline = patience.deadline(from: stream.loop.now)
            _ = try await stream.read(into: buffer, by: deadline)
            stream.close()
            return ByteString(copying: buffer.bytes)
        }
        let script = """
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            o = context().wrap_bio(incoming, outgoing)
            s = raw()
            while True:
                try:
                    o.do_handshake(); o.write(b"early bird"); s.sendall(outgoing.read()); break
                except ssl.SSLWantReadError:
                    s.sendall(outgoing.read()); incoming.write(s.recv(65536))
            try: s.recv(65536)
            except OSError: pass
            """
        _ = try await Client.run(script, port: server.port)
        #expect(try await received == "early bird")
    }
}

@Suite struct EndTests {
    @Test("close_notify ends the stream", arguments: ["TLSv1_2", "TLSv1_3"])
    func closeNotify(version: String) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let received = server.serve { stream, _ in
            try await stream.handshake()
            let bytes = try await stream.readAll()
            // Our own direction may go on.
            try await stream.write(bytes, block: 100)
            stream.close()
            return ByteString(bytes)
        }
        let script = """
            s = connect(ssl.TLSVersion.\(version)); s.sendall(b"all of it")
            try: s.unwrap()
            except (ssl.SSLError, OSError): pass
            """
        _ = try await Client.run(script, port: server.port)
        #expect(try await received == "all of it")
    }

    @Test("a stream without close_notify was cut", arguments: ["TLSv1_2", "TLSv1_3"])
    func truncation(version: String) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let failure = server.serve { stream, _ -> StreamError? in
            try await stream.handshake()
            do throws(StreamError) {
                _ = try await stream.readAll(by: Timeout(.stall, nanoseconds: 2_000_000_000))
                return nil
            } catch {
                return error
            }
        }
        let script = """
            s = connect(ssl.TLSVersion.\(version)); s.sendall(b"some of it")
            raw_socket = socket.socket(fileno=s.detach()); raw_socket.close()
            """
        _ = try await Client.run(script, port: server.port)
        let error = try await failure
        // The server's session tickets may be unread: then the kernel resets.
        let isReset =
            if case .system = error { true } else { false }
        #expect(error == .ended || isReset)
    }

    @Test func theClientSeesWhetherTheEndIsOurs() async throws {
        for (isClean, expected) in [(true, "b'x'"), (false, "SSL")] {
            let server = try OneServer(try await Certificates.all.context())
            async let done: Void = server.serve { stream, _ in
                try await stream.handshake()
                try await stream.write([0x78], block: 1)
                if isClean { stream.close() } else { stream.abandon() }
            }
            let script = """
                s = connect()
                try: print(read_all(s))
                except ssl.SSLError: print("SSL")
                """
            let printed = try await Client.run(script, port: server.port)
            #expect(printed == expected)
            try await done
        }
    }

    @Test func aBrokenRecordIsAnErrorOfTLS() async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let failure = server.serve { stream, _ -> StreamError? in
            try await stream.handshake()
            do throws(StreamError) {
                _ = try await stream.readAll(by: Timeout(.stall, nanoseconds: 2_000_000_000))
                return nil
            } catch {
                return error
            }
        }
        let script = """
            s = connect(); s.sendall(b"good")
            raw_socket = socket.socket(fileno=s.detach())
            raw_socket.sendall(b"\\x17\\x03\\x03\\x00\\x20" + b"\\x00" * 32)
            raw_socket.settimeout(10)
            try: read_all(raw_socket)
            except OSError: pass
            """
        _ = try await Client.run(script, port: server.port)
        let error = try await failure
        guard case .tls(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
    }
}
