import Bytes
import HTTPWire
import Logbook
import NetIO

/// Bodies on their way through. Both directions are watched by the one task of the connection: it
/// tries whatever may go on, and waits for an event on either side.
extension Exchange {
    /// Sends the request's body to the registry, until it is complete or the registry answers
    /// early.
    /// - Returns: whether all of it was sent.
    func relayRequestBody(answering method: Method) async throws(Interruption) -> Bool {
        try await tellToContinue()
        downstream.recordLayer?.expectBulk()
        services.metrics.transferBegan()
        defer { services.metrics.transferEnded() }
        var watch = transferWatch
        var turns = Turns()
        while !reader.isBodyComplete {
            if try tryReadResponseHead(answering: method) { return false }
            guard let piece = try nextRequestPiece() else {
                try await pause(for: .client, &watch)
                continue
            }
            defer { loop.buffers.give(piece) }
            guard try await sendUpstream(piece, answering: method, watch: &watch) else {
                return false
            }
            await turns.take()
        }
        return true
    }

    /// RFC 9110 section 10.1.1. By now the request is allowed and the registry is connected.
    func tellToContinue() async throws(Interruption) {
        guard head.expectsContinue, !toldToContinue else { return }
        let out = loop.buffers.take(.small)
        defer { loop.buffers.give(out) }
        out.append("HTTP/1.1 100 Continue\r\n\r\n")
        toldToContinue = true
        var watch = transferWatch
        try await writeDownstream(out, &watch)
    }

    /// The next payload, framed for the registry; `nil` if there is none yet.
    private func nextRequestPiece() throws(Interruption) -> Buffer? {
        let piece = loop.buffers.take(activeUpstream.stream.gatherSize())
        do throws(ReadFailure) {
            if let filled = try fill(piece, from: reader, isChunked: head.framing == .chunked) {
                return filled
            }
        } catch {
            loop.buffers.give(piece)
            throw .downstream(error)
        }
        loop.buffers.give(piece)
        return nil
    }

    /// Fills `piece` with payload and frames it anew.
    /// - Returns: `piece`, or `nil` if nothing is there yet.
    private func fill(
        _ piece: Buffer,
        from source: MessageReader,
        isChunked: Bool
    ) throws(ReadFailure) -> Buffer? {
        if isChunked { piece.reserveFront(longestChunkHead) }
        let limit = min(piece.room - longestChunkOverhead, piece.payloadLimit)
        // Framing alone is no payload, and what stands behind it may have come already.
        while piece.isEmpty, !source.isBodyComplete {
            if try source.tryReadPayload(into: piece, atMost: limit) == .wouldBlock { break }
        }
        if isChunked {
            if !piece.isEmpty { piece.wrapAsChunk() }
            if source.isBodyComplete { piece.appendLastChunk() }
        }
        return piece.isEmpty && !source.isBodyComplete ? nil : piece
    }

    /// Sends the registry's answer to the client: the head written anew, the body streamed.
    func relayResponse(answering method: Method) async throws(Interruption) {
        let upstream = activeUpstream
        guard let bytes = upstream.takeResponseBytes() else {
            preconditionFailure("no answer to relay")
        }
        defer { loop.buffers.give(bytes) }
        try refuseOtherRedirects()
        upstream.reader.beginBody(response.framing)
        if !upstream.reader.isBodyComplete { upstream.stream.recordLayer?.expectBulk() }
        let framing = downstreamFraming
        promisesToKeep = mayKeepConnection && framing != .untilClose
        answerEndsWithConnection = framing == .untilClose
        let first = loop.buffers.take(holding: response.byteCount + 4096)
        appendResponseHead(to: first, from: bytes.bytes, framing: framing)
        noteAnswer(response.status)
        try await relayResponseBody(behind: first, framing: framing)
        let isClean =
            response.keepsAlive && hasSentRequest && upstream.reader.isBodyComplete
            && !upstream.reader.hasUnread
        releaseUpstream(isClean: isClean)
    }

    /// How the answer's body ends on the client's side.
    private var downstreamFraming: BodyFraming {
        switch response.framing {
        case .none: .none
        case .length(let count): .length(count)
        case .chunked, .untilClose: head.minorVersion == 0 ? .untilClose : .chunked
        }
    }

    /// - Parameter first: the head, which leaves together with the first of the body.
    private func relayResponseBody(
        behind first: Buffer,
        framing: BodyFraming
    ) async throws(Interruption) {
        let source = activeUpstream.reader
        let isChunked = framing == .chunked
        var pending: Buffer? = first
        defer { if let pending { loop.buffers.give(pending) } }
        var watch = transferWatch
        services.metrics.transferBegan()
        defer { services.metrics.transferEnded() }
        if !isChunked, !source.isBodyComplete { try readResponse(source, into: first) }
        var turns = Turns()
        var counted = 0
        while true {
            let isSent = try sendDownstream(pending)
            // The first piece has left: nobody waits for the record.
            notePull()
            if let bytes = pending, bytes.isEmpty {
                loop.buffers.give(bytes)
                pending = nil
            }
            guard isSent else {
                try await pause(for: .client, &watch)
                continue
            }
            record.bytesOut = source.payloadByteCount
            services.metrics.count(bytes: source.payloadByteCount - counted, .sent)
            counted = source.payloadByteCount
            if source.isBodyComplete, pending == nil { return }
            await turns.take()
            pending = try nextResponsePiece(isChunked: isChunked)
            if pending == nil { try await pause(for: .registry, &watch) }
        }
    }

    /// Appends to the head what of the body is there already, and fits into the same records.
    private func readResponse(
        _ source: MessageReader,
        into first: Buffer
    ) throws(Interruption) {
        guard source.hasUnread, first.count < first.payloadLimit else { return }
        do throws(ReadFailure) {
            _ = try source.tryReadPayload(into: first, atMost: first.payloadLimit - first.count)
        } catch {
            throw .upstream(error)
        }
    }

    private func nextResponsePiece(isChunked: Bool) throws(Interruption) -> Buffer? {
        let piece = loop.buffers.take(downstream.gatherSize())
        do throws(ReadFailure) {
            let filled = try fill(piece, from: activeUpstream.reader, isChunked: isChunked)
            if let filled { return filled }
        } catch {
            loop.buffers.give(piece)
            throw .upstream(error)
        }
        loop.buffers.give(piece)
        return nil
    }

    /// Sends all of `bytes` to the client.
    func writeDownstream(
        _ bytes: Buffer,
        _ watch: inout TransferWatch
    ) async throws(Interruption) {
        while try !sendDownstream(bytes) { try await pause(for: .client, &watch) }
    }

    /// - Returns: whether all has gone to the socket.
    private func sendDownstream(_ bytes: Buffer?) throws(Interruption) -> Bool {
        do throws(StreamError) {
            if let bytes { return try downstream.tryWrite(bytes) }
            return try downstream.tryFlush()
        } catch {
            throw .downstream(.stream(error))
        }
    }

    /// Watches over a body: that it moves, and with `limits.minimum_rate` how fast.
    var transferWatch: TransferWatch {
        TransferWatch(timeouts.stall, bytesPerSecond: settings.limits.minimumRate)
    }

    /// Waits for an event of either side, on account of `side` and for as long as `watch` lets it.
    ///
    /// - Parameter limit: until when at most, beside that.
    func pause(
        for side: TransferWatch.Side,
        _ watch: inout TransferWatch,
        until limit: Deadline? = nil
    ) async throws(Interruption) {
        let begun = now
        let channel = side == .client ? downstream.channel : activeUpstream.stream.channel
        let moved = channel.receivedByteCount + channel.sentByteCount
        let patience = watch.deadline(for: side, moved, at: begun) {
            moved - channel.queuedByteCount
        }
        let deadline = limit.map(patience.earlier(of:)) ?? patience
        switch side {
        case .client: try await pauseForDownstream(until: deadline)
        case .registry: try await pauseForUpstream(until: deadline)
        }
        watch.note(waitFor: side, now.nanoseconds(since: begun))
    }
}

extension Buffer {
    /// Whole TLS records' worth of payload for a buffer of this size.
    fileprivate var payloadLimit: Int { capacity / 16384 * 16384 }
}
