// An upstream that writes down every byte it is sent and answers from a script. What a proxy must
// never send is proved with it: an upstream that is kind to mistakes proves nothing.

import Foundation

/// One request as the upstream saw it.
public struct UpstreamRequest: Sendable {
    public let head: MessageHead
    /// The number of the connection it came on, from 0.
    public let connection: Int
    public internal(set) var body: [UInt8] = []
    /// How many bytes of body came, also when they were not kept.
    public internal(set) var bodyCount = 0
    public internal(set) var bodyIsComplete = false

    public var method: String { String(head.startLine.split(separator: " ").first ?? "") }
    public var target: String {
        let parts = head.startLine.split(separator: " ")
        return parts.count > 1 ? String(parts[1]) : ""
    }
}

/// How a connection to the upstream ended.
public struct ConnectionEnd: Sendable, Equatable {
    public let connection: Int
    public let reset: Bool
}

/// A scripted upstream on a free port of `127.0.0.1`.
public final class RecordingUpstream: @unchecked Sendable {
    // SAFETY: every stored `var` is read and written under `condition`.
    public typealias Script = @Sendable (UpstreamExchange) throws -> Void

    private let listener: Socket
    private let script: Script
    private let condition = NSCondition()
    private var recorded: [UpstreamRequest] = []
    private var ended: [ConnectionEnd] = []
    private var received: [UInt8] = []
    private var problems: [String] = []
    private var open: [Int: Socket] = [:]
    private var connections = 0

    public let port: Int
    public var url: String { "http://127.0.0.1:\(port)" }

    /// - Parameter script: called for each request head. Without one it answers as a registry
    ///   would.
    public init(script: @escaping Script = { try $0.answerLikeARegistry() }) throws {
        listener = try Socket.listen()
        port = listener.port
        self.script = script
        let thread = Thread { [self] in acceptAll() }
        thread.start()
    }

    /// One that answers with the first half of `helloworld`, and with the rest after a pause.
    public convenience init(pausing pause: @escaping @Sendable () -> Void) throws {
        try self.init { exchange in
            try exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            pause()
            try exchange.send("world")
        }
    }

    /// Stops listening and ends what is open.
    public func stop() {
        listener.interrupt()
        let sockets = condition.withLock { Array(open.values) }
        for socket in sockets { socket.interrupt() }
    }

    /// Every request whose head has come.
    public var requests: [UpstreamRequest] { condition.withLock { recorded } }

    /// Every byte on every connection (the first 8 MiB), in order of arrival.
    public var bytes: [UInt8] { condition.withLock { received } }

    /// What was not HTTP as it should be.
    public var violations: [String] { condition.withLock { problems } }

    public var connectionCount: Int { condition.withLock { connections } }

    /// Whether these bytes came anywhere, in any request.
    public func saw(_ text: String) -> Bool {
        let all = String(decoding: bytes, as: UTF8.self)
        return all.contains(text)
    }

    /// Waits until so many requests have come, whole or not.
    @discardableResult
    public func waitForRequests(
        _ count: Int,
        within seconds: Double = 20,
        where matches: @escaping (UpstreamRequest) -> Bool = { _ in true }
    ) throws -> [UpstreamRequest] {
        try wait("\(count) requests upstream", seconds) {
            let found = recorded.filter(matches)
            return found.count >= count ? found : nil
        }
    }

    /// Waits until so many connections have been ended by the peer.
    @discardableResult
    public func waitForEnds(_ count: Int, within seconds: Double = 20) throws -> [ConnectionEnd] {
        try wait("\(count) ends of connections upstream", seconds) {
            ended.count >= count ? ended : nil
        }
    }

    /// Waits until the peer has ended this connection.
    public func waitForEnd(of connection: Int, within seconds: Double = 60) throws {
        try wait("the end of connection \(connection) upstream", seconds) {
            ended.first { $0.connection == connection }
        }
    }

    @discardableResult
    private func wait<Value>(
        _ what: String,
        _ seconds: Double,
        _ ready: () -> Value?
    ) throws -> Value {
        let deadline = Date(timeIntervalSinceNow: seconds)
        return try condition.withLock {
            while true {
                if let value = ready() { return value }
                if !condition.wait(until: deadline) {
                    throw NeverCameTrue(description: "not within \(seconds) s: \(what)")
                }
            }
        }
    }

    func update(_ change: () -> Void) {
        condition.withLock {
            change()
            condition.broadcast()
        }
    }

    func change(_ index: Int, _ change: (inout UpstreamRequest) -> Void) {
        update { change(&recorded[index]) }
    }

    func note(problem: String) { update { problems.append(problem) } }

    private func acceptAll() {
        while let socket = listener.accept() {
            let number = condition.withLock {
                connections += 1
                open[connections - 1] = socket
                return connections - 1
            }
            let thread = Thread { [self] in serve(socket, number) }
            thread.start()
        }
        listener.close()
    }

    private func serve(_ socket: Socket, _ number: Int) {
        let reader = HTTPReader(socket, within: 120) { [self] bytes in
            update { if received.count < 8 << 20 { received += bytes } }
        }
        var reset = false
        do {
            while true {
                let head = try reader.readHead()
                var index = 0
                update {
                    index = recorded.count
                    recorded.append(UpstreamRequest(head: head, connection: number))
                }
                let exchange = UpstreamExchange(self, index, head, reader)
                try script(exchange)
                if exchange.isClosed { break }
                try exchange.dropBody()
            }
        } catch MessageError.endedBeforeHead(let wasReset) {
            reset = wasReset
        } catch MessageError.endedInBody(_, let wasReset) {
            reset = wasReset
        } catch MessageError.endedInHead(let wasReset) {
            reset = wasReset
        } catch let error as MessageError {
            note(problem: "\(error)")
        } catch {
            reset = true
        }
        update {
            open[number] = nil
            ended.append(ConnectionEnd(connection: number, reset: reset))
        }
        socket.close()
    }
}
