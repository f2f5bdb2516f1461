import Bytes
import Foundation
import NetIO
import Testing

@testable import NetTLS

/// Our client's end of a session.
private func connect<Result: Sendable>(
    port: UInt16,
    to host: String,
    isAddress: Bool = false,
    trusting ca: String,
    _ body: @Sendable (ByteStream, TLSRecordLayer) async throws(StreamError) -> Result
) async throws -> Swift.Result<Result, StreamError> {
    let loop = try EventLoop()
    loop.start(name: "tls-client")
    defer { loop.stop() }
    let context = try TLSClientContext(trusting: .file(ca))
    return try await Guest(loop).run { guest in
        let waiter = Waiter(on: guest.loop)
        let address = try found(SocketAddress(literal: "127.0.0.1", port: port))
        let deadline = patience.deadline(from: guest.loop.now)
        let channel = try await Channel.connect(
            to: [address], on: guest.loop, waiter: waiter, by: deadline)
        let layer = try found(
            TLSRecordLayer(connecting: channel, to: host, isAddress: isAddress, with: context))
        let stream = ByteStream(channel, recordLayer: layer)
        defer {
            stream.abandon()
            waiter.retire()
        }
        do throws(StreamError) {
            try await stream.handshake()
            return .success(try await body(stream, layer))
        } catch {
            return .failure(error)
        }
    }
}

/// The file's server answers whatever comes, and says what the handshake came to.
private func served(_ certificate: String) async throws -> (OneServer, Task<Bool, any Error>) {
    let server = try OneServer(try await Certificates.all.context(certificate))
    let task = Task {
        try await server.serve { stream, _ in
            do throws(StreamError) {
                try await stream.handshake()
                let bytes = try await stream.readAll()
                return bytes == Array("ping".utf8)
            } catch {
                return false
            }
        }
    }
    return (server, task)
}

@Suite struct ClientTests {
    private func attempt(
        _ certificate: String,
        as host: String,
        isAddress: Bool = false,
        trusting ca: String
    ) async throws -> (failure: StreamError?, received: Bool) {
        let (server, task) = try await served(certificate)
        let result = try await connect(
            port: server.port, to: host, isAddress: isAddress,
            trusting: try await Certificates.all[ca + ".pem"]
        ) { (stream, _) throws(StreamError) in
            try await stream.write(Array("ping".utf8), block: 4)
            stream.close()
        }
        let received = try await task.value
        if case .failure(let error) = result { return (error, received) }
        return (nil, received)
    }

    @Test("a server with the right name is talked to")
    func right() async throws {
        let result = try await attempt("good", as: "registry.test", trusting: "good")
        #expect(result.failure == nil)
        #expect(result.received)
    }

    @Test(
        "any other is not, and gets no byte of data",
        arguments: [
            ("other", "registry.test", false, "other", "hostname mismatch"),
            ("good", "127.0.0.1", true, "good", "IP address mismatch"),
            ("good", "registry.test", false, "other", "self-signed certificate"),
            ("rsa", "rsa", false, "rsa", "hostname mismatch"),
        ]
    )
    func wrong(
        certificate: String, host: String, isAddress: Bool, ca: String, reason: String
    ) async throws {
        let result = try await attempt(certificate, as: host, isAddress: isAddress, trusting: ca)
        #expect(!result.received)
        guard case .tls(let text) = result.failure else {
            Issue.record("\(String(describing: result.failure))")
            return
        }
        #expect(text.lowercased().contains(reason.lowercased()), "\(text)")
    }

    @Test("a server that speaks in the clear is no TLS server, and what it says is not read")
    func plaintext() async throws {
        let bound = try BoundSocket(
            binding: try found(SocketAddress(literal: "127.0.0.1", port: 0)))
        async let result = connect(
            port: bound.address.port, to: "registry.test",
            trusting: try await Certificates.all["good.pem"]
        ) { (_, _) throws(StreamError) in }
        let loop = try EventLoop()
        loop.start(name: "plain-server")
        defer { loop.stop() }
        try await Guest(loop).run { guest in
            let listening = try ListeningSocket(adopting: bound, on: guest.loop)
            let accepted = try found(await listening.accept())
            let waiter = Waiter(on: guest.loop)
            let channel = try Channel(adopting: accepted.fd, on: guest.loop)
            channel.waiter = waiter
            let stream = ByteStream(channel)
            try await stream.write(Array("HTTP/1.1 200 OK\r\n\r\n".utf8), block: 64)
            _ = try? await stream.readAll()
            stream.close()
            waiter.retire()
            listening.close()
            _ = await listening.accept()
        }
        let ended = try await result
        guard case .failure(let failure) = ended else {
            Issue.record("a session without TLS")
            return
        }
        #expect(failure == .notTLS)
    }

    @Test("authorities that cannot be read are an error", arguments: ["empty", "garbage", "none"])
    func authorities(name: String) async throws {
        let path = try await Certificates.all[name + ".pem"]
        #expect(throws: TLSClientContext.LoadError.self) {
            try TLSClientContext(trusting: .file(path))
        }
    }
}

@Suite struct FloodTests {
    /// Python's `ssl` cannot send KeyUpdate; OpenSSL's own functions can.
    private func script(_ count: Int) -> String {
        """
        import ctypes
        L = ctypes.CDLL("libssl.so.3")
        P = ctypes.c_void_p
        for f in ("TLS_client_method", "SSL_CTX_new", "SSL_new"): getattr(L, f).restype = P
        c = P(L.SSL_CTX_new(P(L.TLS_client_method())))
        k = P(L.SSL_new(c))
        s = raw(); s.settimeout(None)
        L.SSL_set_fd(k, s.fileno())
        assert L.SSL_connect(k) == 1
        for i in range(\(count)):
            if L.SSL_key_update(k, 0) != 1 or L.SSL_do_handshake(k) != 1: break
        L.SSL_write(k, b"data", 4)
        L.SSL_shutdown(k)
        try:
            while s.recv(4096): pass
        except OSError: pass
        """
    }

    @Test("32 changes of keys in a row are taken, more are not", arguments: [32, 33, 10_000])
    func keyUpdates(count: Int) async throws {
        let server = try OneServer(try await Certificates.all.context())
        async let outcome = server.serve { stream, _ -> Result<[UInt8], StreamError> in
            try await stream.handshake()
            do throws(StreamError) {
                return .success(try await stream.readAll())
            } catch {
                return .failure(error)
            }
        }
        _ = try await Client.run(script(count), port: server.port)
        switch try await outcome {
        case .success(let bytes): #expect(count == 32 && bytes == Array("data".utf8))
        case .failure(let error):
            #expect(count > 32)
            #expect(error == .tls("too many records without data"))
        }
    }
}
