import Bytes
import HTTPWire
import NetIO
import RegistryAPI

/// What the registry says to a question of the proxy's own.
struct RegistryAnswer {
    let status: Int
    /// `Docker-Content-Digest`.
    let digest: ByteString?
    let hasNextPage: Bool
    /// Empty if it is not whole.
    let body: CountedBytes
    /// Whether the body was not longer than was asked for.
    let isWhole: Bool
}

/// Requests that the proxy makes on its own account, within an exchange.
extension Exchange {
    /// Asks and reads the whole answer.
    ///
    /// - Parameters:
    ///   - accept: the value of `Accept`; `nil` for none.
    ///   - limit: the longest body that is read.
    ///   - deadline: of all of it, beside the usual time-outs.
    ///   - cutsOff: whether an answer with a longer body is one that is not whole; else it is an
    ///     error of the registry's.
    func ask(
        _ method: Method,
        _ operation: RegistryOperation,
        accept: ByteString?,
        bodyLimit limit: Int,
        until deadline: Deadline? = nil,
        cutsOff: Bool = false
    ) async throws(Interruption) -> RegistryAnswer {
        try await putQuestion(method, operation, accept: accept, until: deadline)
        return try await takeAnswer(bodyLimit: limit, until: deadline, cutsOff: cutsOff)
    }

    /// Asks and reads the head of the answer, which `takeAnswer` or `relayResponse` takes up.
    func putQuestion(
        _ method: Method,
        _ operation: RegistryOperation,
        accept: ByteString?,
        until deadline: Deadline? = nil
    ) async throws(Interruption) {
        try await withFreshRetry(of: method) { () throws(Interruption) in
            try await sendQuestion(method, operation, accept: accept)
            let usual = timeouts.upstreamResponse.deadline(from: now)
            try await readResponseHead(
                answering: method, until: deadline.map(usual.earlier(of:)) ?? usual)
        }
    }

    /// Reads the whole answer whose head is there. The parameters are those of `ask`.
    func takeAnswer(
        bodyLimit limit: Int,
        until deadline: Deadline? = nil,
        cutsOff: Bool = false
    ) async throws(Interruption) -> RegistryAnswer {
        let upstream = activeUpstream
        guard let head = upstream.takeResponseBytes() else { preconditionFailure("no answer") }
        defer { loop.buffers.give(head) }
        upstream.reader.beginBody(response.framing)
        let (body, isWhole) = try await readAnswerBody(limit: limit, until: deadline)
        guard isWhole || cutsOff else {
            throw .refused(.badGateway("the registry's answer is too long"))
        }
        let answer = RegistryAnswer(
            status: response.status,
            digest: response.contentDigest(in: head.bytes),
            hasNextPage: response.fields.contains(.link),
            body: body,
            isWhole: isWhole
        )
        let isClean = response.keepsAlive && hasSentRequest && !upstream.reader.hasUnread
        releaseUpstream(isClean: isClean && answer.isWhole)
        return answer
    }

    private func sendQuestion(
        _ method: Method,
        _ operation: RegistryOperation,
        accept: ByteString?
    ) async throws(Interruption) {
        let room = RegistryOperation.longestUpstreamTarget + head.byteCount + 4096
        let out = loop.buffers.take(holding: room)
        defer { loop.buffers.give(out) }
        upstreamBegun = upstreamBegun ?? now
        out.append(method.name)
        out.append(UInt8(ascii: " "))
        operation.appendUpstreamTarget(to: out)
        out.append(" HTTP/1.1\r\n")
        appendUpstreamHost(to: out)
        out.append("Accept-Encoding: identity\r\nUser-Agent: registry-proxy\r\n")
        if let accept { out.append(field: "Accept", accept.span) }
        if let headBytes { appendOrigin(to: out, from: headBytes.bytes) }
        out.append("\r\n")
        hasSentRequest = try await sendUpstream(out, answering: method)
    }

    /// - Returns: the body; nothing of one that is longer.
    private func readAnswerBody(
        limit: Int,
        until deadline: Deadline?
    ) async throws(Interruption) -> (CountedBytes, isWhole: Bool) {
        let reader = activeUpstream.reader
        let body = CountedBytes(in: services.shared.answerMemory)
        if reader.isBodyComplete { return (body, true) }
        let piece = loop.buffers.take(.medium)
        defer { loop.buffers.give(piece) }
        var watch = transferWatch
        while !reader.isBodyComplete {
            let attempt: MessageReader.PayloadAttempt
            do throws(ReadFailure) {
                attempt = try reader.tryReadPayload(
                    into: piece,
                    atMost: BufferPool.Size.medium.payload
                )
            } catch {
                throw .upstream(error)
            }
            guard body.append(piece) else { throw .refused(.tooManyLists) }
            piece.clear()
            if body.count > limit {
                body.removeAll()
                return (body, false)
            }
            if attempt == .wouldBlock {
                try await pause(for: .registry, &watch, until: deadline)
            }
        }
        return (body, true)
    }
}

extension Refusal {
    /// There is no memory left for another one.
    static let tooManyLists = unavailable("too many lists are being read", retryAfter: 1)
}

extension ResponseHead {
    /// The value of `Docker-Content-Digest`, unchecked.
    func contentDigest(in bytes: Span<UInt8>) -> ByteString? {
        for line in fields.lines where line.field == .docker {
            if bytes.extracting(line.name).equalsIgnoringCase("docker-content-digest") {
                return ByteString(copying: bytes.extracting(line.value))
            }
        }
        return nil
    }
}
