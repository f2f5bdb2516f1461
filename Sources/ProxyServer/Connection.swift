import AccessControl
import Authentication
import Bytes
import HTTPWire
import Logbook
import NetIO
import NetTLS
import RegistryAPI

/// One accepted downstream connection: TLS, then exchanges one after another until it closes.
final class Connection {
    let services: LoopServices
    let stream: ByteStream
    let reader: MessageReader
    let waiter: Waiter
    /// The number of the listener that it came to.
    let listener: Int
    /// The other end, or the client that the PROXY protocol names instead.
    private(set) var peer: ClientAddress
    /// The last client that another proxy in front has named.
    private var forwarded: ClientAddress?
    let tls: TLSRecordLayer?
    /// What certificates of clients were accepted when the connection was made; `nil`: none was
    /// asked for.
    private let clientPolicy: ByteString?
    /// Who the client's certificate says it is, once that was looked up.
    private var certified: (name: TLSRecordLayer.ClientName, identity: Identity?)?
    /// The host of the handshake; `nil` if the client named none there: then any will do.
    private var serverName: ByteString?
    /// The last other host that the certificate was found to name.
    private var otherHost: ByteString?
    /// Whether what came was not the PROXY header that had to come.
    private var hasBadProxyHeader = false
    /// Whether no request is being answered.
    private(set) var isIdle = true
    /// Whether a request may still come.
    private var isOpen = true

    init(
        _ channel: Channel,
        from peer: SocketAddress,
        on listener: Int = 0,
        tls: TLSRecordLayer?,
        clientPolicy: ByteString? = nil,
        services: LoopServices
    ) {
        self.services = services
        self.listener = listener
        self.peer = ClientAddress(peer.ip)
        self.tls = tls
        self.clientPolicy = clientPolicy
        stream = ByteStream(channel, recordLayer: tls)
        reader = MessageReader(stream)
        waiter = Waiter(on: services.loop)
        channel.waiter = waiter
    }

    /// While no exchange runs: what is in force.
    private var timeouts: ServerSettings.Timeouts { services.generation.settings.timeouts }

    /// Carries the connection to its end and closes it.
    ///
    /// A task keeps the memory that its depth has once needed. So the work is done in tasks of its
    /// own, and this one waits for the next request in little: an idle connection costs its TLS
    /// session and not much more.
    func run() async {
        services.add(self)
        await services.loop.apart { self.isOpen = await self.open() }
        while isOpen, await awaitRequest(by: timeouts.idle.deadline(from: services.loop.now)) {
            await services.loop.apart { await self.answerUntilLull() }
        }
        if isOpen { stream.close() }
        reader.close()
        services.remove(self)
        waiter.retire()
    }

    /// - Returns: false if no request can come: then the connection has been closed.
    private func open() async -> Bool {
        do throws(StreamError) {
            let deadline = timeouts.tlsHandshake.deadline(from: services.loop.now)
            try await learnPeer(by: deadline)
            try await shakeHands(by: deadline)
            serverName = tls?.serverName.map { ByteString($0.lowercased()) }
            return true
        } catch {
            note(error)
            if error == .notTLS { await refusePlainHTTP() }
            stream.abandon()
            return false
        }
    }

    /// Whether requests for `host` belong on this connection: it was named in the handshake, or the
    /// certificate names it as well.
    func answers(for host: Span<UInt8>) -> Bool {
        guard let serverName, let tls else { return true }
        if host.equalsIgnoringCase(lowered: serverName.span) { return true }
        if let otherHost, host.equalsIgnoringCase(lowered: otherHost.span) { return true }
        let other = ByteString(lowercasing: host)
        guard tls.certificateNames(other.description) else { return false }
        otherHost = other
        return true
    }

    /// Whether the certificate was asked for its user before.
    func isCertified(by name: TLSRecordLayer.ClientName) -> Bool { certified?.name == name }

    /// Who the client's certificate says it is; `nil` if it says nothing that can be a user.
    func certifiedIdentity(by name: TLSRecordLayer.ClientName) -> Identity? {
        guard clientPolicy != nil, let tls else { return nil }
        if let certified, certified.name == name { return certified.identity }
        let identity = tls.clientName(name).flatMap { Identity(certifiedAs: $0) }
        certified = (name, identity)
        if identity != nil { services.metrics.certificateLogin() }
        return identity
    }

    /// Whether the client has shown a certificate, and others are accepted by now than were then.
    var hasOutdatedCertificate: Bool {
        guard let clientPolicy, let tls, tls.hasClientCertificate else { return false }
        return services.generation.certificates[listener]?.clientPolicy != clientPolicy
    }

    /// Reads the PROXY header, if this peer has to send one.
    private func learnPeer(by deadline: Deadline) async throws(StreamError) {
        let settings = services.generation.settings
        guard settings.listeners.indices.contains(listener),
            settings.listeners[listener].expectsProxyHeader, let ip = peer.ip,
            settings.listeners[listener].trustedProxies.contains(ip)
        else { return }
        switch try await stream.readProxyHeader(by: deadline) {
        case .client(let client, _): peer = ClientAddress(client)
        case .unknown: break
        case nil:
            hasBadProxyHeader = true
            throw .ended
        }
    }

    /// Counts a connection that has ended before a request could be read.
    private func note(_ error: StreamError) {
        switch error {
        case .ended where hasBadProxyHeader: services.metrics.connectionFailed(.proxyHeader)
        case .ended, .system: services.metrics.connectionFailed(.closed)
        case .notTLS: services.metrics.connectionFailed(.notTLS)
        case .tls: services.metrics.connectionFailed(.tls)
        case .timedOut: services.metrics.connectionFailed(.timeout)
        case .cancelled: break
        }
    }

    /// The client that a trusted proxy has named in a request.
    func clientAddress(_ ip: IPAddress) -> ClientAddress {
        if ip == peer.ip { return peer }
        if let forwarded, forwarded.ip == ip { return forwarded }
        let new = ClientAddress(ip)
        forwarded = new
        return new
    }

    /// Ends whatever waits here.
    func cancel() { waiter.cancel() }

    /// How an exchange has left the connection.
    enum End {
        /// Ready for the next request.
        case keep
        /// The answer is complete; nothing more will be read.
        case close
        /// The answer is complete, but the client may still be sending: the rest is read and
        /// dropped for a while, since closing at once could take the answer from it (RFC 9112
        /// section 9.6).
        case linger(byteCount: Int, Timeout)
        /// The answer is not complete, and must not look as if it were.
        case abandon
    }

    /// Answers one request after another until the client says nothing for a moment, or the
    /// connection has ended.
    private func answerUntilLull() async {
        let exchange = Exchange(on: self)
        repeat {
            let end = await exchange.run()
            isOpen = await closeUnlessKept(end, exchange)
            guard isOpen else { return }
            // A client that sends requests without end has no more than its turn.
            if stream.mayHaveInput || reader.hasUnread { await Task.yield() }
        } while await awaitRequest(by: Self.lull.deadline(from: services.loop.now))
    }

    /// - Returns: whether there may be a further request; if not, the connection is closed.
    private func closeUnlessKept(_ end: End, _ exchange: Exchange) async -> Bool {
        switch end {
        case .keep:
            guard hasOutdatedCertificate else { return true }
            stream.close()
        case .close: stream.close()
        case .linger(let byteCount, let timeout):
            await linger(byteCount: byteCount, timeout)
            stream.abandon()
        case .abandon:
            if exchange.answerEndsWithConnection { stream.channel.resetOnClose() }
            stream.abandon()
        }
        return false
    }

    /// Waits for the first byte of a request; from then on the connection is not idle.
    /// - Returns: false if the client ended the connection, was silent for too long, or is not
    ///   wanted.
    private func awaitRequest(by deadline: Deadline) async -> Bool {
        isIdle = true
        if waiter.isCancelled { return false }
        do throws(StreamError) {
            if services.closesIdle, !reader.hasUnread { return false }
            isIdle = try await !reader.awaitMessage(by: deadline)
        } catch {
            return false
        }
        return !isIdle
    }

    private func linger(byteCount: Int, _ timeout: Timeout) async {
        stream.finish()
        let deadline = timeout.deadline(from: services.loop.now)
        let scrap = services.loop.buffers.take(.small)
        defer { services.loop.buffers.give(scrap) }
        var left = byteCount
        do throws(StreamError) {
            while left > 0 {
                let count = try await stream.read(into: scrap, atMost: left, by: deadline)
                if count == 0 { return }
                left -= count
                scrap.clear()
            }
        } catch {
            return
        }
    }

    /// A client that speaks HTTP to a TLS port shows its user what it gets back: docker does so for
    /// every failure on a loopback address.
    private func refusePlainHTTP() async {
        let plain = ByteStream(stream.channel)
        let answer = services.loop.buffers.take(.small)
        defer { services.loop.buffers.give(answer) }
        let body = Refusal(400, .badRequest, "this port speaks HTTPS").body
        let record = recordOfPlainHTTP(bytesOut: body.count)
        answer.append("HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n")
        answer.append("Docker-Distribution-Api-Version: registry/2.0\r\nX-Request-Id: ")
        record.id.append(to: answer)
        answer.append("\r\nDate: ")
        services.date.append(.now, to: answer)
        answer.append("\r\nContent-Length: ")
        answer.append(decimal: body.count)
        answer.append("\r\nConnection: close\r\n\r\n")
        answer.append(body)
        _ = try? plain.tryWrite(answer)
        services.log.append(record, head: Span())
        plain.finish()
        let deadline = Self.malformedLinger.deadline(from: services.loop.now)
        _ = try? await plain.read(into: answer, by: deadline)
    }

    /// The request itself is lost in the TLS library: only that there was one can be said.
    private func recordOfPlainHTTP(bytesOut: Int) -> AccessRecord {
        let now = WallTime.now
        var record = AccessRecord(time: now, id: services.requestIDs.next(at: now))
        record.client = peer.text
        record.operation = .unknown
        record.status = 400
        record.outcome = .refused
        record.bytesIn = 0
        record.bytesOut = bytesOut
        record.duration = 0
        return record
    }

    /// How long the next request is waited for in the task of the last one.
    static let lull = Timeout(.idle, nanoseconds: 100_000_000)

    /// How long and how much is read after a request whose end cannot be known.
    static let malformedLinger = Timeout(.linger, seconds: 1)
    static let malformedLingerByteCount = 64 * 1024
}
