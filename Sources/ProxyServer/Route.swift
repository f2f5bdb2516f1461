import Bytes
import Glibc
import NetIO
import NetTLS

/// How to reach one server: where it is, and whom to trust if it speaks TLS.
struct Route {
    let addresses: HostAddresses
    /// `nil`: in the clear. There is no way from one to the other.
    let security: Security?
    /// For everything up to the end of the TLS handshake.
    let timeout: Timeout

    struct Security {
        let context: TLSClientContext
        /// What the certificate must name: a DNS name, or a literal address without brackets.
        let host: String
        let isAddress: Bool

        init(_ context: TLSClientContext, for host: String) {
            self.context = context
            self.host = host
            isAddress = IPAddress(parsing: Array(host.utf8).span) != nil
        }
    }

    /// How often it is asked whether a name has been looked up.
    private static let lookupInterval: Int64 = 20_000_000

    /// A new connection, ready for the first byte of a request. Events wake `waiter` from now on.
    func connect(on loop: EventLoop, for waiter: Waiter) async throws(StreamError) -> ByteStream {
        let deadline = timeout.deadline(from: loop.now)
        let found = try await resolve(on: loop, for: waiter, by: deadline)
        return try await connect(to: found, on: loop, for: waiter, by: deadline)
    }

    /// The same to those of the server's addresses that were looked at.
    func connect(
        to found: [SocketAddress],
        on loop: EventLoop,
        for waiter: Waiter,
        by deadline: Deadline
    ) async throws(StreamError) -> ByteStream {
        let channel = try await Channel.connect(to: found, on: loop, waiter: waiter, by: deadline)
        guard let security else { return ByteStream(channel) }
        let layer = TLSRecordLayer(
            connecting: channel,
            to: security.host,
            isAddress: security.isAddress,
            with: security.context
        )
        guard let layer else {
            channel.close()
            throw .tls("no memory")
        }
        let stream = ByteStream(channel, recordLayer: layer)
        do throws(StreamError) {
            try await stream.handshake(by: deadline)
        } catch {
            stream.abandon()
            throw error
        }
        return stream
    }

    /// The server's addresses; waits for the first lookup of its name.
    func resolve(
        on loop: EventLoop,
        for waiter: Waiter,
        by deadline: Deadline
    ) async throws(StreamError) -> [SocketAddress] {
        while true {
            switch addresses.answer(at: loop.now) {
            case .known(let found): return found
            case .unknown: throw .system(SystemError(call: "getaddrinfo", code: EHOSTUNREACH))
            case .pending: break
            }
            if waiter.isCancelled { throw .cancelled }
            if loop.now >= deadline.instant { throw .timedOut(deadline.name) }
            await waiter.wait(until: loop.now.advanced(by: Self.lookupInterval))
        }
    }
}

extension Generation {
    /// The way to the registry.
    var route: Route { settings.route(to: upstreamAddresses) }
}

extension ServerSettings {
    /// The way to the registry, whose addresses are kept elsewhere.
    func route(to addresses: HostAddresses) -> Route {
        var security: Route.Security?
        if case .host(let name, _) = upstream.place, let tls = upstream.tls {
            security = Route.Security(tls, for: name)
        }
        return Route(
            addresses: addresses,
            security: security,
            timeout: timeouts.upstreamConnect
        )
    }
}
