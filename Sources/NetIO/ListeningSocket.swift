import CLinux
import Glibc

/// A socket that is bound and listens, on no loop yet. What connects waits in its backlog.
public struct BoundSocket: Sendable {
    /// Where it listens; with the real port if 0 was asked for.
    public let address: SocketAddress
    let fd: Int32

    /// A unix socket's file is replaced if nothing answers there any longer.
    public init(binding address: SocketAddress) throws(SystemError) {
        fd = try SystemCalls.listen(on: address)
        self.address = SystemCalls.localAddress(of: fd) ?? address
    }

    /// - Parameter descriptor: opened by whoever started the process.
    /// - Returns: `nil` if it is no listening stream socket of a family that is known here.
    init?(inherited descriptor: Int32) {
        guard SystemCalls.isListeningStream(descriptor),
            let address = SystemCalls.localAddress(of: descriptor),
            SystemCalls.makeOurs(descriptor)
        else { return nil }
        fd = descriptor
        self.address = address
    }

    /// Stops listening there, if it was adopted by nobody.
    public func discard() { Glibc.close(fd) }
}

/// A listening socket on its loop. Belongs to the loop's thread.
public final class ListeningSocket {
    private let channel: Channel
    private let waiter: Waiter

    /// Takes over `bound`, which is of no use after.
    public init(adopting bound: BoundSocket, on loop: EventLoop) throws(SystemError) {
        channel = try Channel(adopting: bound.fd, on: loop)
        waiter = Waiter(on: loop)
        channel.waiter = waiter
    }

    public struct Accepted: Sendable {
        /// Owned by whoever takes this value: make a `Channel` of it, or `discard`.
        public let fd: Int32
        public let peer: SocketAddress

        /// Closes the connection at once.
        public func discard() { Glibc.close(fd) }
    }

    /// The next connection; `nil` once `close` was called.
    ///
    /// Where descriptors or memory have run out it tries again every 100 ms, so that it neither
    /// spins nor gives up.
    public func accept() async -> Accepted? {
        while !waiter.isCancelled {
            switch SystemCalls.accept(on: channel.fd) {
            case .connection(let accepted): return accepted
            case .none: await waiter.wait(until: .never)
            case .exhausted: await waiter.wait(until: channel.loop.now.advanced(by: Self.respite))
            }
        }
        channel.close()
        waiter.retire()
        return nil
    }

    private static let respite: Int64 = 100_000_000

    /// Stops listening: later connects are refused.
    public func close() { waiter.cancel() }
}

extension SystemCalls {
    enum AcceptOutcome {
        case connection(ListeningSocket.Accepted)
        case none
        case exhausted
    }

    static func accept(on fd: Int32) -> AcceptOutcome {
        var peer = sockaddr_storage()
        var size = socklen_t()
        while true {
            // SAFETY: accept4 fills at most the size of `peer`.
            let accepted = unsafe accept_nonblocking(fd, &peer, &size)
            if accepted >= 0 {
                socket_no_delay(accepted)
                guard let address = SocketAddress(peer, size: size) else {
                    Glibc.close(accepted)
                    continue
                }
                return .connection(ListeningSocket.Accepted(fd: accepted, peer: address))
            }
            switch errno {
            case EAGAIN: return .none
            // This connection is gone already (accept(2), "Error handling"): the next one.
            case ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
                ENETUNREACH, EPERM:
                continue
            // EMFILE, ENFILE, ENOBUFS, ENOMEM, and whatever else will not be better at once.
            default: return .exhausted
            }
        }
    }

    static func listen(on address: SocketAddress) throws(SystemError) -> Int32 {
        let fd = socket_nonblocking(address.socketFamily)
        guard fd >= 0 else { throw SystemError(call: "socket", code: errno) }
        do throws(SystemError) {
            try bind(fd, to: address)
            guard Glibc.listen(fd, 4096) == 0 else {
                throw SystemError(call: "listen", code: errno)
            }
        } catch {
            Glibc.close(fd)
            throw error
        }
        return fd
    }

    private static func bind(_ fd: Int32, to address: SocketAddress) throws(SystemError) {
        if address.family == .unix {
            removeStaleSocket(at: address)
        } else {
            setOption(fd, SOL_SOCKET, SO_REUSEADDR)
            if address.family == .ipv6 { setOption(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
        }
        // SAFETY: the pointer and its size are those of the address's own bytes.
        let result = unsafe address.withPointer { unsafe Glibc.bind(fd, $0, $1) }
        guard result == 0 else { throw SystemError(call: "bind", code: errno) }
    }

    private static func setOption(_ fd: Int32, _ level: Int32, _ name: Int32) {
        var on: Int32 = 1
        // SAFETY: setsockopt reads the four bytes of `on` during the call.
        _ = unsafe setsockopt(fd, level, name, &on, 4)
    }

    static func isListeningStream(_ fd: Int32) -> Bool {
        option(fd, SO_TYPE) == Int32(SOCK_STREAM.rawValue) && option(fd, SO_ACCEPTCONN) == 1
    }

    private static func option(_ fd: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(4)
        // SAFETY: getsockopt fills the four bytes of `value` during the call.
        return unsafe getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }

    /// No child has it from now on, and no call on it waits.
    static func makeOurs(_ fd: Int32) -> Bool {
        fcntl(fd, F_SETFD, FD_CLOEXEC) == 0
            && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0
    }

    /// A socket file outlives its process. Only one that refuses a connection is removed.
    private static func removeStaleSocket(at address: SocketAddress) {
        do throws(SystemError) {
            Glibc.close(try connect(to: address))
        } catch {
            if error.code == ECONNREFUSED { unsafe _ = unlink(address.unixPath) }
        }
    }

    /// Begins a connection. The socket is writable once it is made or has failed.
    static func connect(to address: SocketAddress) throws(SystemError) -> Int32 {
        let fd = socket_nonblocking(address.socketFamily)
        guard fd >= 0 else { throw SystemError(call: "socket", code: errno) }
        socket_no_delay(fd)
        // SAFETY: as in `bind`.
        let result = unsafe address.withPointer { unsafe Glibc.connect(fd, $0, $1) }
        let code = errno
        guard result == 0 || code == EINPROGRESS else {
            Glibc.close(fd)
            throw SystemError(call: "connect", code: code)
        }
        return fd
    }

    static func localAddress(of fd: Int32) -> SocketAddress? {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // SAFETY: getsockname fills at most `size` bytes.
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(fd, $0, &size)
            }
        }
        return result == 0 ? SocketAddress(address, size: size) : nil
    }
}

extension SocketAddress {
    var socketFamily: Int32 {
        switch family {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }
}
