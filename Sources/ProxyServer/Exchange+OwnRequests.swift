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
    let body: ByteString
    /// What the body takes of the memory for all such answers.
    let memory: MemoryShare
}

/// Requests that the proxy makes on its own account, within an exchange.
extension Exchange {
    /// Asks and reads the whole answer.
    ///
    /// - Parameters:
    ///   - accept: the value of `Accept`; `nil` for none.
    ///   - limit: the longest body that is read; a longer one is an error of the registry's.
    func ask(
        _ method: Method,
        _ operation: RegistryOperation,
        accept: ByteString?,
        bodyLimit limit: Int
    ) async throws(Interruption) -> RegistryAnswer {
        try await putQuestion(method, operation, accept: accept)
        return try await takeAnswer(bodyLimit: limit)
    }

    /// Asks and reads the head of the answer, which `takeAnswer` or `relayResponse` takes up.
    func putQuestion(
        _ method: Method,
        _ operation: RegistryOperation,
        accept: ByteString?
    ) async throws(Interruption) {
        try await withFreshRetry(of: method) { () throws(Interruption) in
            try await sendQuestion(method, operation, accept: accept)
            try await readResponseHead(answering: method, timeouts.upstreamResponse)
        }
    }

    /// Reads the whole answer whose head is there.
    func takeAnswer(bodyLimit limit: Int) async throws(Interruption) -> RegistryAnswer {
        let upstream = activeUpstream
        guard let head = upstream.takeResponseBytes() else { preconditionFailure("no answer") }
        defer { loop.buffers.give(head) }
        upstream.reader.beginBody(response.framing)
        let (body, memory) = try await readAnswerBody(limit: limit)
        let answer = RegistryAnswer(
            status: response.status,
            digest: response.contentDigest(in: head.bytes),
            hasNextPage: response.fields.contains(.link),
            body: body,
            memory: memory
        )
        releaseUpstream(
            isClean: response.keepsAlive && hasSentRequest && !upstream.reader.hasUnread
        )
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

    private func readAnswerBody(
        limit: Int
    ) async throws(Interruption) -> (ByteString, MemoryShare) {
        let reader = activeUpstream.reader
        let memory = MemoryShare(of: services.shared.answerMemory)
        if reader.isBodyComplete { return ("", memory) }
        let piece = loop.buffers.take(.medium)
        defer { loop.buffers.give(piece) }
        var body: [UInt8] = []
        var watch = StallWatch(timeouts.stall)
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
            guard memory.grow(by: piece.count) else {
                throw .refused(.unavailable("too many lists are being read", retryAfter: 1))
            }
            body.append(contentsOf: piece)
            piece.clear()
            if body.count > limit {
                throw .refused(.badGateway("the registry's answer is too long"))
            }
            if attempt == .wouldBlock {
                try await pauseForUpstream(until: watch.deadline(body.count, now))
            }
        }
        return (ByteString(body), memory)
    }
}

extension [UInt8] {
    mutating func append(contentsOf buffer: Buffer) {
        let bytes = buffer.bytes
        reserveCapacity(count + bytes.count)
        for index in 0..<bytes.count { append(bytes[index]) }
    }
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
