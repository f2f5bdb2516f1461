public import Bytes
import CLinux
import Glibc

/// A socket for a thread that does nothing else meanwhile: a thread of a `BlockingPool`.
///
/// Never for loops. `receive` and `send` do not wait; `wait` does, until a deadline, and uses no
/// processor time. One owner, one thread at a time.
@safe public final class BlockingSocket {
    public let fd: Int32

    /// What a receive gave.
    public enum Received: Sendable, Equatable {
        case bytes(Int)
        case nothing
        case end
    }

    /// What is waited for.
    public struct Interest: OptionSet, Sendable {
        public let rawValue: Int16
        public init(rawValue: Int16) { self.rawValue = rawValue }
        public static let input = Interest(rawValue: Int16(POLLIN))
        public static let room = Interest(rawValue: Int16(POLLOUT))
    }

    private init(adopting fd: Int32) { self.fd = fd }

    deinit { Glibc.close(fd) }

    /// Connects to the first of `addresses` that takes the connection.
    ///
    /// - Throws: what the last address answered, or that the deadline has passed for all of them.
    public static func connect(
        to addresses: [SocketAddress],
        by deadline: Deadline
    ) throws(StreamError) -> BlockingSocket {
        var failure = StreamError.system(SystemError(call: "connect", code: EHOSTUNREACH))
        for address in addresses {
            let fd: Int32
            do {
                fd = try SystemCalls.connect(to: address)
            } catch {
                failure = .system(error)
                continue
            }
            let socket = BlockingSocket(adopting: fd)
            guard wait(for: [(socket, .room)], until: deadline.instant) else {
                throw .timedOut(deadline.name)
            }
            let code = socket_error(socket.fd)
            if code == 0 { return socket }
            failure = .system(SystemError(call: "connect", code: code))
        }
        throw failure
    }

    /// Two connected sockets of this machine; the second is somebody else's to close.
    public static func pair() throws(SystemError) -> (ours: BlockingSocket, theirs: Int32) {
        var ends: [Int32] = [-1, -1]
        let type =
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            | Int32(SOCK_CLOEXEC.rawValue)
        // SAFETY: socketpair fills the two numbers of the array.
        guard unsafe socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw SystemError(call: "socketpair", code: errno)
        }
        return (BlockingSocket(adopting: ends[0]), ends[1])
    }

    /// Takes what has come, at most as much as `buffer` has room for.
    public func receive(into buffer: Buffer) throws(StreamError) -> Received {
        // SAFETY: recv writes at most `count` bytes at `room`.
        let count = unsafe buffer.fill(atMost: buffer.room) { room, count in
            var got: Int
            repeat { got = unsafe recv(fd, room, count, 0) } while got < 0 && errno == EINTR
            return got
        }
        if count > 0 { return .bytes(count) }
        if count == 0 { return .end }
        let code = errno
        if code == EAGAIN { return .nothing }
        throw .system(SystemError(call: "recv", code: code))
    }

    /// Sends from `buffer` what the socket takes now.
    public func send(_ buffer: Buffer) throws(StreamError) {
        while !buffer.isEmpty {
            // SAFETY: send reads the `count` bytes that are filled. It never raises SIGPIPE.
            let count = unsafe buffer.withFilled { bytes, count in
                unsafe Glibc.send(fd, bytes, count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                buffer.consume(count)
            } else if errno == EAGAIN {
                return
            } else if errno != EINTR {
                throw .system(SystemError(call: "send", code: errno))
            }
        }
    }

    /// Whether nothing has come and the peer has not closed.
    public var isSilent: Bool {
        !Self.wait(for: [(self, .input)], until: Instant(nanoseconds: 0))
    }

    /// Waits until one of the sockets is ready, or has failed.
    ///
    /// - Returns: false if the deadline has passed.
    public static func wait(
        for sockets: [(socket: BlockingSocket, interest: Interest)],
        until deadline: Instant
    ) -> Bool {
        var entries = sockets.map {
            pollfd(fd: $0.socket.fd, events: $0.interest.rawValue, revents: 0)
        }
        return SystemCalls.wait(for: &entries, until: deadline)
    }
}

extension SystemCalls {
    /// Waits for one descriptor's input.
    /// - Returns: false if the deadline has passed.
    static func wait(forInput fd: Int32, until deadline: Instant) -> Bool {
        var entries = [pollfd(fd: fd, events: Int16(POLLIN), revents: 0)]
        return wait(for: &entries, until: deadline)
    }

    static func wait(for entries: inout [pollfd], until deadline: Instant) -> Bool {
        while true {
            let left = max(0, deadline.nanoseconds(since: .now))
            let milliseconds = Int32(clamping: (left + 999_999) / 1_000_000)
            // SAFETY: poll reads and writes the entries of the array during the call.
            let count = unsafe poll(&entries, nfds_t(entries.count), milliseconds)
            if count > 0 { return true }
            // Also where poll fails for good (ENOMEM): the deadline holds.
            if left == 0 { return false }
            if count < 0, errno != EINTR { return false }
        }
    }
}
