import NetIO
import Testing

@testable import ProxyServer

@Suite struct HandshakeSeatsTests {
    /// Counts who is woken.
    private final class Bells: Sendable {
        let woken = Locked<[Int]>([])

        func bell(_ number: Int) -> @Sendable () -> Void {
            { [self] in woken.withLock { $0.append(number) } }
        }
    }

    @Test("there are 128 seats; who waits gets one in the order of arrival, and is woken once")
    func order() {
        let seats = HandshakeSeats()
        let bells = Bells()
        let first = (0..<HandshakeSeats.limit).map { seats.request(wake: bells.bell($0)) }
        #expect(HandshakeSeats.limit == 128)
        #expect(first.allSatisfy { $0.isGranted })
        #expect(!seats.areWanted)
        let waiting = (200..<203).map { seats.request(wake: bells.bell($0)) }
        #expect(seats.areWanted)
        #expect(!waiting.contains { $0.isGranted })
        seats.leave(first[5])
        seats.leave(first[3])
        #expect(waiting.map(\.isGranted) == [true, true, false])
        #expect(bells.woken.withLock { $0 } == [200, 201])
        seats.leave(waiting[0])
        #expect(waiting[2].isGranted)
        #expect(!seats.areWanted)
        for seat in first[0..<3] + [first[4]] + first[6...] + waiting[1...] { seats.leave(seat) }
        #expect(seats.areAllFree)
    }

    @Test("a queue that is never empty does not grow")
    func flood() {
        let seats = HandshakeSeats()
        var held = (0...HandshakeSeats.limit).map { _ in seats.request {} }
        for _ in 0..<10_000 {
            held.append(seats.request {})
            seats.leave(held.removeFirst())
            #expect(seats.areWanted)
        }
        #expect(held.count == HandshakeSeats.limit + 1)
        #expect(seats.queueLength < 200)
        for seat in held { seats.leave(seat) }
        #expect(seats.areAllFree)
    }

    @Test("who gives up waiting is passed over")
    func givingUp() {
        let seats = HandshakeSeats()
        let bells = Bells()
        let first = (0..<HandshakeSeats.limit).map { seats.request(wake: bells.bell($0)) }
        let waiting = (200..<203).map { seats.request(wake: bells.bell($0)) }
        seats.leave(waiting[0])
        seats.leave(waiting[1])
        #expect(seats.areWanted)
        seats.leave(first[0])
        #expect(waiting.map(\.isGranted) == [false, false, true])
        #expect(bells.woken.withLock { $0 } == [202])
        #expect(!seats.areWanted)
        seats.leave(waiting[2])
        for seat in first.dropFirst() { seats.leave(seat) }
        #expect(seats.areAllFree)
        #expect(seats.request { Issue.record("woken for nothing") }.isGranted)
    }
}
