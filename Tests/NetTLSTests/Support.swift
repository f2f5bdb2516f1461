import Bytes
import Foundation
import Glibc
import NetIO

@testable import NetTLS

/// An actor that lives on a loop of its own, as the server's workers do.
actor Guest {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(_ loop: EventLoop) { self.loop = loop }

    /// Runs `body` on the loop, as the server's own tasks run: with the preference for it, too.
    nonisolated func run<Result: Sendable>(
        _ body: @Sendable (isolated Guest) async throws -> Result
    ) async throws -> Result {
        try await withTaskExecutorPreference(loop) { try await self.runHere(body) }
    }

    private func runHere<Result: Sendable>(
        _ body: @Sendable (isolated Guest) async throws -> Result
    ) async throws -> Result {
        try await body(self)
    }
}

let patience = Timeout(.stall, nanoseconds: 120_000_000_000)

/// A TLS server for one connection.
struct OneServer: Sendable {
    let socket: BoundSocket
    let context: TLSContext

    var port: UInt16 { socket.address.port }

    init(_ context: TLSContext) throws {
        // Once, before any other use of OpenSSL here; a later call would be refused and do nothing.
        _ = Self.placed
        self.context = context
        socket = try BoundSocket(binding: try found(SocketAddress(literal: "127.0.0.1", port: 0)))
    }

    private static let placed = TLSContext.placeRecordBuffers()

    /// Takes the connection and gives `body` its stream, without a handshake.
    func serve<Result: Sendable>(
        _ body: @Sendable (ByteStream, TLSRecordLayer) async throws -> Result
    ) async throws -> Result {
        let loop = try EventLoop()
        loop.start(name: "tls-server")
        defer { loop.stop() }
        return try await Guest(loop).run { guest in
            let listening = try ListeningSocket(adopting: socket, on: guest.loop)
            let accepted = try found(await listening.accept())
            listening.close()
            _ = await listening.accept()
            let waiter = Waiter(on: guest.loop)
            let channel = try Channel(adopting: accepted.fd, on: guest.loop)
            channel.waiter = waiter
            let layer = try found(TLSRecordLayer(accepting: channel, with: context))
            let stream = ByteStream(channel, recordLayer: layer)
            defer {
                stream.abandon()
                waiter.retire()
            }
            return try await body(stream, layer)
        }
    }
}

extension ByteStream {
    func handshake() async throws(StreamError) {
        try await handshake(by: patience.deadline(from: loop.now))
    }

    /// Everything up to the end of the stream.
    func readAll(
        piece: Int = .max,
        by timeout: Timeout = patience
    ) async throws(StreamError) -> [UInt8] {
        let buffer = loop.buffers.take(.medium)
        defer { loop.buffers.give(buffer) }
        var all: [UInt8] = []
        while true {
            let deadline = timeout.deadline(from: loop.now)
            let count = try await read(into: buffer, atMost: piece, by: deadline)
            if count == 0 { return all }
            all += ByteString(copying: buffer.bytes).bytes
            buffer.clear()
        }
    }

    /// In blocks of so many bytes.
    func write(_ bytes: [UInt8], block: Int) async throws(StreamError) {
        var position = 0
        while position < bytes.count {
            let end = min(position + block, bytes.count)
            let buffer = Buffer(capacity: end - position)
            buffer.append(Array(bytes[position..<end]))
            try await write(buffer, stall: patience)
            position = end
        }
    }
}

struct Missing: Error {}

func found<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Missing() }
    return value
}

/// Bytes of a pattern that shows every loss, repetition and exchange. The client makes the same.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 / 7) }
}

/// A client of another make: Python's `ssl`, which is OpenSSL in its usual dress.
enum Client {
    private static let prelude = """
        import socket, ssl, sys, struct
        port = int(sys.argv[1])
        def context():
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            c.check_hostname = False
            c.verify_mode = ssl.CERT_NONE
            c.options &= ~0x80  # OP_IGNORE_UNEXPECTED_EOF, which hides a missing close_notify
            return c
        def raw():
            return socket.create_connection(("127.0.0.1", port), timeout=120)
        def connect(version=None, alpn=None, name="registry.test", ragged=False):
            c = context()
            if version: c.minimum_version = c.maximum_version = version
            if alpn: c.set_alpn_protocols(alpn)
            return c.wrap_socket(raw(), server_hostname=name, suppress_ragged_eofs=ragged)
        def pattern(n):
            return bytes((i * 31 // 7) & 255 for i in range(n))
        def read_all(s):
            parts = []
            while True:
                b = s.recv(65536)
                if not b: return b"".join(parts)
                parts.append(b)
        """

    /// Runs a script to its end.
    /// - Returns: what it printed, errors included.
    static func run(_ script: String, port: UInt16) async throws -> String {
        try await output(of: "/usr/bin/python3", ["-c", prelude + "\n" + script, "\(port)"])
    }
}

/// Waits without holding a thread of Swift's pool: the server's tasks have to begin there.
func output(of program: String, _ arguments: [String]) async throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
        process.terminationHandler = { _ in ended.resume() }
        do { try process.run() } catch { ended.resume(throwing: error) }
    }
    let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
}

/// Certificates that are made at the first use, in a directory of this process.
final class Certificates: Sendable {
    private let directory: String

    private static let made = Task { try await Certificates() }

    static var all: Certificates { get async throws { try await made.value } }

    subscript(name: String) -> String { directory + "/" + name }

    func context(
        _ name: String = "good",
        minimum: TLSContext.Version = .tls12
    ) throws -> TLSContext {
        try TLSContext(chain: self[name + ".pem"], key: self[name + ".key"], minimum: minimum)
    }

    private init() async throws {
        directory = NSTemporaryDirectory() + "nettls-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
        try await make("good", "DNS:registry.test")
        try await make("other", "DNS:other.test")
        // Longer than one buffer of handshake messages.
        let names = (0..<700).map { "DNS:name-\($0).of.a.long.list.registry.test" }
        try await make("large", names.joined(separator: ","))
        _ = try await openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=rsa",
            "-keyout", self["rsa.key"], "-out", self["rsa.pem"]
        )
        _ = try await openssl(
            "ec -aes128 -passout pass:secret", "-in", self["good.key"],
            "-out", self["locked.key"]
        )
        try await makeDated("expired", "20200101000000Z", "20200201000000Z")
        try await makeDated("future", "20700101000000Z", "20700201000000Z")
        try Data("no certificate\n".utf8).write(to: URL(fileURLWithPath: self["garbage.pem"]))
        try Data().write(to: URL(fileURLWithPath: self["empty.pem"]))
    }

    private func make(_ name: String, _ alternatives: String) async throws {
        let file = self[name + ".cnf"]
        let text =
            "[req]\ndistinguished_name=n\nx509_extensions=e\nprompt=no\n[n]\nCN=registry.test\n"
            + "[e]\nsubjectAltName=\(alternatives)\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        _ = try await openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2",
            "-config", file, "-keyout", self[name + ".key"], "-out", self[name + ".pem"]
        )
    }

    /// Only `openssl ca` can choose both dates.
    private func makeDated(_ name: String, _ begin: String, _ end: String) async throws {
        let text =
            "[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=\(directory)\n"
            + "database=\(self[name + ".db"])\nserial=\(self[name + ".serial"])\n"
            + "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
        for (file, content) in [(".ca", text), (".db", ""), (".serial", "01\n")] {
            try Data(content.utf8).write(to: URL(fileURLWithPath: self[name + file]))
        }
        _ = try await openssl(
            "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=dated",
            "-keyout", self[name + ".key"], "-out", self[name + ".csr"]
        )
        _ = try await openssl(
            "ca -batch -selfsign -notext -startdate \(begin) -enddate \(end)",
            "-config", self[name + ".ca"], "-keyfile", self[name + ".key"],
            "-in", self[name + ".csr"], "-out", self[name + ".pem"]
        )
    }

    private func openssl(_ words: String, _ more: String...) async throws -> String {
        let arguments = words.split(separator: " ").map(String.init) + more
        return try await output(of: "/usr/bin/openssl", arguments)
    }
}
