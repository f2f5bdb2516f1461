public import Bytes

/// A connected socket, in the clear or under a record layer, read and written by one task.
///
/// The `try…` functions never wait. The async ones try first and wait on the channel's waiter, so
/// they must be called by the task that owns it. Belongs to its loop's thread.
public final class ByteStream {
    public let channel: Channel
    /// `nil`: in the clear.
    public let recordLayer: (any RecordLayer)?

    /// Records that the socket has not taken yet.
    private var sealed: Buffer?
    private var pace = Pace()
    /// In the clear: whether the last send left something over.
    private var isBlocked = false

    public init(_ channel: Channel, recordLayer: (any RecordLayer)? = nil) {
        self.channel = channel
        self.recordLayer = recordLayer
    }

    public var loop: EventLoop { channel.loop }

    /// How much is worth gathering before it is written here: `large` for a peer that has shown to
    /// be fast, `small` for one that seems slow, or is new. One system call, but for a fast one.
    public func gatherSize() -> BufferPool.Size {
        // A copy: the call below must not be made while `self.pace` is written to.
        var pace = pace
        pace.review(channel.queuedByteCount)
        self.pace = pace
        return pace.size
    }

    /// Whether reading may give something without another event.
    public var mayHaveInput: Bool {
        channel.isReadable || (recordLayer?.hasBufferedInput ?? false)
    }

    /// Whether the peer will not read an answer any more.
    ///
    /// In the clear a peer that has ended its direction may still read (half-close). Under a record
    /// layer no client does that: one that ended the socket's stream is gone.
    public var isAbandonedByPeer: Bool {
        channel.hasFailed || (recordLayer != nil && channel.isHungUp)
    }

    /// Completes the record layer's handshake. Does nothing in the clear.
    public func handshake(by deadline: Deadline) async throws(StreamError) {
        try await handshake { deadline }
    }

    /// The same.
    /// - Parameter deadline: asked before each wait for how long that may take; it fails when it
    ///   begins later.
    public func handshake(waitingUntil deadline: () -> Deadline) async throws(StreamError) {
        guard let recordLayer else { return }
        while true {
            let out = takeSealed(.small)
            let step: HandshakeStep
            do throws(StreamError) {
                step = try recordLayer.handshake(sendingTo: out)
            } catch {
                // The alert that says why.
                _ = try? flushSealed()
                throw error
            }
            while try !flushSealed() { try await pause(until: deadline()) }
            switch step {
            case .complete: return
            case .needsRoom: break
            // The record layer has taken all there was; a part of a record may wait inside it.
            case .needsInput: if !channel.isReadable { try await pause(until: deadline()) }
            }
        }
    }

    /// Waits until enough has come for `isEnough`, which is shown all that is there; it stays where
    /// it is. A whole small buffer is always enough, and so is the end of the stream.
    public func awaitInput(
        by deadline: Deadline,
        until isEnough: (Span<UInt8>) -> Bool
    ) async throws(StreamError) {
        while try !hasInput(isEnough) { try await pause(until: deadline) }
    }

    /// Holds memory only while it looks: whoever says nothing costs none.
    private func hasInput(_ isEnough: (Span<UInt8>) -> Bool) throws(StreamError) -> Bool {
        let seen = loop.buffers.take(.small)
        defer { loop.buffers.give(seen) }
        switch try channel.peek(into: seen, atMost: seen.room) {
        case .end: return true
        case .bytes:
            if seen.room == 0 || channel.isHungUp || isEnough(seen.bytes) { return true }
            channel.awaitMore()
            return false
        case .wouldBlock, .mustWrite: return false
        }
    }

    /// Takes the PROXY header off the front of the socket's stream, and not a byte more: what
    /// stands behind it may be the record layer's.
    ///
    /// - Returns: `nil` if there is none, or one that is not right.
    public func readProxyHeader(by deadline: Deadline) async throws(StreamError) -> ProxyHeader? {
        let seen = loop.buffers.take(.small)
        defer { loop.buffers.give(seen) }
        while true {
            seen.clear()
            switch try channel.peek(into: seen, atMost: ProxyHeader.longest) {
            case .end: throw .ended
            case .bytes:
                switch ProxyHeader.read(seen.bytes) {
                case .complete(let header, let byteCount):
                    try channel.skip(byteCount)
                    return header
                case .malformed: return nil
                case .incomplete where channel.isHungUp: return nil
                case .incomplete: channel.awaitMore()
                }
            case .wouldBlock, .mustWrite: break
            }
            try await pause(until: deadline)
        }
    }

    /// Appends to `buffer` what has come, up to `limit` bytes.
    public func tryRead(
        into buffer: Buffer,
        atMost limit: Int = .max
    ) throws(StreamError) -> ReceiveAttempt {
        guard let recordLayer else { return try channel.receive(into: buffer, atMost: limit) }
        let attempt = try recordLayer.receive(into: buffer, atMost: limit, sendingTo: nil)
        guard attempt == .mustWrite else { return attempt }
        let answer = takeSealed(.small)
        let second = try recordLayer.receive(into: buffer, atMost: limit, sendingTo: answer)
        _ = try flushSealed()
        return second
    }

    /// Appends to `buffer` at least one byte.
    /// - Returns: how many; 0 at the end of the stream.
    public func read(
        into buffer: Buffer,
        atMost limit: Int = .max,
        by deadline: Deadline
    ) async throws(StreamError) -> Int {
        while true {
            switch try tryRead(into: buffer, atMost: limit) {
            case .bytes(let count): return count
            case .end: return 0
            case .wouldBlock, .mustWrite: try await pause(until: deadline)
            }
        }
    }

    /// Sends from `buffer` as much as the socket takes, and consumes it.
    ///
    /// Under a record layer `buffer` may be empty before everything has left: then the rest waits
    /// here, sealed, and the buffer can be given back.
    /// - Returns: whether all has gone to the socket.
    public func tryWrite(_ buffer: Buffer) throws(StreamError) -> Bool {
        guard let recordLayer else { return try sendPlain(buffer) }
        while try flushSealed() {
            if buffer.isEmpty { return true }
            let out = takeSealed(sealedSize(for: buffer.count))
            pace.begin(at: loop.now)
            try recordLayer.seal(buffer, into: out)
        }
        return false
    }

    /// Sends what `tryWrite` has left here.
    /// - Returns: whether all has gone to the socket.
    public func tryFlush() throws(StreamError) -> Bool { try flushSealed() }

    /// Sends all of `buffer`. `stall` is the longest time in which nothing may move.
    public func write(_ buffer: Buffer, stall: Timeout) async throws(StreamError) {
        var deadline = stall.deadline(from: loop.now)
        var sent = channel.sentByteCount
        while try !tryWrite(buffer) {
            if channel.sentByteCount != sent {
                sent = channel.sentByteCount
                deadline = stall.deadline(from: loop.now)
            }
            try await pause(until: deadline)
        }
    }

    /// Waits for the next event on any channel of this task's waiter.
    public func pause(until deadline: Deadline) async throws(StreamError) {
        guard let waiter = channel.waiter else { preconditionFailure("a stream without a waiter") }
        if waiter.isCancelled { throw .cancelled }
        if loop.now >= deadline.instant { throw .timedOut(deadline.name) }
        await waiter.wait(until: deadline.instant)
        if waiter.isCancelled { throw .cancelled }
    }

    /// Says that nothing more will be sent, and stops sending. Best effort, never waits.
    public func finish() {
        if let recordLayer {
            recordLayer.sealEnd(into: takeSealed(.small))
            _ = try? flushSealed()
        }
        channel.endOutput()
    }

    /// Ends the connection after a complete answer: under TLS with close_notify.
    public func close() {
        if let recordLayer {
            recordLayer.sealEnd(into: takeSealed(.small))
            _ = try? flushSealed()
        }
        abandon()
    }

    /// Closes without a word: under TLS without close_notify, so that what was promised and did not
    /// come cannot pass for an end.
    public func abandon() {
        if let sealed { loop.buffers.give(sealed) }
        sealed = nil
        channel.close()
    }

    private func sendPlain(_ buffer: Buffer) throws(StreamError) -> Bool {
        if !isBlocked { pace.begin(at: loop.now) }
        let count = buffer.count
        isBlocked = try !channel.send(from: buffer)
        pace.sent(count - buffer.count, at: loop.now)
        return !isBlocked
    }

    /// - Returns: whether no sealed byte is left.
    private func flushSealed() throws(StreamError) -> Bool {
        guard let records = sealed else { return true }
        let count = records.count
        let isDone = try channel.send(from: records)
        pace.sent(count - records.count, at: loop.now)
        guard isDone else { return false }
        sealed = nil
        loop.buffers.give(records)
        return true
    }

    private func sealedSize(for byteCount: Int) -> BufferPool.Size {
        if byteCount <= BufferPool.Size.small.payload { return .small }
        if byteCount <= BufferPool.Size.medium.payload { return .medium }
        return pace.size == .large ? .large : .medium
    }

    /// The buffer that records go to: the one that is waiting, or a new one.
    private func takeSealed(_ size: BufferPool.Size) -> Buffer {
        if let sealed { return sealed }
        let fresh = loop.buffers.take(size)
        sealed = fresh
        return fresh
    }
}
