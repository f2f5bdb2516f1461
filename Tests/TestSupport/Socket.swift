// TCP over IPv4 and IPv6 loopback, blocking with a limit on every wait.

import Glibc
import NetIO

/// Why a socket operation of a test did not come to its end.
public enum SocketError: Error, Equatable {
    case failed(call: String, code: Int32)
    case tooLate(waitingFor: String)
}

/// What one read brought.
public enum Received: Equatable, Sendable {
    case bytes([UInt8])
    /// The peer ended its side in order.
    case end
    /// The peer cut the connection.
    case reset
}

/// One TCP socket. Closed at the latest when nobody holds it any more.
public final class Socket: Sendable {
    let descriptor: Int32
    private let isClosed = Locked(false)

    init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close() }

    /// Listens on `127.0.0.1`, on a port that the kernel chose.
    public static func listen() throws(SocketError) -> Socket {
        let socket = Socket(descriptor: try open(AF_INET))
        var address = loopback(port: 0)
        let bound = unsafe withUnsafeBytes(of: &address) { bytes in
            unsafe Glibc.bind(
                socket.descriptor,
                bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                socklen_t(bytes.count)
            )
        }
        try check(bound, "bind")
        try check(Glibc.listen(socket.descriptor, 256), "listen")
        try check(fcntl(socket.descriptor, F_SETFL, O_NONBLOCK), "fcntl")
        return socket
    }

    /// Connects to a port of `127.0.0.1`.
    ///
    /// - Parameter source: the last byte of the address of this side, `127.0.0.source`.
    public static func connect(
        port: Int,
        from source: UInt8 = 1
    ) throws(SocketError) -> Socket {
        let socket = Socket(descriptor: try open(AF_INET))
        if source != 1 {
            var own = loopback(port: 0)
            own.sin_addr.s_addr = UInt32(0x7F00_0000 | UInt32(source)).bigEndian
            let bound = unsafe withUnsafeBytes(of: &own) { bytes in
                unsafe Glibc.bind(
                    socket.descriptor,
                    bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                    socklen_t(bytes.count)
                )
            }
            try check(bound, "bind")
        }
        var address = loopback(port: port)
        let connected = unsafe withUnsafeBytes(of: &address) { bytes in
            unsafe Glibc.connect(
                socket.descriptor,
                bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                socklen_t(bytes.count)
            )
        }
        try check(connected, "connect")
        socket.sendAtOnce()
        return socket
    }

    /// The port on this side.
    public var port: Int {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe withUnsafeMutableBytes(of: &address) { bytes in
            unsafe getsockname(
                descriptor,
                bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self),
                &length
            )
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// The next connection, or `nil` when this socket was closed meanwhile.
    public func accept() -> Socket? {
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if unsafe poll(&entry, 1, -1) < 0 && errno == EINTR { continue }
            let accepted = Spawn.lock.withLock { _ in
                let accepted = Glibc.accept(descriptor, nil, nil)
                if accepted >= 0 { _ = fcntl(accepted, F_SETFD, FD_CLOEXEC) }
                return accepted
            }
            if accepted >= 0 {
                let socket = Socket(descriptor: accepted)
                socket.sendAtOnce()
                return socket
            }
            if ![EINTR, EAGAIN, ECONNABORTED].contains(errno) { return nil }
        }
    }

    /// Sends every byte.
    public func send(_ bytes: [UInt8], within seconds: Double = 20) throws(SocketError) {
        var sent = 0
        while sent < bytes.count {
            try wait(for: POLLOUT, seconds, "room to send")
            let count = unsafe bytes.withUnsafeBytes { room in
                unsafe Glibc.send(
                    descriptor,
                    room.baseAddress! + sent,
                    room.count - sent,
                    Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
                )
            }
            if count >= 0 {
                sent += count
            } else if errno != EAGAIN && errno != EINTR {
                throw SocketError.failed(call: "send", code: errno)
            }
        }
    }

    /// Waits for bytes, the end or a reset.
    public func receive(
        upTo limit: Int = 65536,
        within seconds: Double = 20
    ) throws(SocketError) -> Received {
        var bytes = [UInt8](repeating: 0, count: limit)
        while true {
            try wait(for: POLLIN, seconds, "bytes")
            let count = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe recv(
                    descriptor,
                    room.baseAddress!,
                    room.count,
                    Int32(MSG_DONTWAIT)
                )
            }
            if count > 0 { return .bytes(Array(bytes[0..<count])) }
            if count == 0 { return .end }
            switch errno {
            case EAGAIN, EINTR: continue
            case ECONNRESET, EPIPE: return .reset
            default: throw SocketError.failed(call: "recv", code: errno)
            }
        }
    }

    /// Whether bytes have come, or the end.
    public var hasInput: Bool {
        var asked = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&asked, 1, 0) > 0
    }

    /// Says that nothing more will be sent (FIN), and can still read.
    public func finishSending() {
        isClosed.withLock { closed in
            if !closed { _ = shutdown(descriptor, Int32(SHUT_WR)) }
        }
    }

    /// Ends both directions, so that a thread that waits in `accept` or `receive` comes back. The
    /// descriptor stays its own until that thread closes it: else the number could be another's.
    /// Does nothing to a socket that is closed: its number may be another's by now.
    public func interrupt() {
        isClosed.withLock { closed in
            if !closed { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Closes in order. Only for the thread that uses the socket.
    public func close() {
        isClosed.withLock { closed in
            guard !closed else { return }
            closed = true
            _ = Glibc.close(descriptor)
        }
    }

    /// Waits until the other end's process has read all that was sent to it. A reset takes with it
    /// what still lies in the kernel.
    public func waitUntilRead() throws {
        let port = String(port, radix: 16, uppercase: true)
        let ending = ":" + String(repeating: "0", count: 4 - port.count) + port
        try eventually("the other end reads") {
            // Columns: number, local address, remote address, state, bytes to send and to read.
            let rows = String(decoding: try readFile("/proc/net/tcp"), as: UTF8.self)
            let isUnread = rows.split(separator: "\n").dropFirst().contains { row in
                let columns = row.split(separator: " ")
                return columns[2].hasSuffix(ending) && !columns[4].hasSuffix(":00000000")
            }
            return isUnread ? nil : ()
        }
    }

    /// Closes with a reset (RST), as a process that died does with unread bytes.
    public func reset() {
        isClosed.withLock { closed in
            guard !closed else { return }
            closed = true
            var linger = linger(l_onoff: 1, l_linger: 0)
            _ = unsafe setsockopt(
                descriptor,
                SOL_SOCKET,
                SO_LINGER,
                &linger,
                socklen_t(MemoryLayout<linger>.size)
            )
            _ = Glibc.close(descriptor)
        }
    }

    private func wait(for event: Int32, _ seconds: Double, _ what: String) throws(SocketError) {
        var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        while true {
            let ready = unsafe poll(&entry, 1, Int32(seconds * 1000))
            if ready > 0 { return }
            if ready == 0 { throw SocketError.tooLate(waitingFor: what) }
            if errno != EINTR { throw SocketError.failed(call: "poll", code: errno) }
        }
    }

    private func sendAtOnce() {
        var on: Int32 = 1
        _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    }

    private static func open(_ family: Int32) throws(SocketError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, kind, 0)
        try check(descriptor, "socket")
        return descriptor
    }

    private static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
        return address
    }

    private static func check(_ result: Int32, _ call: String) throws(SocketError) {
        if result < 0 { throw SocketError.failed(call: call, code: errno) }
    }
}
