import AccessControl
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI

/// Which answer a request gets, and the answers that the proxy gives itself.
extension Exchange {
    func answer(
        _ verdict: consuming Verdict,
        to identity: Identity
    ) async throws(Interruption) {
        switch consume verdict {
        case .permitted(let permit):
            try requireScope(of: permit.operation)
            try await answer(permit, to: identity)
        case .push(let push):
            try requireScope(of: push.operation)
            try await forward(push, for: identity)
        case .deletion(let deletion):
            try requireScope(of: deletion.operation)
            try await delete(deletion, for: identity)
        case .denied(let denial):
            guard isBaseWithAnonymousToken else { throw refuse(denial, identity) }
            try await answer(OwnAnswer(200, body: "{}"))
        }
    }

    private func answer(
        _ permit: consuming Permit,
        to identity: Identity
    ) async throws(Interruption) {
        noteAllowed(by: permit)
        switch permit.operation {
        case .base:
            try await answer(OwnAnswer(200, body: "{}"))
        case .health:
            try await answer(OwnAnswer(200, body: ""))
        case .options(let allow):
            var answer = OwnAnswer(204, body: "")
            answer.allow = allow
            try await self.answer(answer)
        case .ping:
            var answer = OwnAnswer(200, body: "{\"standalone\":true}")
            answer.isPing = true
            try await self.answer(answer)
        case .catalog(let page, let cursor):
            let reader = CatalogReader(identity, permit)
            try await answerCatalog(page, cursor: cursor, for: reader)
        case .search(let term):
            try await answerSearch(term, for: CatalogReader(identity, permit))
        case .tags(let repository, let page):
            try await answerTags(of: repository, page, permit: permit)
        case .manifest(.delete, let repository, _, _), .blob(.delete, let repository, _):
            try await delete(permit, in: repository)
        case .referrers, .manifest, .blob, .uploadStart, .uploadMount, .upload:
            try await forward(permit)
        }
    }

    /// Turns whatever ended the exchange early into an answer, if one can still be given.
    func recover(from interruption: Interruption) async -> Connection.End {
        releaseUpstream(isClean: false)
        record.outcome = interruption.outcome
        if case .upstream(let failure) = interruption { note(failure) }
        guard let refusal = interruption.refusal, !hasAnswered else { return .abandon }
        noteRefusedLogin(refusal)
        // A body that is malformed is refused as a head would be: the client gets its answer.
        if case .downstream(.malformed) = interruption { record.outcome = .refused }
        do throws(Interruption) {
            try await answer(OwnAnswer(refusing: refusal, challenge: challenge(for: refusal)))
        } catch {
            record.outcome = error.outcome
            return .abandon
        }
        if refusal.closes {
            return .linger(
                byteCount: Connection.malformedLingerByteCount,
                Connection.malformedLinger
            )
        }
        return await finishRequestBody()
    }

    /// Tells the operator what the registry has done.
    private func note(_ failure: ReadFailure) {
        if let rule = failure.brokenRule {
            services.shared.upstreamFaults.note(.malformed, rule, at: now)
        } else if case .stream(.timedOut(.stall)) = failure {
            let reason = "too few bytes moved within timeouts.stall"
            services.shared.upstreamFaults.note(.slow, reason, at: now)
        }
    }

    /// Sends an answer of our own; a short one with one write.
    func answer(_ answer: OwnAnswer) async throws(Interruption) {
        promisesToKeep = !answer.closes && mayKeepConnection
        let out = loop.buffers.take(
            holding: min(answer.body.count + 8192, BufferPool.Size.medium.payload))
        defer { loop.buffers.give(out) }
        out.append(status: answer.status, reason: Span())
        answer.appendFields(to: out)
        appendCommonFields(to: out)
        if answer.status == 204, let methods = answer.allow {
            appendPreflightFields(allowing: methods, to: out)
        }
        if answer.status != 204 {
            out.append("Content-Length: ")
            out.append(decimal: answer.body.count)
            out.append("\r\n")
        }
        out.append("\r\n")
        noteAnswer(answer.status)
        try await send(head.method == .head ? "" : answer.body, behind: out)
    }

    /// Through one small buffer: a client may take its time for a long list.
    ///
    /// - Parameter out: holds the head.
    private func send(_ body: ByteString, behind out: Buffer) async throws(Interruption) {
        var watch = transferWatch
        var sent = 0
        repeat {
            let end = min(body.count, sent + out.room)
            out.append(body.span.extracting(sent..<end))
            try await writeDownstream(out, &watch)
            services.metrics.count(bytes: end - sent, .sent)
            sent = end
            record.bytesOut = sent
            out.clear()
        } while sent < body.count
    }

    /// The fields of every answer, whoever made it.
    ///
    /// - Parameter isDated: whether the registry has said when it made the answer. If not, the
    ///   proxy does (RFC 9110 section 6.6.1).
    func appendCommonFields(to out: Buffer, isDated: Bool = false) {
        if !isDated {
            out.append("Date: ")
            services.date.append(.now, to: out)
            out.append("\r\n")
        }
        out.append("Docker-Distribution-Api-Version: registry/2.0\r\nX-Request-Id: ")
        record.id.append(to: out, unless: record.givenID)
        out.append("\r\n")
        appendCORSFields(to: out)
        if !promisesToKeep {
            out.append("Connection: close\r\n")
        } else if head.minorVersion == 0 {
            out.append("Connection: keep-alive\r\n")
        }
    }

    /// A final answer begins to leave.
    func noteAnswer(_ status: Int) {
        hasAnswered = true
        record.status = status
        record.bytesOut = 0
        record.firstByte = Instant.now.nanoseconds(since: begun)
    }

    /// Whether the connection can carry another request after this one.
    var mayKeepConnection: Bool {
        guard head.keepsAlive, !services.isDraining else { return false }
        if reader.isBodyComplete { return true }
        // A client that waits to be told to go on may do so or not: what it sends next is unclear.
        if head.expectsContinue, !toldToContinue { return false }
        return (reader.remainingPayload ?? 0) <= settings.limits.lingerBytes
    }

    /// Reads and drops what is left of the request's body, so that the client, which may still be
    /// sending, gets the answer and the connection can go on.
    func finishRequestBody() async -> Connection.End {
        guard promisesToKeep else { return reader.isBodyComplete ? .close : lingering }
        if reader.isBodyComplete { return .keep }
        let limit = settings.limits.lingerBytes
        let deadline = timeouts.linger.deadline(from: now)
        let scrap = loop.buffers.take(.medium)
        defer { loop.buffers.give(scrap) }
        var dropped = 0
        var turns = Turns()
        do {
            while !reader.isBodyComplete, dropped <= limit {
                let piece = BufferPool.Size.medium.payload
                if try reader.tryReadPayload(into: scrap, atMost: piece) == .wouldBlock {
                    try await downstream.pause(until: deadline)
                }
                dropped += scrap.count
                await turns.take()
                scrap.clear()
            }
        } catch {
            // The answer is complete all the same.
            return .close
        }
        return reader.isBodyComplete ? .keep : .close
    }

    private var lingering: Connection.End {
        .linger(byteCount: settings.limits.lingerBytes, timeouts.linger)
    }
}

/// An answer that does not come from the registry.
struct OwnAnswer {
    let status: Int
    let body: ByteString
    var allow: StaticString?
    var challenge: Challenge?
    var retryAfter: Int?
    var link: ByteString?
    /// To `docker search`, which would not send a login otherwise.
    var isPing = false
    /// No cache may keep it.
    var isSecret = false
    var closes = false

    /// - Parameter body: JSON, or nothing.
    init(_ status: Int, body: ByteString) {
        self.status = status
        self.body = body
    }

    init(refusing refusal: Refusal, challenge: Challenge) {
        self.init(refusal.status, body: refusal.body)
        allow = refusal.allow
        retryAfter = refusal.retryAfter
        closes = refusal.closes
        self.challenge = refusal.challenges ? challenge : nil
    }

    /// - Precondition: 7 KiB of room.
    func appendFields(to out: Buffer) {
        if !body.isEmpty { out.append("Content-Type: application/json\r\n") }
        if let allow {
            out.append("Allow: ")
            out.append(allow)
            out.append("\r\n")
        }
        if let challenge {
            out.append("WWW-Authenticate: ")
            out.append(challenge.bytes)
            out.append("\r\n")
        }
        if let retryAfter {
            out.append("Retry-After: ")
            out.append(decimal: retryAfter)
            out.append("\r\n")
        }
        if isSecret { out.append("Cache-Control: no-store\r\n") }
        if isPing { out.append("X-Docker-Registry-Standalone: true\r\n") }
        if let link {
            out.append("Link: ")
            out.append(link)
            out.append("\r\n")
        }
    }
}

extension Refusal {
    var body: ByteString { ErrorBody(code: code, message: message, resource: resource).bytes }
}

extension Interruption {
    /// What to tell the client, if nothing was told yet; `nil` if there is nobody to tell.
    fileprivate var refusal: Refusal? {
        switch self {
        case .refused(let refusal): refusal
        case .upstream(.stream(.timedOut(let name))):
            .late(504, "the registry did not answer in time", name)
        case .upstream(.stream(.cancelled)), .downstream(.stream(.cancelled)):
            .unavailable("the proxy is shutting down", retryAfter: 5)
        case .upstream(.malformed): .badGateway("the registry's answer is no valid HTTP/1.1")
        case .upstream: .badGateway("the registry cannot be reached or broke off")
        case .downstream(.malformed(let broken)): .malformed(broken)
        case .downstream(.stream(.timedOut(let name))):
            .late(408, "the request's body did not come in time", name)
        case .downstream: nil
        }
    }
}
