import Glibc

@testable import NetIO

/// One end of a connection in the model: never waits, since it is used on the proxy's own loop.
final class Wire {
    private let fd: Int32
    private(set) var isOpen = true
    private(set) var hasEnded = false
    /// Bytes that went either way.
    private(set) var movedCount = 0

    init(_ fd: Int32) {
        self.fd = fd
        _ = fcntl(fd, F_SETFL, O_NONBLOCK)
    }

    deinit { close() }

    /// A connected pair: the proxy's end and ours.
    static func pair() throws -> (Int32, Wire) {
        var pair: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue)
        // SAFETY: socketpair fills the two elements.
        guard unsafe socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw Missing() }
        _ = fcntl(pair[0], F_SETFL, O_NONBLOCK)
        return (pair[0], Wire(pair[1]))
    }

    /// As above, over TCP, which can be reset.
    static func pair(through bound: BoundSocket) throws -> (Int32, Wire) {
        let wire = Wire(try SystemCalls.connect(to: bound.address))
        // On a busy machine the kernel needs a moment for it, also on loopback.
        var waiting = pollfd(fd: bound.fd, events: Int16(POLLIN), revents: 0)
        // SAFETY: poll fills the one element during the call.
        guard unsafe poll(&waiting, 1, 60_000) == 1 else { throw Missing() }
        guard case .connection(let accepted) = SystemCalls.accept(on: bound.fd) else {
            throw Missing()
        }
        return (accepted.fd, wire)
    }

    enum Input: Equatable {
        case bytes([UInt8])
        case nothing
        /// Ended, cleanly or by a reset: to the reader of a message that is the same.
        case end
    }

    func receive(atMost limit: Int) -> Input {
        guard isOpen, !hasEnded else { return .end }
        var bytes = [UInt8](repeating: 0, count: limit)
        // SAFETY: recv writes at most `limit` bytes into the array.
        let count = unsafe recv(fd, &bytes, limit, 0)
        if count > 0 {
            movedCount += count
            return .bytes(Array(bytes[..<count]))
        }
        if count < 0, errno == EAGAIN { return .nothing }
        hasEnded = true
        return .end
    }

    /// Whether the other side has sent something that was not received yet.
    var hasInput: Bool {
        var byte: UInt8 = 0
        guard isOpen else { return false }
        // SAFETY: recv writes at most the one byte.
        return unsafe recv(fd, &byte, 1, Int32(MSG_PEEK)) > 0
    }

    /// - Returns: how many bytes went; 0 if there is no room, `nil` if nobody takes them any more.
    func send(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard isOpen else { return nil }
        // SAFETY: send reads the bytes of the slice during the call.
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count >= 0 {
            movedCount += count
            return count
        }
        return errno == EAGAIN ? 0 : nil
    }

    /// Does nothing once it is closed: its number may be another's by then.
    func endOutput() { if isOpen { shutdown(fd, Int32(SHUT_WR)) } }

    func close() {
        if isOpen { Glibc.close(fd) }
        isOpen = false
    }

    /// Over TCP, so that the other side sees an error; elsewhere like `close`.
    func reset() {
        guard isOpen else { return }
        var now = linger(l_onoff: 1, l_linger: 0)
        // SAFETY: setsockopt reads `now` during the call.
        _ = unsafe setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &self) }
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    mutating func one<Value>(of values: [Value]) -> Value { values[below(values.count)] }
}
