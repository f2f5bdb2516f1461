import AccessControl
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI

/// The way to the registry and back.
extension Exchange {
    /// Carries out `permit`: request up, body up, answer down, each streamed.
    ///
    /// - Parameter tags: those that go with what is deleted, and what they point to.
    func forward(
        _ permit: consuming Permit,
        removing tags: RemovedTags = RemovedTags()
    ) async throws(Interruption) {
        let operation = permit.operation
        try requireTrail(for: operation)
        let changes = changes(
            by: operation,
            isMountDowngraded: permit.isMountDowngraded,
            removing: tags
        )
        noteUploadGoesOn(operation)
        let puller = blobPuller(operation)
        defer { noteBlobEnd(puller) }
        let commits = operation.isCommit
        let timeout = commits ? timeouts.upstreamCommit : timeouts.upstreamResponse
        let method = operation.upstreamMethod ?? head.method
        // The body of a DELETE means nothing (RFC 9110 section 9.3.5) and is dropped after the
        // answer: whoever sends one slowly does not hold up others who wait for the repository.
        let framing = method == .delete ? BodyFraming.none : head.framing
        try await recording(changes) { () throws(Interruption) in
            try await withFreshRetry(of: method) { () throws(Interruption) in
                try await sendHead(of: operation, method: method, framing: framing)
                if hasSentRequest, framing.expectsBytes, !reader.isBodyComplete {
                    hasSentRequest = false
                    hasSentRequest = try await relayRequestBody(answering: method)
                }
                try await readResponseHead(answering: method, timeout)
            }
        }
        releaseLocks()
        try await settleRedirect(of: operation, answering: method)
        try await replaceMissing()
        noteChange(operation)
        beginPull(operation)
        defer { notePull() }
        try await relayResponse(answering: method)
    }

    /// Whoever has pushed something looks for it in the catalog, also if there was a reload
    /// meanwhile.
    func noteChange(_ operation: RegistryOperation) {
        guard response.status == 201, let repository = operation.repository else { return }
        services.currentGeneration().catalog.note(changeOf: repository)
    }

    /// Runs `attempt` on an upstream connection. If the connection had been used before and the
    /// registry closed it without a word, a request that changes nothing is tried once more on a
    /// new one (rule R11); any other failure stands.
    func withFreshRetry(
        of method: Method,
        _ attempt: () async throws(Interruption) -> Void
    ) async throws(Interruption) {
        let isSafe = method == .get || method == .head
        if let idle = upstreams.takeIdle(for: connection.waiter) {
            use(idle)
            do throws(Interruption) {
                return try await attempt()
            } catch {
                guard isSafe, error.isSilentClose, interimCount == 0, !idle.reader.hasUnread else {
                    throw error
                }
                releaseUpstream(isClean: false)
            }
        }
        do throws(StreamError) {
            use(try await upstreams.connect(for: connection.waiter))
        } catch {
            services.shared.upstreamFaults.note(.unreachable, error.reason, at: now)
            throw .refused(.unreachable(error))
        }
        try await attempt()
    }

    func use(_ connection: UpstreamConnection) {
        upstream = connection
        connection.reader.beginBody(.none)
        withResponse { $0.reset() }
        interimCount = 0
        hasSentRequest = false
    }

    /// The connection in use. It is an error of ours to ask before there is one.
    var activeUpstream: UpstreamConnection {
        guard let upstream else { preconditionFailure("no upstream connection") }
        return upstream
    }

    func releaseUpstream(isClean: Bool) {
        guard let upstream else { return }
        self.upstream = nil
        if upstream.isSingle {
            services.metrics.connectionClosed(.upstream)
            upstream.close()
        } else if isClean {
            upstreams.giveBack(upstream)
        } else {
            upstreams.discard(upstream)
        }
    }

    /// Sends the request's head, written anew.
    func sendHead(
        of operation: RegistryOperation,
        method: Method,
        framing: BodyFraming
    ) async throws(Interruption) {
        let out = loop.buffers.take(
            holding: RegistryOperation.longestUpstreamTarget + head.byteCount + 4096
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
        hasSentRequest = try await sendUpstream(out, answering: method)
    }

    /// Sends all of `bytes` to the registry, unless its answer comes first.
    /// - Returns: whether all was sent. If not, the connection must not be used again (rule R9).
    func sendUpstream(
        _ bytes: Buffer,
        answering method: Method
    ) async throws(Interruption) -> Bool {
        var watch = transferWatch
        return try await sendUpstream(bytes, answering: method, watch: &watch)
    }

    /// The same for a part of a body.
    func sendUpstream(
        _ bytes: Buffer,
        answering method: Method,
        watch: inout TransferWatch
    ) async throws(Interruption) -> Bool {
        let stream = activeUpstream.stream
        while true {
            do throws(StreamError) {
                if try stream.tryWrite(bytes) { return true }
            } catch {
                // It may have answered and closed: then the answer is still to be read.
                if try tryReadResponseHead(answering: method) { return false }
                throw .upstream(.stream(error))
            }
            if try tryReadResponseHead(answering: method) { return false }
            try await pause(for: .registry, &watch)
        }
    }

    /// Waits for the final answer's head, and gives up when the client does.
    func readResponseHead(
        answering method: Method,
        _ timeout: Timeout
    ) async throws(Interruption) {
        try await readResponseHead(answering: method, until: timeout.deadline(from: now))
    }

    func readResponseHead(
        answering method: Method,
        until deadline: Deadline
    ) async throws(Interruption) {
        while try !tryReadResponseHead(answering: method) {
            try await pauseForUpstream(until: deadline)
        }
    }

    /// Takes up the final answer's head, if it is there. Interim answers are the proxy's own
    /// business and end here; what they interrupt goes on.
    /// - Returns: whether the head is there, with its bytes kept by the connection.
    func tryReadResponseHead(answering method: Method) throws(Interruption) -> Bool {
        let upstream = activeUpstream
        if upstream.responseBytes != nil { return true }
        while upstream.mayHaveAnswer {
            switch try attemptResponseHead(upstream.reader, answering: method) {
            case .needMore: return false
            case .ended: throw .upstream(.stream(.ended))
            case .head(let bytes) where !response.isInterim:
                upstream.keep(responseBytes: bytes)
                try refuseChallenge()
                record.upstream = upstreamBegun.map { Instant.now.nanoseconds(since: $0) }
                return true
            case .head(let bytes):
                loop.buffers.give(bytes)
                withResponse { $0.reset() }
                interimCount += 1
                guard interimCount <= Self.interimLimit else {
                    throw .refused(.badGateway("the registry sends too many interim answers"))
                }
            }
        }
        return false
    }

    private static let interimLimit = 8

    /// What the registry wants to know is none of the client's business, and its challenge would
    /// send the client's password elsewhere.
    private func refuseChallenge() throws(Interruption) {
        guard response.status == 401 || response.status == 407 else { return }
        let reason = "it answered \(response.status)"
        services.shared.upstreamFaults.note(.refusesLogin, reason, at: now)
        throw .refused(.badGateway("the registry asks the proxy to log in"))
    }

    private func attemptResponseHead(
        _ reader: MessageReader,
        answering method: Method
    ) throws(Interruption) -> MessageReader.HeadAttempt {
        do throws(ReadFailure) {
            return try withResponse { response throws(ReadFailure) in
                try reader.tryReadHead { bytes throws(WireError) in
                    try response.parse(bytes, limits: LoopServices.answerLimits, answering: method)
                        ? response.byteCount : nil
                }
            }
        } catch {
            throw .upstream(error)
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
        case .base, .health, .options, .catalog, .ping, .search, .tags, .referrers, .manifest,
            .blob, .upload:
            false
        }
    }

    /// Whether its body is opaque bytes for a blob, whatever the client calls them.
    var carriesBlob: Bool {
        switch self {
        case .uploadStart, .uploadMount, .upload: true
        case .base, .health, .options, .catalog, .ping, .search, .tags, .referrers, .manifest,
            .blob:
            false
        }
    }
}
