import Bytes
import Glibc
import Synchronization
import Testing

@testable import NetIO

/// An actor that lives on a loop of its own, as the server's workers do.
private actor Guest {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        unsafe loop.asUnownedSerialExecutor()
    }

    init(_ loop: EventLoop) { self.loop = loop }

    func run<Result: Sendable>(
        _ body: @Sendable (isolated Guest) async throws -> Result
    ) async rethrows -> Result {
        try await body(self)
    }
}

/// A loop that runs for the time of `body`.
private func withLoop<Result: Sendable>(
    _ body: @Sendable (isolated Guest) async throws -> Result
) async throws -> Result {
    let loop = try EventLoop()
    loop.start(name: "test")
    defer { loop.stop() }
    return try await Guest(loop).run(body)
}

private func socketPair() -> (Int32, Int32) {
    var pair: [Int32] = [0, 0]
    // A program that another test starts must not inherit an end: the stream would not end.
    let type =
        Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        | Int32(SOCK_CLOEXEC.rawValue)
    // SAFETY: socketpair fills the two elements.
    precondition(unsafe socketpair(AF_UNIX, type, 0, &pair) == 0)
    return (pair[0], pair[1])
}

@Suite struct EventLoopTests {
    @Test func anActorOnALoopRunsOnItsThread() async throws {
        let isThere = try await withLoop { guest in
            guard guest.loop.isCurrent else { return false }
            await Task.yield()
            return guest.loop.isCurrent
        }
        #expect(isThere)
    }

    @Test func aTaskWithThePreferenceStaysOnTheLoop() async throws {
        let isThere = try await withLoop { guest in
            let loop = guest.loop
            let child = Task(executorPreference: loop) {
                await Task.yield()
                return loop.isCurrent
            }
            return await child.value
        }
        #expect(isThere)
    }

    @Test func aWaitEndsAtItsDeadline() async throws {
        let late = try await withLoop { guest in
            let waiter = Waiter(on: guest.loop)
            defer { waiter.retire() }
            let deadline = guest.loop.now.advanced(by: 30_000_000)
            await waiter.wait(until: deadline)
            return guest.loop.now >= deadline
        }
        #expect(late)
    }

    /// A task without the preference for the loop gives up a turn on its way into the wait, and
    /// what happens in that turn must not be lost.
    @Test(.timeLimit(.minutes(30))) func aWakeUpOnTheWayIntoTheWaitIsNotLost() async throws {
        for _ in 0..<100 {
            try await withLoop { guest in
                let waiter = Waiter(on: guest.loop)
                defer { waiter.retire() }
                await waiter.wait(until: guest.loop.now.advanced(by: 1))
            }
        }
    }

    /// On its way into a wait and out of it, a task of the loop stays where it is: each hop would
    /// be a job more for each wait of each request.
    @Test func aWaitThatIsOverAtOnceGivesUpNoTurn() async throws {
        let order = try await withLoop { guest in
            let loop = guest.loop
            let order = Locked<[String]>([])
            let task = Task(executorPreference: loop) {
                let waiter = Waiter(on: loop)
                let other = Task(executorPreference: loop) {
                    order.withLock { $0.append("other") }
                }
                waiter.wake()
                await waiter.wait(until: .never)
                order.withLock { $0.append("waited") }
                await other.value
                waiter.retire()
            }
            await task.value
            return order.withLock { $0 }
        }
        #expect(order == ["waited", "other"])
    }

    @Test func aCancelledWaiterWaitsNoMore() async throws {
        let isOver = try await withLoop { guest in
            let waiter = Waiter(on: guest.loop)
            defer { waiter.retire() }
            waiter.cancel()
            await waiter.wait(until: .never)
            return waiter.isCancelled
        }
        #expect(isOver)
    }
}

@Suite struct ByteStreamTests {
    private static let patience = Timeout(.stall, nanoseconds: 120_000_000_000)

    /// More than any socket buffer holds, so that both sides have to wait for each other.
    @Test func whatIsWrittenArrivesWholeAndInOrder() async throws {
        let total = 8 * 1024 * 1024
        let (left, right) = socketPair()
        async let received = withLoop { guest in
            try await Self.readAll(right, on: guest.loop)
        }
        try await withLoop { guest in
            try await Self.write(total, to: left, on: guest.loop)
        }
        let (count, isOrdered) = try await received
        #expect(count == total)
        #expect(isOrdered)
    }

    private static func write(_ total: Int, to fd: Int32, on loop: EventLoop) async throws {
        let waiter = Waiter(on: loop)
        let channel = try Channel(adopting: fd, on: loop)
        channel.waiter = waiter
        let stream = ByteStream(channel)
        defer {
            stream.close()
            waiter.retire()
        }
        var sent = 0
        while sent < total {
            let buffer = loop.buffers.take(.medium)
            while buffer.count < BufferPool.Size.medium.payload {
                buffer.append(UInt8(truncatingIfNeeded: (sent + buffer.count) / 7))
            }
            sent += buffer.count
            try await stream.write(buffer, stall: patience)
            loop.buffers.give(buffer)
        }
    }

    private static func readAll(_ fd: Int32, on loop: EventLoop) async throws -> (Int, Bool) {
        let waiter = Waiter(on: loop)
        let channel = try Channel(adopting: fd, on: loop)
        channel.waiter = waiter
        let stream = ByteStream(channel)
        defer {
            stream.close()
            waiter.retire()
        }
        var count = 0
        var isOrdered = true
        let buffer = loop.buffers.take(.large)
        while true {
            let read = try await stream.read(into: buffer, by: patience.deadline(from: loop.now))
            if read == 0 { return (count, isOrdered) }
            for index in 0..<read {
                let expected = UInt8(truncatingIfNeeded: (count + index) / 7)
                if buffer.bytes[index] != expected { isOrdered = false }
            }
            count += read
            buffer.clear()
        }
    }

    @Test func aReadGivesUpAtItsDeadlineAndNamesIt() async throws {
        let (left, right) = socketPair()
        defer { close(right) }
        let failure = try await withLoop { guest -> StreamError? in
            let waiter = Waiter(on: guest.loop)
            let channel = try Channel(adopting: left, on: guest.loop)
            channel.waiter = waiter
            let stream = ByteStream(channel)
            defer {
                stream.abandon()
                waiter.retire()
            }
            let buffer = guest.loop.buffers.take(.small)
            let deadline = Timeout(.idle, nanoseconds: 1_000_000).deadline(from: guest.loop.now)
            do throws(StreamError) {
                _ = try await stream.read(into: buffer, by: deadline)
                return nil
            } catch {
                return error
            }
        }
        #expect(failure == .timedOut(.idle))
    }

    /// The number of a closed descriptor is given to the next one at once.
    @Test func anEventForAClosedDescriptorDoesNotReachItsSuccessor() async throws {
        let isQuiet = try await withLoop { guest in
            let (first, peer) = socketPair()
            let closed = try Channel(adopting: first, on: guest.loop)
            // An event for `first` is pending when its number goes to another socket.
            var byte: UInt8 = 1
            _ = unsafe Glibc.write(peer, &byte, 1)
            closed.close()
            let (second, other) = socketPair()
            defer {
                close(peer)
                close(other)
            }
            let channel = try Channel(adopting: second, on: guest.loop, isConnected: false)
            defer { channel.close() }
            await Task.yield()
            return !channel.isReadable
        }
        #expect(isQuiet)
    }
}
