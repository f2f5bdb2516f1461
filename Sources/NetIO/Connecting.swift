import CLinux
import Glibc

extension Channel {
    /// Connects to the first of `addresses` that takes the connection.
    ///
    /// - Parameter waiter: of the calling task; events wake it from now on.
    /// - Throws: what the last address answered, or that `deadline` has passed for all of them.
    public static func connect(
        to addresses: [SocketAddress],
        on loop: EventLoop,
        waiter: Waiter,
        by deadline: Deadline
    ) async throws(StreamError) -> Channel {
        var failure = StreamError.system(SystemError(call: "connect", code: EHOSTUNREACH))
        for address in addresses {
            do throws(StreamError) {
                return try await connect(to: address, on: loop, waiter: waiter, by: deadline)
            } catch {
                guard case .system = error else { throw error }
                failure = error
            }
        }
        throw failure
    }

    private static func connect(
        to address: SocketAddress,
        on loop: EventLoop,
        waiter: Waiter,
        by deadline: Deadline
    ) async throws(StreamError) -> Channel {
        let channel: Channel
        do {
            let fd = try SystemCalls.connect(to: address)
            channel = try Channel(adopting: fd, on: loop, isConnected: false)
        } catch {
            throw .system(error)
        }
        channel.waiter = waiter
        do throws(StreamError) {
            while !channel.isWritable {
                if waiter.isCancelled { throw .cancelled }
                if loop.now >= deadline.instant { throw .timedOut(deadline.name) }
                await waiter.wait(until: deadline.instant)
            }
            if let error = channel.takeError() { throw .system(error) }
        } catch {
            channel.close()
            throw error
        }
        return channel
    }
}
