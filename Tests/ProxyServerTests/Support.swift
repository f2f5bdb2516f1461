import AccessControl
import Authentication
import Bytes
import Foundation
import Glibc
import HTTPWire
import Logbook
import RegistryAPI

@testable import NetIO
@testable import ProxyServer

/// A proxy without listeners: one loop, and connections over socket pairs whose other ends the test
/// holds. The registry's ends are put into the pool as idle connections.
actor Stage {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }
    let services: LoopServices
    nonisolated let shared: SharedState
    /// Of `serveInBackground`: those that have not ended.
    private(set) var servedCount = 0
    private let writer: LogWriter
    private let logPath: String

    /// Loops outlive their tests: what lives on one must not go before it.
    private static let all = Locked<[Stage]>([])

    init(
        logins: LoginDesk? = nil,
        _ change: (inout ServerSettings) -> Void = { _ in }
    ) throws {
        loop = try EventLoop()
        var settings = try Self.settings()
        settings.timeouts = Self.patience
        change(&settings)
        let operatorLog = OperatorLog(.error)
        logPath = NSTemporaryDirectory() + "stage-" + UUID().uuidString
        writer = try LogWriter(.file(logPath), operatorLog: operatorLog)
        shared = try SharedState(
            Generation(
                settings,
                certificates: [],
                logins: logins,
                accessLog: AccessLog(writer, format: .json)
            ),
            operatorLog: operatorLog
        )
        services = LoopServices(loop: loop, shared: shared, metrics: LoopMetrics())
        loop.start(name: "stage")
        Self.all.withLock { $0.append(self) }
    }

    /// A test that waits for its turn on a busy machine is no slow client, and still finds the
    /// registry's connections.
    static var patience: ServerSettings.Timeouts {
        var timeouts = ServerSettings.Timeouts()
        timeouts.requestHead = Timeout(.requestHead, seconds: 3600)
        timeouts.idle = Timeout(.idle, seconds: 3600)
        timeouts.stall = Timeout(.stall, seconds: 3600)
        timeouts.upstreamResponse = Timeout(.upstreamResponse, seconds: 3600)
        timeouts.upstreamIdle = Timeout(.upstreamIdle, seconds: 3600)
        timeouts.manifestBody = Timeout(.manifestBody, seconds: 3600)
        timeouts.tagSearch = Timeout(.tagSearch, seconds: 3600)
        timeouts.lock = Timeout(.lock, seconds: 3600)
        return timeouts
    }

    /// Everybody may do everything; nobody listens where the upstream is said to be.
    private static func settings() throws -> ServerSettings {
        let position = SourcePosition(file: "test", line: 1, column: 1)
        let rule = AccessRule(
            id: "all",
            who: [.anyone],
            repositories: [try RepositoryPattern("**")],
            effect: .allow(.all),
            position: position
        )
        return ServerSettings(
            listeners: [],
            admin: nil,
            externalURL: nil,
            upstream: .init(.host("127.0.0.1", port: 1), authority: "registry.internal:5000"),
            challenge: try found(Challenge(basicRealm: "test")),
            policy: AccessPolicy(rules: [rule]),
            loopCount: 1
        )
    }

    /// Runs `body` on the loop, as the server's own tasks run: with the preference for it, too.
    nonisolated func run<Result: Sendable>(
        _ body: @Sendable (isolated Stage) async throws -> Result
    ) async throws -> Result {
        try await withTaskExecutorPreference(loop) { try await self.runHere(body) }
    }

    private func runHere<Result: Sendable>(
        _ body: @Sendable (isolated Stage) async throws -> Result
    ) async throws -> Result {
        try await body(self)
    }

    /// A client's connection in the clear; the proxy serves it until it ends.
    /// - Parameter sendRoom: about how much the kernel keeps for a client that does not read.
    nonisolated func client(sendRoom: Int32? = nil) throws -> Peer {
        let (ours, peer) = try Peer.pair(sendRoom: sendRoom)
        peer.served = Task(executorPreference: loop) { await self.serve(ours) }
        return peer
    }

    /// As above, over TCP, which can be reset.
    nonisolated func client(through bound: BoundSocket) throws -> Peer {
        let peer = try Peer(connectingTo: bound)
        var waiting = pollfd(fd: bound.fd, events: Int16(POLLIN), revents: 0)
        // SAFETY: poll fills the one element during the call.
        guard unsafe poll(&waiting, 1, 60_000) == 1,
            case .connection(let accepted) = SystemCalls.accept(on: bound.fd)
        else { throw Missing() }
        peer.served = Task(executorPreference: loop) { await self.serve(accepted.fd) }
        return peer
    }

    /// Serves a client whose other end the caller has.
    func serveInBackground(_ fd: Int32) {
        servedCount += 1
        Task(executorPreference: loop) { await self.serveCounted(fd) }
    }

    private func serveCounted(_ fd: Int32) async {
        await serve(fd)
        servedCount -= 1
    }

    private func serve(_ fd: Int32) async {
        guard let channel = try? Channel(adopting: fd, on: loop),
            let address = SocketAddress(literal: "192.0.2.7", port: 40_000)
        else { return }
        await Connection(channel, from: address, tls: nil, services: services).run()
    }

    /// An idle connection to the registry, to be used after those that were made before.
    /// - Parameter sendRoom: about how much the kernel keeps for a registry that does not read.
    nonisolated func registry(sendRoom: Int32? = nil) async throws -> Peer {
        let (ours, peer) = try Peer.pair(sendRoom: sendRoom)
        try await takeIn(ours)
        return peer
    }

    private func takeIn(_ fd: Int32) throws {
        let channel = try Channel(adopting: fd, on: loop)
        services.upstreams.giveBack(UpstreamConnection(ByteStream(channel)))
    }

    /// Returns when the loop has taken up the events that were there.
    nonisolated func turn() async throws {
        try await run { stage in
            let waiter = Waiter(on: stage.loop)
            defer { waiter.retire() }
            await waiter.wait(until: stage.loop.now.advanced(by: 1))
        }
    }

    var idleCount: Int { services.upstreams.idleCount }

    /// The lines of the access log so far.
    func log() throws -> [[String: String]] {
        services.log.handOver()
        writer.flush(within: .seconds(5))
        let text = try String(contentsOfFile: logPath, encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try found(object as? [String: Any]).mapValues { "\($0)" }
        }
    }
}

/// Lets a test on the loop go on at one point in the order of events: between `ring` and `wait` it
/// does what shall be taken up together, and behind `wait` it runs before any of that is acted on.
final class Bell {
    private let channel: Channel
    private let rope: Peer
    private let waiter: Waiter

    init(on loop: EventLoop) throws {
        let (ours, peer) = try Peer.pair()
        channel = try Channel(adopting: ours, on: loop)
        rope = peer
        waiter = Waiter(on: loop)
        channel.waiter = waiter
    }

    func ring() throws { try rope.send("x") }

    func wait() async throws {
        await waiter.wait(until: .never)
        let heard = Buffer(capacity: 16)
        _ = try channel.receive(into: heard, atMost: 16)
    }

    func close() {
        channel.close()
        waiter.retire()
    }
}

/// The test's end of a connection: a blocking socket that gives up after some seconds.
// SAFETY: `@unchecked Sendable`: each is used by one thread at a time, which waits for the other.
final class Peer: @unchecked Sendable {
    private let fd: Int32
    private var isOpen = true
    /// The proxy's task for this connection, if it is a client's.
    var served: Task<Void, Never>?

    private init(_ fd: Int32) { self.fd = fd }
    deinit { close() }

    /// A client's end of a TCP connection.
    convenience init(connectingTo bound: BoundSocket) throws {
        let fd = try SystemCalls.connect(to: bound.address)
        _ = fcntl(fd, F_SETFL, 0)
        self.init(fd)
    }

    /// The registry's end of a connection that the proxy makes.
    convenience init(accepting bound: BoundSocket, within milliseconds: Int32 = 120_000) throws {
        var waiting = pollfd(fd: bound.fd, events: Int16(POLLIN), revents: 0)
        // SAFETY: poll fills the one element during the call.
        guard unsafe poll(&waiting, 1, milliseconds) == 1 else { throw Missing() }
        let fd = accept(bound.fd, nil, nil)
        guard fd >= 0 else { throw Missing() }
        self.init(fd)
    }

    /// - Returns: a non-blocking socket for the proxy, and its other end.
    static func pair(sendRoom: Int32? = nil) throws -> (Int32, Peer) {
        var pair: [Int32] = [0, 0]
        // SAFETY: socketpair fills the two elements.
        guard
            unsafe socketpair(
                AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0
        else {
            throw Missing()
        }
        _ = fcntl(pair[0], F_SETFL, O_NONBLOCK)
        var patience = timeval(tv_sec: 600, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        // SAFETY: setsockopt reads `patience` during the call.
        _ = unsafe setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        _ = unsafe setsockopt(pair[1], SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        if var sendRoom {
            // SAFETY: setsockopt reads the four bytes during the call.
            _ = unsafe setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &sendRoom, 4)
        }
        return (pair[0], Peer(pair[1]))
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            // SAFETY: send reads the bytes of the slice during the call.
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { throw Missing() }
            sent += count
        }
    }

    /// Says that nothing more comes from here.
    func endOutput() { if isOpen { shutdown(fd, Int32(SHUT_WR)) } }

    func close() {
        if isOpen { Glibc.close(fd) }
        isOpen = false
    }

    /// Waits until the proxy has ended the exchange and closed.
    func awaitEnd() async { await served?.value }

    /// At least one byte and at most `limit`; empty at the end of the stream.
    func receive(_ limit: Int = 65_536) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        // SAFETY: recv writes at most `limit` bytes into the array.
        let count = unsafe recv(fd, &bytes, limit, 0)
        if count < 0 { throw Missing() }
        return Array(bytes[..<count])
    }

    /// Up to and with the empty line.
    func receiveHead() throws -> String {
        var head = ""
        while !head.hasSuffix("\r\n\r\n") {
            let byte = try receive(1)
            if byte.isEmpty { throw Missing() }
            head += String(decoding: byte, as: UTF8.self)
        }
        return head
    }

    func receive(exactly count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try receive(count - bytes.count)
            if more.isEmpty { throw Missing() }
            bytes += more
        }
        return bytes
    }

    func receiveText(_ count: Int) throws -> String {
        String(decoding: try receive(exactly: count), as: UTF8.self)
    }

    /// Everything up to the end.
    func receiveAll() throws -> String {
        var bytes: [UInt8] = []
        while true {
            let more = try receive()
            if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += more
        }
    }
}

struct Missing: Error {}

func found<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw Missing() }
    return value
}

let digest = "sha256:" + String(repeating: "ab", count: 32)
let blobPath = "/v2/team/app/blobs/" + digest

extension String {
    /// The field lines of a head, in lower case, without those that differ from run to run.
    var fieldLines: Set<String> {
        Set(
            components(separatedBy: "\r\n").dropFirst().filter { !$0.isEmpty }
                .filter { !$0.hasPrefix("X-Request-Id") }.map { $0.lowercased() }
        )
    }
}
