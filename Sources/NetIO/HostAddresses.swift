import CLinux
import Glibc

/// The addresses of one host name, looked up beside the event loops and kept for a while.
///
/// A literal address is never looked up. While a name cannot be resolved its last good addresses stay
/// in use. Callable from any thread.
public final class HostAddresses: Sendable {
    private struct State: Sendable {
        var addresses: [SocketAddress] = []
        var lookedUp = Instant(nanoseconds: .min)
        var isLooking = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let host: String
    private let port: UInt16
    private let state = Locked(State())

    /// How long an answer is used without asking again.
    static let lifetime: Int64 = 10_000_000_000

    /// - Parameter host: a name or a literal address, without brackets.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
        if let literal = SocketAddress(literal: host, port: port) {
            state.withLock {
                $0.addresses = [literal]
                $0.lookedUp = .never
            }
        }
    }

    /// The addresses in the resolver's order; empty if the name has never been resolved.
    public func current(at now: Instant) async -> [SocketAddress] {
        let known = state.withLock { state in
            let isFresh = state.lookedUp.advanced(by: Self.lifetime) > now
            if !isFresh, !state.isLooking {
                state.isLooking = true
                startLookup()
            }
            return state.addresses
        }
        if !known.isEmpty { return known }
        await lookupEnd()
        return state.withLock { $0.addresses }
    }

    private func lookupEnd() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isLooking { state.waiting.append(continuation) }
                return !state.isLooking
            }
            if isOver { continuation.resume() }
        }
    }

    /// getaddrinfo(3) blocks, up to a minute: a thread of its own, at most one at a time.
    private func startLookup() {
        SystemCalls.startThread(named: "resolver") { [self] in
            let found = SystemCalls.resolve(host: host, port: port)
            let waiting = state.withLock { state in
                if !found.isEmpty { state.addresses = found }
                state.lookedUp = SystemCalls.now()
                state.isLooking = false
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }
}

extension SystemCalls {
    static func resolve(host: String, port: UInt16) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        // SAFETY: the list is read before it is freed; each address has its stated length.
        guard unsafe getaddrinfo(host, String(port), &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            var storage = sockaddr_storage()
            let size = unsafe min(
                Int(entry.pointee.ai_addrlen), MemoryLayout.size(ofValue: storage))
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.copyMemory(from: .init(start: entry.pointee.ai_addr, count: size))
            }
            if let address = SocketAddress(storage, size: socklen_t(size)) { found.append(address) }
            unsafe next = entry.pointee.ai_next
        }
        return found
    }
}
