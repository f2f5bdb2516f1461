import CLinux
import Glibc

/// The addresses of one host name, looked up beside the event loops and kept for a while.
///
/// A literal address is never looked up. While a name cannot be resolved its last good addresses
/// stay in use. Callable from any thread.
public final class HostAddresses: Sendable {
    /// What is known now.
    public enum Answer: Sendable, Equatable {
        /// In the resolver's order.
        case known([SocketAddress])
        /// Nothing is known, and a lookup is running: ask again.
        case pending
        /// The name has no address, or no resolver answered.
        case unknown
    }

    private struct State: Sendable {
        var answer = Answer.pending
        /// When to ask the resolver again.
        var expiry = Instant(nanoseconds: .min)
        var isLooking = false
        /// Threads that wait for the lookup's end, by what wakes them.
        var waiting: [WakeSignal] = []
    }

    private let host: String
    private let port: UInt16
    private let state = Locked(State())

    /// How long an answer is used, and how long a failure counts, without asking again.
    private static let lifetime: Int64 = 10_000_000_000
    private static let lifetimeOfFailure: Int64 = 1_000_000_000

    /// - Parameter host: a name or a literal address, without brackets.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
        if let literal = SocketAddress(literal: host, port: port) {
            state.withLock {
                $0.answer = .known([literal])
                $0.expiry = .never
            }
        }
    }

    /// An address that needs no lookup: that of a unix socket.
    public init(fixed address: SocketAddress) {
        host = ""
        port = 0
        state.withLock {
            $0.answer = .known([address])
            $0.expiry = .never
        }
    }

    /// Never waits; starts a lookup where it is time for one.
    public func answer(at now: Instant) -> Answer {
        state.withLock { state in
            if state.expiry <= now, !state.isLooking {
                state.isLooking = startLookup()
            }
            return state.isLooking && state.answer == .unknown ? .pending : state.answer
        }
    }

    /// The addresses, for a thread that may wait for them. Empty if there are none, or if none were
    /// found by the deadline.
    public func wait(until deadline: Instant) -> [SocketAddress] {
        while true {
            switch answer(at: .now) {
            case .known(let addresses): return addresses
            case .unknown: return []
            case .pending: guard waitForLookup(until: deadline) else { return [] }
            }
        }
    }

    /// - Returns: false if the deadline has passed, if nothing could wake this thread, or if there
    ///   is no lookup to wait for, because no thread could be had for one.
    private func waitForLookup(until deadline: Instant) -> Bool {
        guard deadline > .now, let signal = WakeSignal() else { return false }
        let hope = state.withLock { state in
            if state.isLooking { state.waiting.append(signal) }
            return (isLooking: state.isLooking, isOver: state.answer != .pending)
        }
        return hope.isLooking ? signal.wait(until: deadline) : hope.isOver
    }

    /// getaddrinfo(3) blocks, up to a minute: a thread of its own, at most one at a time.
    /// - Returns: false if there is no thread to be had now.
    private func startLookup() -> Bool {
        SystemCalls.startThread(named: "resolver") { [self] in
            let found = SystemCalls.resolve(host: host, port: port)
            let now = SystemCalls.now()
            state.withLock { state in
                state.isLooking = false
                for signal in state.waiting { signal.raise() }
                state.waiting = []
                if !found.isEmpty {
                    state.answer = .known(found)
                    state.expiry = now.advanced(by: Self.lifetime)
                } else {
                    if state.answer == .pending { state.answer = .unknown }
                    state.expiry = now.advanced(by: Self.lifetimeOfFailure)
                }
            }
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
