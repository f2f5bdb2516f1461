import Bytes
public import CLinux
import Glibc

/// A socket registered with an event loop, edge-triggered, and what is known of its readiness.
///
/// Owns the descriptor: call `close` exactly once. Belongs to its loop's thread.
@safe public final class Channel {
    public let loop: EventLoop
    /// Who is woken by events.
    public var waiter: Waiter?
    /// Called for an event while nobody waits: the peer of an idle connection did something.
    public var onIdleEvent: (() -> Void)?

    var generation: UInt32 = 0
    // SAFETY: allocated in `init`, freed in `deinit`: it is there as long as the channel is.
    private let state: UnsafeMutablePointer<socket_state>
    private var isOpen = true

    /// Takes over `fd`, which must be a non-blocking socket. Closes it on failure.
    public init(
        adopting fd: Int32,
        on loop: EventLoop,
        isConnected: Bool = true
    ) throws(SystemError) {
        self.loop = loop
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(
            to: socket_state(
                fd: fd,
                readable: isConnected,
                writable: isConnected,
                hangup: false,
                failed: false,
                received: 0,
                sent: 0
            )
        )
        do {
            try loop.register(self)
        } catch {
            Glibc.close(fd)
            isOpen = false
            throw error
        }
    }

    deinit {
        precondition(!isOpen, "a channel was dropped without close")
        unsafe state.deallocate()
    }

    public func close() {
        guard isOpen else { return }
        isOpen = false
        loop.unregister(self)
        Glibc.close(fd)
    }

    /// Makes `close` reset the connection instead of ending it.
    public func resetOnClose() { socket_reset_on_close(fd) }

    /// Ends our direction; the peer's may go on.
    public func endOutput() { shutdown(fd, Int32(SHUT_WR)) }

    /// Whether a receive is worth trying.
    public var isReadable: Bool { unsafe state.pointee.readable }
    public var isWritable: Bool { unsafe state.pointee.writable }
    /// Whether the peer has ended its direction, or the connection has failed.
    public var isHungUp: Bool { unsafe state.pointee.hangup }
    /// Whether the connection is gone in both directions.
    public var hasFailed: Bool { unsafe state.pointee.failed }
    public var receivedByteCount: Int { unsafe Int(state.pointee.received) }
    public var sentByteCount: Int { unsafe Int(state.pointee.sent) }

    /// Whether the peer has sent nothing that is still unread, and has not closed. One system call.
    public var isSilent: Bool { unsafe socket_is_silent(state) }

    /// How many `silentOnes` asks for at most.
    public static let mostAsked = 8

    /// Which of `count` channels are silent, all asked with one system call: a bit for each, the
    /// lowest for the first.
    public static func silentOnes(_ count: Int, _ channel: (Int) -> Channel) -> UInt8 {
        precondition(count <= mostAsked)
        var sockets = InlineArray<8, Int32>(repeating: -1)
        for index in 0..<count { sockets[index] = channel(index).fd }
        // SAFETY: `count` descriptors are read, and no more than there are.
        return unsafe sockets.span.withUnsafeBufferPointer {
            unsafe sockets_silent($0.baseAddress, Int32(count))
        }
    }

    /// Of `sentByteCount`, what the kernel holds: it has not arrived at the peer. One system call.
    public var queuedByteCount: Int { Int(socket_queued(fd)) }

    /// The error the connection has come to (SO_ERROR), if any.
    public func takeError() -> SystemError? {
        let code = socket_error(fd)
        return code == 0 ? nil : SystemError(call: "connect", code: code)
    }

    /// For the record layer's own reads. Lives as long as the channel.
    @unsafe public var sharedState: UnsafeMutablePointer<socket_state> { unsafe state }

    var fd: Int32 { unsafe state.pointee.fd }

    func signal(_ kinds: UInt32) {
        let failure = EPOLLHUP.rawValue | EPOLLERR.rawValue
        if kinds & failure != 0 { unsafe state.pointee.failed = true }
        if kinds & (failure | EPOLLRDHUP.rawValue) != 0 { unsafe state.pointee.hangup = true }
        if kinds & ~EPOLLOUT.rawValue != 0 { unsafe state.pointee.readable = true }
        if kinds & ~(EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 {
            unsafe state.pointee.writable = true
        }
        if let waiter {
            waiter.wake()
        } else if let onIdleEvent, kinds != EPOLLOUT.rawValue {
            onIdleEvent()
        }
    }
}

/// What one attempt to receive has given.
public enum ReceiveAttempt: Sendable, Equatable {
    case bytes(Int)
    /// The peer has ended its direction cleanly.
    case end
    /// Nothing yet.
    case wouldBlock
    /// The record layer must send something first (TLS only).
    case mustWrite
}

extension Channel {
    /// Appends to `buffer` what the socket has, up to `limit` bytes and the buffer's room.
    func receive(into buffer: Buffer, atMost limit: Int) throws(StreamError) -> ReceiveAttempt {
        precondition(buffer.room > 0 && limit > 0)
        // SAFETY: recv(2) writes at most `count` bytes at `room`.
        let count = unsafe buffer.fill(atMost: limit) { room, count in
            unsafe socket_receive(state, room, count)
        }
        if count > 0 { return .bytes(count) }
        if count == 0 { return .end }
        let code = errno
        if code == EAGAIN { return .wouldBlock }
        throw .system(SystemError(call: "recv", code: code))
    }

    /// As `receive`, but the bytes stay where they are and come again.
    func peek(into buffer: Buffer, atMost limit: Int) throws(StreamError) -> ReceiveAttempt {
        // SAFETY: recv(2) writes at most `count` bytes at `room`.
        let count = unsafe buffer.fill(atMost: limit) { room, count in
            unsafe socket_peek(state, room, count)
        }
        if count > 0 { return .bytes(count) }
        if count == 0 { return .end }
        let code = errno
        if code == EAGAIN { return .wouldBlock }
        throw .system(SystemError(call: "recv", code: code))
    }

    /// Drops bytes that were seen with `peek`.
    func skip(_ byteCount: Int) throws(StreamError) {
        let scrap = loop.buffers.take(.small)
        defer { loop.buffers.give(scrap) }
        guard try receive(into: scrap, atMost: byteCount) == .bytes(byteCount) else { throw .ended }
    }

    /// What is there is not enough: the next event tells when more has come.
    func awaitMore() { unsafe state.pointee.readable = false }

    /// Sends from the front of `buffer` and consumes what went.
    /// - Returns: false if the socket takes no more now.
    func send(from buffer: Buffer) throws(StreamError) -> Bool {
        while !buffer.isEmpty {
            // SAFETY: send(2) reads at most `count` bytes at `bytes`.
            let count = unsafe buffer.withFilled { bytes, count in
                unsafe socket_send(state, bytes, count)
            }
            if count >= 0 {
                buffer.consume(count)
                continue
            }
            let code = errno
            if code == EAGAIN { return false }
            throw .system(SystemError(call: "send", code: code))
        }
        return true
    }
}
