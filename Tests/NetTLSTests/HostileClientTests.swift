// Handshakes that no well-meaning client makes.

import Bytes
import NetIO
import Testing

@testable import NetTLS

@Suite struct HostileClientTests {
    @Test("whoever wants to negotiate anew is refused")
    func renegotiation() async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let failure = server.serve { stream, _ -> StreamError? in
            try await stream.handshake()
            do throws(StreamError) {
                _ = try await stream.readAll()
                return nil
            } catch { return error }
        }
        // The letter R at the begin of a line has s_client ask for it.
        let command = "printf 'R\\nhello\\n' | openssl s_client -tls1_2 -connect 127.0.0.1:"
        let printed = try await output(
            of: "/bin/sh", ["-c", "\(command)\(server.port); echo ended with $?"])
        #expect(printed.contains("RENEGOTIATING") && printed.contains("ended with 1"), "\(printed)")
        guard case .tls("it wants to negotiate anew")? = try await failure else {
            Issue.record("\(try await String(describing: failure))")
            return
        }
    }

    /// A ClientHello with the extensions that a server needs and one more, in records of `size`.
    private static let hello = """
        def vector(n, b): return len(b).to_bytes(n, "big") + b
        def extension(kind, b): return kind.to_bytes(2, "big") + vector(2, b)
        def hello(more, size=16000):
            e = extension(10, vector(2, b"\\0\\x17")) + extension(13, vector(2, b"\\4\\3"))
            e += extension(11, vector(1, b"\\0")) + more
            b = b"\\3\\3" + bytes(32) + b"\\0" + vector(2, b"\\xc0\\x2b") + vector(1, b"\\0")
            m = b"\\1" + vector(3, b + vector(2, e))
            return b"".join(b"\\x16\\3\\1" + vector(2, m[i:i+size]) for i in range(0, len(m), size))
        def answer(s):
            b = s.recv(7)
            while 0 < len(b) < 7:
                more = s.recv(7 - len(b))
                if not more: break
                b += more
            return b[0], b[-1] if b[0] == 21 else b[5]

        """

    @Test(
        "a list of protocols that is none, or has no end, ends in an alert",
        arguments: [
            "extension(16, b'')", "extension(16, vector(2, b''))",
            "extension(16, vector(2, vector(1, b'')))", "extension(16, b'\\0\\7' + b'\\3h2')",
            "extension(16, vector(2, b'\\x0fshort'))",
            "extension(16, vector(2, vector(1, b'x' * 255) * 255))",
        ]
    )
    func protocols(offer: String) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let failure = server.serve { stream, _ in
            do {
                try await stream.handshake()
                return false
            } catch { return true }
        }
        let script = "s = raw(); s.sendall(hello(\(offer))); print(answer(s)[0])"
        #expect(try await Client.run(Self.hello + script, port: server.port) == "21")
        #expect(try await failure)
    }

    @Test("the same hello without it is answered, in one piece or byte by byte")
    func fragments() async throws {
        for size in [16_000, 1] {
            let server = try OneServer(try await Certificates.all.context())
            async let done: Void = server.serve { stream, _ in try? await stream.handshake() }
            let script = "s = raw(); s.sendall(hello(b'', \(size))); print(answer(s)); s.close()"
            // A handshake record with a ServerHello.
            #expect(try await Client.run(Self.hello + script, port: server.port) == "(22, 2)")
            try await done
        }
    }
}
