import Glibc
import Logbook
import Testing

@testable import NetIO
@testable import ProxyServer

/// A pool whose registry is a real listening socket of the test, so that its connections are the
/// pool's own from the first byte to the last.
private struct Yard: Sendable {
    let stage: Stage
    let bound: BoundSocket

    init() throws {
        stage = try Stage()
        bound = try BoundSocket(binding: try found(SocketAddress(literal: "127.0.0.1", port: 0)))
    }

    /// Runs `body` on the loop with a fresh pool.
    func run<Result: Sendable>(
        _ body: @Sendable (UpstreamPool, Waiter) async throws -> Result
    ) async throws -> Result {
        try await stage.run { [bound] stage in
            let pool = UpstreamPool(
                loop: stage.loop,
                Route(
                    addresses: HostAddresses(host: "127.0.0.1", port: bound.address.port),
                    security: nil,
                    timeout: Timeout(.upstreamConnect, seconds: 5)
                ),
                idleTimeout: Timeout(.upstreamIdle, seconds: 55),
                metrics: LoopMetrics()
            )
            let waiter = Waiter(on: stage.loop)
            defer {
                pool.closeIdle()
                waiter.retire()
            }
            return try await body(pool, waiter)
        }
    }

    /// The registry's end of the oldest connection that was made.
    func accepted() -> Int32 {
        var waiting = pollfd(fd: bound.fd, events: Int16(POLLIN), revents: 0)
        // SAFETY: poll fills the one element; accept fills nothing.
        _ = unsafe poll(&waiting, 1, 5000)
        return accept(bound.fd, nil, nil)
    }

    func turn() async throws { try await stage.turn() }
}

@Suite struct UpstreamPoolTests {
    /// The longer one was silent, the less likely is a surplus answer still on its way.
    @Test func theConnectionThatWasIdleLongestIsUsedFirst() async throws {
        let yard = try Yard()
        let isRight = try await yard.run { pool, waiter in
            let first = try await pool.connect(for: waiter)
            let second = try await pool.connect(for: waiter)
            guard pool.activeCount == 2, pool.idleCount == 0 else { return false }
            pool.giveBack(first)
            pool.giveBack(second)
            guard pool.activeCount == 0, pool.idleCount == 2 else { return false }
            try await yard.turn()
            let taken = pool.takeIdle(for: waiter)
            let next = pool.takeIdle(for: waiter)
            let none = pool.takeIdle(for: waiter)
            guard taken === first, next === second, none == nil, pool.activeCount == 2 else {
                return false
            }
            pool.discard(first)
            pool.discard(second)
            return pool.activeCount == 0 && pool.idleCount == 0
        }
        #expect(isRight)
    }

    /// What the registry does to an idle connection, and how many are left then.
    @Test(
        "an idle connection that the registry closes or writes to is dropped at once",
        arguments: ["close", "write", "half", "nothing"]
    )
    func idleEvent(act: String) async throws {
        let yard = try Yard()
        let left = try await yard.run { pool, waiter in
            pool.giveBack(try await pool.connect(for: waiter))
            let fd = yard.accepted()
            defer { if act != "close" { Glibc.close(fd) } }
            switch act {
            case "close": Glibc.close(fd)
            case "write": _ = unsafe Glibc.write(fd, "x", 1)
            case "half": shutdown(fd, Int32(SHUT_WR))
            default: break
            }
            // Loopback delivers before the call returns; the loop sees it when it looks.
            try await yard.turn()
            return pool.idleCount
        }
        #expect(left == (act == "nothing" ? 1 : 0))
    }

    /// The event is not taken up yet when the connection is wanted: the kernel knows.
    @Test("a byte or an end that no event has told of is seen", arguments: [true, false])
    func unseenEvent(closes: Bool) async throws {
        let yard = try Yard()
        let isDropped = try await yard.run { pool, waiter in
            pool.giveBack(try await pool.connect(for: waiter))
            let fd = yard.accepted()
            if closes { shutdown(fd, Int32(SHUT_WR)) } else { _ = unsafe Glibc.write(fd, "x", 1) }
            defer { Glibc.close(fd) }
            let taken = pool.takeIdle(for: waiter)
            if let taken { pool.discard(taken) }
            return taken == nil && pool.activeCount == 0 && pool.idleCount == 0
        }
        #expect(isDropped)
    }

    /// The same where the kernel is asked for several at once.
    @Test("of several, the one with a byte or an end is left out", arguments: [true, false])
    func unseenEventOfOne(closes: Bool) async throws {
        let yard = try Yard()
        let isLeftOut = try await yard.run { pool, waiter in
            var all: [UpstreamConnection] = []
            for _ in 0..<3 { all.append(try await pool.connect(for: waiter)) }
            for connection in all { pool.giveBack(connection) }
            let ends = [yard.accepted(), yard.accepted(), yard.accepted()]
            defer { for fd in ends { Glibc.close(fd) } }
            if closes {
                shutdown(ends[1], Int32(SHUT_WR))
            } else {
                _ = unsafe Glibc.write(ends[1], "x", 1)
            }
            let taken = [pool.takeIdle(for: waiter), pool.takeIdle(for: waiter)]
            for connection in taken.compactMap({ $0 }) { pool.discard(connection) }
            return taken[0] === all[0] && taken[1] === all[2] && pool.idleCount == 0
        }
        #expect(isLeftOut)
    }

    /// What the kernel has said of a connection is worth nothing once it was used.
    @Test func oneThatComesBackIsAskedForAnew() async throws {
        let yard = try Yard()
        let isRight = try await yard.run { pool, waiter in
            let both = [
                try await pool.connect(for: waiter), try await pool.connect(for: waiter),
            ]
            for connection in both { pool.giveBack(connection) }
            let ends = [yard.accepted(), yard.accepted()]
            defer { for fd in ends { Glibc.close(fd) } }
            let first = pool.takeIdle(for: waiter)
            let second = pool.takeIdle(for: waiter)
            guard first === both[0], second === both[1] else { return false }
            for connection in both { pool.giveBack(connection) }
            _ = unsafe Glibc.write(ends[0], "x", 1)
            let next = pool.takeIdle(for: waiter)
            if let next { pool.discard(next) }
            return next === both[1] && pool.idleCount == 0
        }
        #expect(isRight)
    }

    @Test func noMoreThanTheLimitAreKept() async throws {
        let yard = try Yard()
        let counts = try await yard.run { pool, waiter in
            var all: [UpstreamConnection] = []
            for _ in 0..<UpstreamPool.idleLimit + 3 {
                all.append(try await pool.connect(for: waiter))
            }
            for connection in all { pool.giveBack(connection) }
            return [pool.idleCount, pool.activeCount]
        }
        #expect(counts == [UpstreamPool.idleLimit, 0])
    }

    /// How many are left: after a second in which all were busy at one moment, and within the next,
    /// in which ten of them were; at its end; after others in which none was; when they are old.
    @Test func thoseThatNobodyNeedsAreClosedAllButAFew() async throws {
        let yard = try Yard()
        let counts = try await yard.run { pool, waiter in
            let start = yard.stage.loop.now
            func trim(afterSeconds seconds: Int64) -> Int {
                pool.trim(at: start.advanced(by: seconds * 1_000_000_000))
                return pool.idleCount
            }
            var all: [UpstreamConnection] = []
            for _ in 0..<30 { all.append(try await pool.connect(for: waiter)) }
            for connection in all { pool.giveBack(connection) }
            var counts = [trim(afterSeconds: 1)]
            let busy = (0..<10).compactMap { _ in pool.takeIdle(for: waiter) }
            for connection in busy { pool.giveBack(connection) }
            counts += [pool.idleCount, trim(afterSeconds: 2), trim(afterSeconds: 3)]
            counts += [trim(afterSeconds: 4), trim(afterSeconds: 80)]
            return counts
        }
        let spare = UpstreamPool.spareCount
        #expect(counts == [30, 30, 10, spare, spare, 0])
    }

    @Test func nobodyListeningIsAnError() async throws {
        let yard = try Yard()
        // Bound by nobody any more.
        let port = yard.bound.address.port
        close(yard.bound.fd)
        let failure = try await yard.run { pool, waiter -> StreamError? in
            do throws(StreamError) {
                pool.discard(try await pool.connect(for: waiter))
                return nil
            } catch {
                return pool.activeCount == 0 ? error : nil
            }
        }
        #expect(
            failure == .system(SystemError(call: "connect", code: ECONNREFUSED)), "port \(port)")
    }
}
