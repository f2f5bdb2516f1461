import NetIO
import NetTLS
import Synchronization

/// Seats for the TLS handshakes that are underway: each costs a signature and memory, and whoever
/// reaches the port can begin one. First come, first served; shared by all loops.
///
/// Nothing here waits or knows time: a seat tells when it is granted, and wakes its owner.
final class HandshakeSeats: Sendable {
    /// One handshake's. Ends with exactly one `leave`, granted or not.
    final class Seat: Sendable {
        fileprivate let granted: Atomic<Bool>
        fileprivate let isGivenUp = Atomic<Bool>(false)
        fileprivate let wake: @Sendable () -> Void

        fileprivate init(isGranted: Bool, wake: @escaping @Sendable () -> Void) {
            granted = Atomic(isGranted)
            self.wake = wake
        }

        /// Once true it stays true.
        var isGranted: Bool { granted.load(ordering: .acquiring) }
    }

    /// How many there are (`security.md` 4.1).
    static let limit = 128

    private struct State: Sendable {
        var takenCount = 0
        /// In the order they came; those that have given up stay until it is their turn.
        var waiting: [Seat] = []
        var firstWaiting = 0

        /// The next one that still waits. The places of those before it are given back now and
        /// then: in a flood the queue is never empty.
        mutating func next() -> Seat? {
            defer {
                if firstWaiting >= 64, firstWaiting * 2 >= waiting.count {
                    waiting.removeFirst(firstWaiting)
                    firstWaiting = 0
                }
            }
            while firstWaiting < waiting.count {
                let seat = waiting[firstWaiting]
                firstWaiting += 1
                if !seat.isGivenUp.load(ordering: .relaxed) { return seat }
            }
            return nil
        }
    }

    private let state = Locked(State())
    private let waitingCount = Atomic<Int>(0)

    /// Whether somebody waits for a seat.
    var areWanted: Bool { waitingCount.load(ordering: .relaxed) > 0 }

    /// Whether nobody has one.
    var areAllFree: Bool { state.withLock { $0.takenCount == 0 } }

    /// How many places the queue has, with those of seats that were granted or given up.
    var queueLength: Int { state.withLock { $0.waiting.count } }

    /// Asks for a seat.
    ///
    /// - Parameter wake: called once when a seat that was not granted at once is; on any thread.
    func request(wake: @escaping @Sendable () -> Void) -> Seat {
        state.withLock { state in
            let isFree = state.takenCount < Self.limit
            let seat = Seat(isGranted: isFree, wake: wake)
            if isFree {
                state.takenCount += 1
            } else {
                state.waiting.append(seat)
                waitingCount.add(1, ordering: .relaxed)
            }
            return seat
        }
    }

    /// Gives a seat back, or gives up waiting for it.
    func leave(_ seat: Seat) {
        let next = state.withLock { state -> Seat? in
            guard seat.isGranted else {
                seat.isGivenUp.store(true, ordering: .relaxed)
                waitingCount.subtract(1, ordering: .relaxed)
                return nil
            }
            guard let next = state.next() else {
                state.takenCount -= 1
                return nil
            }
            waitingCount.subtract(1, ordering: .relaxed)
            next.granted.store(true, ordering: .releasing)
            return next
        }
        next?.wake()
    }
}

/// The deadline of something that moves on as long as bytes come. Pure.
struct StallWatch {
    private let timeout: Timeout
    private var seen = 0
    private var current: Deadline?

    init(_ timeout: Timeout) { self.timeout = timeout }

    mutating func deadline(_ byteCount: Int, _ now: Instant) -> Deadline {
        if let current, byteCount <= seen { return current }
        seen = byteCount
        let next = timeout.deadline(from: now)
        current = next
        return next
    }
}

/// The TLS handshake of a connection.
extension Connection {
    /// Carries the handshake to its end, with one of the seats.
    ///
    /// A client takes a seat when its first message is here as a whole: one that says nothing, or
    /// half of it, keeps nobody waiting. While others want a seat, a handshake in which nothing
    /// comes for a second loses its own.
    func shakeHands(by deadline: Deadline) async throws(StreamError) {
        guard tls != nil else { return }
        try await stream.awaitInput(by: deadline, until: TLSRecordLayer.beginsWithWholeRecord)
        let seats = services.shared.handshakes
        let waker = waiter.remote
        let seat = seats.request { waker.wake() }
        defer { seats.leave(seat) }
        while !seat.isGranted {
            if stream.isAbandonedByPeer { throw .ended }
            try await stream.pause(until: deadline)
        }
        var watch = StallWatch(Self.handshakePatience)
        try await stream.handshake { [services, stream] in
            let now = services.loop.now
            let stalled = watch.deadline(stream.channel.receivedByteCount, now)
            let look = seats.areWanted ? stalled : Self.handshakePatience.deadline(from: now)
            return look.earlier(of: deadline)
        }
    }

    private static let handshakePatience = Timeout(.tlsHandshake, seconds: 1)
}
