import AccessControl
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI

/// The way to the registry and back.
extension Exchange {
    /// Carries out `permit`: request up, body up, answer down, each streamed.
    func forward(_ permit: consuming Permit) async throws(Interruption) {
        let operation = permit.operation
        let commits = operation.isCommit
        let timeout = commits ? timeouts.upstreamCommit : timeouts.upstreamResponse
        let method = operation.upstreamMethod ?? head.method
        try await withFreshRetry(of: method) { () throws(Interruption) in
            try await sendHead(of: operation, method: method, framing: head.framing)
            if !reader.isBodyComplete { try await relayRequestBody() }
            try await readResponseHead(answering: method, timeout)
        }
        try refuseUnknownReferrers(operation)
        try await relayResponse(answering: method)
    }

    /// A registry without the referrers API says so in plain text. Clients fall back to the tag
    /// schema on a JSON 404 whose code is not `NAME_UNKNOWN` (`access.md`).
    private func refuseUnknownReferrers(_ operation: RegistryOperation) throws(Interruption) {
        guard case .referrers = operation, response.status == 404, !answersInJSON else { return }
        throw .refused(Refusal(404, .manifestUnknown, "this registry lists no referrers"))
    }

    private var answersInJSON: Bool {
        guard let bytes = upstream?.responseBytes, let type = response.fields.first(.contentType)
        else { return false }
        return bytes.bytes.extracting(type).starts(withIgnoringCase: "application/json")
    }

    /// Runs `attempt` on an upstream connection. If the connection had been used before and the
    /// registry closed it without a word, a request that changes nothing is tried once more on a
    /// new one (rule R11); any other failure stands.
    func withFreshRetry(
        of method: Method,
        _ attempt: () async throws(Interruption) -> Void
    ) async throws(Interruption) {
        let isSafe = method == .get || method == .head
        if let idle = services.upstreams.takeIdle(for: connection.waiter, peeking: !isSafe) {
            use(idle)
            do throws(Interruption) {
                return try await attempt()
            } catch {
                guard isSafe, error.isSilentClose, !idle.reader.hasUnread else { throw error }
                releaseUpstream(isClean: false)
            }
        }
        do throws(StreamError) {
            use(try await services.upstreams.connect(for: connection.waiter))
        } catch {
            throw .refused(.unreachable(error))
        }
        try await attempt()
    }

    private func use(_ connection: UpstreamConnection) {
        upstream = connection
        connection.reader.beginBody(.none)
    }

    /// The connection in use. It is an error of ours to ask before there is one.
    var activeUpstream: UpstreamConnection {
        guard let upstream else { preconditionFailure("no upstream connection") }
        return upstream
    }

    func releaseUpstream(isClean: Bool) {
        guard let upstream else { return }
        self.upstream = nil
        if isClean {
            services.upstreams.giveBack(upstream)
        } else {
            services.upstreams.discard(upstream)
        }
    }

    /// Sends the request's head, written anew.
    func sendHead(
        of operation: RegistryOperation,
        method: Method,
        framing: BodyFraming
    ) async throws(Interruption) {
        let out = loop.buffers.take(
            holding: RegistryOperation.longestUpstreamTarget + head.byteCount + 2048
        )
        defer { loop.buffers.give(out) }
        upstreamBegun = now
        out.append(method.name)
        out.append(UInt8(ascii: " "))
        operation.appendUpstreamTarget(to: out)
        out.append(" HTTP/1.1\r\n")
        appendForwardedFields(to: out, of: operation)
        out.append(framing: framing)
        out.append("\r\n")
        try await writeUpstream(out)
    }

    func writeUpstream(_ bytes: Buffer) async throws(Interruption) {
        do throws(StreamError) {
            try await activeUpstream.stream.write(bytes, stall: timeouts.stall)
        } catch {
            throw .upstream(.stream(error))
        }
    }

    /// Reads the final answer's head; interim ones are the proxy's own business and end here.
    func readResponseHead(
        answering method: Method,
        _ timeout: Timeout
    ) async throws(Interruption) {
        let deadline = timeout.deadline(from: now)
        let limits = LoopServices.answerLimits
        for _ in 0..<Self.interimLimit {
            response.reset()
            let bytes = try await awaitResponseHead(by: deadline) { bytes throws(WireError) in
                try response.parse(bytes, limits: limits, answering: method)
                    ? response.byteCount : nil
            }
            guard response.isInterim else {
                activeUpstream.keep(responseBytes: bytes)
                record.upstream = upstreamBegun.map { Instant.now.nanoseconds(since: $0) }
                return
            }
            loop.buffers.give(bytes)
        }
        throw .refused(.badGateway("the registry sends too many interim answers"))
    }

    static let interimLimit = 8

    /// Waits for the head, and gives up when the client does.
    private func awaitResponseHead(
        by deadline: Deadline,
        parse: (Span<UInt8>) throws(WireError) -> Int?
    ) async throws(Interruption) -> Buffer {
        let reader = activeUpstream.reader
        while true {
            let attempt: MessageReader.HeadAttempt
            do throws(ReadFailure) {
                attempt = try reader.tryReadHead(parse: parse)
            } catch {
                throw .upstream(error)
            }
            switch attempt {
            case .head(let bytes): return bytes
            case .ended: throw .upstream(.stream(.ended))
            case .needMore: try await pauseForUpstream(until: deadline)
            }
        }
    }

    /// Waits for an event of either side, on account of the registry.
    func pauseForUpstream(until deadline: Deadline) async throws(Interruption) {
        if downstream.isAbandonedByPeer { throw .downstream(.stream(.ended)) }
        do throws(StreamError) {
            try await downstream.pause(until: deadline)
        } catch {
            throw .upstream(.stream(error))
        }
        if downstream.isAbandonedByPeer { throw .downstream(.stream(.ended)) }
    }

    /// Waits for an event of either side, on account of the client.
    func pauseForDownstream(until deadline: Deadline) async throws(Interruption) {
        do throws(StreamError) {
            try await downstream.pause(until: deadline)
        } catch {
            throw .downstream(.stream(error))
        }
    }
}

extension Interruption {
    /// The registry closed a connection that had been idle: our request crossed its goodbye.
    fileprivate var isSilentClose: Bool {
        switch self {
        case .upstream(.stream(.ended)), .upstream(.stream(.system)): true
        case .upstream, .downstream, .refused: false
        }
    }
}

extension Refusal {
    /// No connection to the registry could be made.
    static func unreachable(_ error: StreamError) -> Refusal {
        switch error {
        case .timedOut(let name): .late(502, "the registry cannot be reached", name)
        case .cancelled: .unavailable("the proxy is shutting down", retryAfter: 5)
        case .system, .tls, .notTLS, .ended: .badGateway("the registry cannot be reached")
        }
    }
}

extension RegistryOperation {
    /// Whether the registry may have to copy or check much before it answers.
    var isCommit: Bool {
        switch self {
        case .manifest(.put, _, _, _), .uploadMount, .upload(.put, _, _, _): true
        case .uploadStart(_, let digest, _): digest != nil
        case .base, .health, .options, .catalog, .tags, .referrers, .manifest, .blob, .upload: false
        }
    }

    /// Whether its body is opaque bytes for a blob, whatever the client calls them.
    var carriesBlob: Bool {
        switch self {
        case .uploadStart, .uploadMount, .upload: true
        case .base, .health, .options, .catalog, .tags, .referrers, .manifest, .blob: false
        }
    }
}
