import Bytes
import Glibc
import Logbook
import NetIO

/// A connection to the registry.
final class UpstreamConnection {
    let stream: ByteStream
    let reader: MessageReader
    /// The bytes of the answer's head, from when it is read until it is relayed.
    private(set) var responseBytes: Buffer?

    /// Whether it is for one answer only, and belongs to no pool: one to storage.
    let isSingle: Bool

    init(_ stream: ByteStream, isSingle: Bool = false) {
        self.stream = stream
        self.isSingle = isSingle
        reader = MessageReader(stream)
    }

    func keep(responseBytes: Buffer) { self.responseBytes = responseBytes }

    func takeResponseBytes() -> Buffer? {
        defer { responseBytes = nil }
        return responseBytes
    }

    func close() {
        if let responseBytes { stream.loop.buffers.give(responseBytes) }
        responseBytes = nil
        reader.close()
        stream.abandon()
    }

    /// Whether a byte of an answer is here or may be.
    var mayHaveAnswer: Bool { reader.hasUnread || stream.mayHaveInput }

    /// Whether the registry has sent nothing that is unread, and has not closed: the kernel says.
    var isSilent: Bool { seemsSilent && stream.channel.isSilent }

    /// As far as the last events tell; the kernel is asked only where they leave a doubt.
    var seemsSilent: Bool {
        let channel = stream.channel
        if channel.isHungUp { return false }
        if stream.recordLayer != nil { return !stream.mayHaveInput || hasOnlyRecordsWithoutData }
        return !channel.isReadable || channel.isSilent
    }

    /// Takes up what TLS says for itself, session tickets for one.
    private var hasOnlyRecordsWithoutData: Bool {
        let scrap = stream.loop.buffers.take(.small)
        defer { stream.loop.buffers.give(scrap) }
        let attempt = try? stream.tryRead(into: scrap, atMost: 1)
        return attempt == .wouldBlock && !stream.mayHaveInput
    }
}

/// This loop's idle connections to the registry, oldest first out: the longer one was silent, the
/// less likely is a surplus answer still on its way.
///
/// A connection comes back only after an exchange that left it clean: the request fully sent, the
/// answer fully read by its own framing, no byte left over (rule R9). One that the registry closes
/// or writes to while it is idle is dropped at once. At checkout the kernel is asked once more,
/// whatever the events have told: a second answer that came since would be the next request's. It
/// is asked for several at once, and its word holds for a moment.
final class UpstreamPool {
    private let loop: EventLoop
    private let route: Route
    private let idleTimeout: Timeout
    private let metrics: LoopMetrics
    private var idle: [Idle] = []
    /// How few were idle at any moment since `surplusTime` began.
    private var fewestIdle = 0
    private var surplusTimeBegan: Instant
    private var isRetired = false
    /// Connections in use now.
    private(set) var activeCount = 0

    private struct Idle {
        let connection: UpstreamConnection
        let since: Instant
        /// When the kernel has said that it is silent; `nil`: it was not asked since it came back.
        var silentAt: Instant?
    }

    /// How long the kernel's word holds; nanoseconds. Several requests can go out meanwhile, and a
    /// second answer that is as late as this would be missed by a later question almost as well.
    private static let silenceLifetime: Int64 = 200_000
    static let idleLimit = 64
    /// How many wait for the next client, needed of late or not: what one that pulls opens at once.
    static let spareCount = 8
    /// How long one beyond the spare ones waits to be needed.
    static let surplusTime: Int64 = 1_000_000_000

    /// - Parameter idleTimeout: how long a connection is kept without being used.
    init(loop: EventLoop, _ route: Route, idleTimeout: Timeout, metrics: LoopMetrics) {
        self.loop = loop
        self.route = route
        self.idleTimeout = idleTimeout
        self.metrics = metrics
        surplusTimeBegan = loop.now
    }

    var idleCount: Int { idle.count }

    /// An idle connection that is open and silent; `nil` if there is none.
    func takeIdle(for waiter: Waiter) -> UpstreamConnection? {
        while !idle.isEmpty {
            let isSilent = isOldestSilent()
            let connection = removeIdle(at: 0)
            if isSilent {
                connection.stream.channel.waiter = waiter
                activeCount += 1
                return connection
            }
            end(connection)
        }
        return nil
    }

    private func isOldestSilent() -> Bool {
        let connection = idle[0].connection
        guard idle.count > 1 else { return connection.isSilent }
        let now = Instant.now
        if let asked = idle[0].silentAt, now.nanoseconds(since: asked) < Self.silenceLifetime {
            return connection.seemsSilent
        }
        let count = min(idle.count, Channel.mostAsked)
        let silent = Channel.silentOnes(count) { idle[$0].connection.stream.channel }
        for index in 0..<count { idle[index].silentAt = silent & 1 << index == 0 ? nil : now }
        return silent & 1 == 1 && connection.seemsSilent
    }

    /// Whether the registry still holds one of the idle connections open. Those that it has closed
    /// go; the others stay as old as they are.
    var hasOpenIdle: Bool {
        while let oldest = idle.first {
            if oldest.connection.isSilent { return true }
            drop(oldest.connection)
        }
        return false
    }

    /// A new connection.
    func connect(for waiter: Waiter) async throws(StreamError) -> UpstreamConnection {
        let stream = try await route.connect(on: loop, for: waiter)
        let connection = UpstreamConnection(stream)
        stream.channel.onIdleEvent = { [weak self, unowned connection] in
            self?.notice(connection)
        }
        activeCount += 1
        metrics.connectionOpened(.upstream)
        return connection
    }

    /// Takes back a connection that is clean.
    func giveBack(_ connection: UpstreamConnection) {
        activeCount -= 1
        connection.stream.channel.waiter = nil
        let hasPlace = !isRetired && idle.count < Self.idleLimit
        guard hasPlace, connection.seemsSilent else {
            end(connection)
            return
        }
        idle.append(Idle(connection: connection, since: loop.now))
    }

    /// Ends a connection that is not clean, or whose exchange failed.
    func discard(_ connection: UpstreamConnection) {
        activeCount -= 1
        end(connection)
    }

    /// Keeps no connection any more: another registry is in use. What is in use may end.
    func retire() {
        isRetired = true
        closeIdle()
    }

    func closeIdle() {
        while !idle.isEmpty { end(removeIdle(at: 0)) }
    }

    /// Something has happened on an idle connection. Under TLS that may be the protocol's own
    /// affair, a session ticket; everything else ends it.
    private func notice(_ connection: UpstreamConnection) {
        if connection.stream.recordLayer == nil || !connection.seemsSilent { drop(connection) }
    }

    private func drop(_ connection: UpstreamConnection) {
        guard let index = idle.firstIndex(where: { $0.connection === connection }) else { return }
        end(removeIdle(at: index))
    }

    /// Ends what was idle for too long, and what nobody has needed for `surplusTime`: how many were
    /// once in use at the same moment says little of how many will be. For now and then.
    func trim(at now: Instant) {
        let limit = now.advanced(by: -idleTimeout.nanoseconds)
        while let oldest = idle.first, oldest.since < limit { end(removeIdle(at: 0)) }
        guard now >= surplusTimeBegan.advanced(by: Self.surplusTime) else { return }
        let surplusCount = min(fewestIdle, max(0, idle.count - Self.spareCount))
        for _ in 0..<surplusCount { end(removeIdle(at: 0)) }
        fewestIdle = idle.count
        surplusTimeBegan = now
    }

    private func removeIdle(at index: Int) -> UpstreamConnection {
        fewestIdle = min(fewestIdle, idle.count - 1)
        return idle.remove(at: index).connection
    }

    private func end(_ connection: UpstreamConnection) {
        metrics.connectionClosed(.upstream)
        connection.close()
    }
}
