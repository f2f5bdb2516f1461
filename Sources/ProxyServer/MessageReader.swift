import Bytes
import HTTPWire
import NetIO

/// Why a message could not be read.
enum ReadFailure: Error {
    case stream(StreamError)
    case malformed(WireError)
}

/// Reads HTTP/1.1 messages off one stream: heads, and the payload of bodies, whose framing is taken
/// away. Bytes that came early stay here for the next call; while there are none it holds no
/// memory.
final class MessageReader {
    let stream: ByteStream

    private var unread: Buffer?
    private var body = Body.complete
    /// Payload bytes of the current body so far.
    private(set) var payloadByteCount = 0

    /// Of this size on a chunk's content is read apart from its framing.
    private static let largeChunk = 4096
    /// The end of one chunk and the head of the next, in hexadecimal digits that are usual.
    private static let framingByteCount = 16

    private enum Body {
        case complete
        case length(remaining: Int)
        case chunked(ChunkedDecoder)
        case untilClose
    }

    init(_ stream: ByteStream) { self.stream = stream }

    private var buffers: BufferPool { stream.loop.buffers }

    /// Whether bytes are here that nobody has asked for yet.
    var hasUnread: Bool { unread != nil }

    func close() {
        if let unread { buffers.give(unread) }
        unread = nil
    }
}

/// Heads.
extension MessageReader {
    /// Waits until at least one byte of the next message is here.
    /// - Returns: false if the stream ended before.
    func awaitMessage(by deadline: Deadline) async throws(StreamError) -> Bool {
        if hasUnread { return true }
        while true {
            switch try fill() {
            case .bytes: return true
            case .end: return false
            case .wouldBlock, .mustWrite: try await stream.pause(until: deadline)
            }
        }
    }

    /// Whether what is here begins with a letter, as every method does.
    var beginsWithLetter: Bool {
        guard let unread, !unread.isEmpty else { return false }
        return unread.bytes[0].isASCIILetter
    }

    /// A copy of what is here of a head that is incomplete or broken, for the log.
    func copyOfUnread() -> Buffer? {
        guard let unread else { return nil }
        let copy = buffers.take(holding: unread.count)
        copy.append(unread.bytes)
        return copy
    }

    /// Reads up to the end of a head, waiting as long as it takes.
    ///
    /// - Parameter parse: says how many bytes the head takes, or `nil` while it is incomplete.
    /// - Returns: a buffer with the head alone, for the caller to give back; `nil` if the stream
    ///   ended before the head did.
    func readHead(
        by deadline: Deadline,
        parse: (Span<UInt8>) throws(WireError) -> Int?
    ) async throws(ReadFailure) -> Buffer? {
        while true {
            switch try tryReadHead(parse: parse) {
            case .head(let bytes): return bytes
            case .ended: return nil
            case .needMore: break
            }
            do throws(StreamError) {
                try await stream.pause(until: deadline)
            } catch {
                throw .stream(error)
            }
        }
    }

    enum HeadAttempt {
        case head(Buffer)
        case ended
        case needMore
    }

    /// As `readHead`, with what is there now.
    func tryReadHead(
        parse: (Span<UInt8>) throws(WireError) -> Int?
    ) throws(ReadFailure) -> HeadAttempt {
        while true {
            if let unread {
                let byteCount: Int?
                do throws(WireError) { byteCount = try parse(unread.bytes) } catch {
                    throw .malformed(error)
                }
                if let byteCount { return .head(takeHead(byteCount, of: unread)) }
            }
            do throws(StreamError) {
                switch try fill() {
                case .bytes: continue
                case .end: return .ended
                case .wouldBlock, .mustWrite: return .needMore
                }
            } catch {
                throw .stream(error)
            }
        }
    }

    /// Moves the head to a buffer of its own, which is about as large: it stays as long as the
    /// exchange does.
    private func takeHead(_ byteCount: Int, of source: Buffer) -> Buffer {
        let head = buffers.take(holding: byteCount)
        head.append(source.bytes.extracting(0..<byteCount))
        consume(byteCount, of: source)
        return head
    }

    /// Reads once into `unread`, which is given back if it is still empty after.
    private func fill(atMost limit: Int = .max) throws(StreamError) -> ReceiveAttempt {
        let room = unreadWithRoom()
        defer {
            if room.isEmpty {
                buffers.give(room)
                unread = nil
            }
        }
        return try stream.tryRead(into: room, atMost: limit)
    }

    private func unreadWithRoom() -> Buffer {
        guard let current = unread else {
            let fresh = buffers.take(.small)
            unread = fresh
            return fresh
        }
        if current.room > 0 { return current }
        let larger = buffers.take(holding: current.count * 2)
        larger.append(current.bytes)
        buffers.give(current)
        unread = larger
        return larger
    }
}

/// Bodies.
extension MessageReader {
    /// What follows the head that was just read.
    func beginBody(_ framing: BodyFraming) {
        payloadByteCount = 0
        body =
            switch framing {
            case .none, .length(0): .complete
            case .length(let count): .length(remaining: count)
            case .chunked: .chunked(ChunkedDecoder())
            case .untilClose: .untilClose
            }
    }

    var isBodyComplete: Bool {
        if case .complete = body { return true }
        return false
    }

    /// How much payload is still to come; `nil` if that is not known.
    var remainingPayload: Int? {
        switch body {
        case .complete: 0
        case .length(let remaining): remaining
        case .chunked, .untilClose: nil
        }
    }

    /// What one attempt to read payload has given.
    enum PayloadAttempt {
        /// Bytes were appended, or the body's end was read, or both.
        case progress
        case wouldBlock
    }

    /// Appends payload to `buffer`, up to `limit` bytes.
    /// - Throws: `StreamError.ended` if the stream ends before the body does.
    func tryReadPayload(
        into buffer: Buffer,
        atMost limit: Int
    ) throws(ReadFailure) -> PayloadAttempt {
        let before = buffer.count
        defer { payloadByteCount += buffer.count - before }
        do throws(StreamError) {
            switch body {
            case .complete: return .progress
            case .length(let remaining):
                return try readLength(remaining, into: buffer, atMost: limit)
            case .untilClose: return try readUntilClose(into: buffer, atMost: limit)
            case .chunked: break
            }
        } catch {
            throw .stream(error)
        }
        return try readChunked(into: buffer, atMost: limit)
    }

    private func readLength(
        _ remaining: Int,
        into buffer: Buffer,
        atMost limit: Int
    ) throws(StreamError) -> PayloadAttempt {
        let wanted = min(remaining, limit, buffer.room)
        let count: Int
        if let unread {
            count = move(atMost: wanted, from: unread, to: buffer)
        } else {
            switch try stream.tryRead(into: buffer, atMost: wanted) {
            case .bytes(let read): count = read
            case .end: throw .ended
            case .wouldBlock, .mustWrite: return .wouldBlock
            }
        }
        body = count == remaining ? .complete : .length(remaining: remaining - count)
        return .progress
    }

    private func readUntilClose(
        into buffer: Buffer,
        atMost limit: Int
    ) throws(StreamError) -> PayloadAttempt {
        if let unread {
            _ = move(atMost: min(limit, buffer.room), from: unread, to: buffer)
            return .progress
        }
        switch try stream.tryRead(into: buffer, atMost: limit) {
        case .bytes: return .progress
        case .end:
            body = .complete
            return .progress
        case .wouldBlock, .mustWrite: return .wouldBlock
        }
    }

    private func move(atMost limit: Int, from source: Buffer, to buffer: Buffer) -> Int {
        let count = min(limit, source.count)
        buffer.append(source.bytes.extracting(0..<count))
        consume(count, of: source)
        return count
    }

    private func consume(_ byteCount: Int, of source: Buffer) {
        source.consume(byteCount)
        if source.isEmpty {
            buffers.give(source)
            unread = nil
        }
    }

    private func readChunked(
        into buffer: Buffer,
        atMost limit: Int
    ) throws(ReadFailure) -> PayloadAttempt {
        let end = buffer.count + min(limit, buffer.room)
        var hasMoved = false
        while buffer.count < end, !isBodyComplete {
            let room = end - buffer.count
            do throws(StreamError) {
                if !hasUnread {
                    guard try readMore(holding: limit, into: buffer, atMost: room) else { break }
                }
            } catch {
                // What came before the stream's end goes on its way; the end comes again.
                if hasMoved { break }
                throw .stream(error)
            }
            hasMoved = true
            do throws(WireError) { try decode(into: buffer, atMost: room) } catch {
                throw .malformed(error)
            }
            // Small chunks are mostly framing, which no limit of the payload bounds: one read of
            // them is enough.
            guard case .chunked(let decoder) = body, decoder.chunkByteCount >= Self.largeChunk
            else { break }
        }
        return hasMoved ? .progress : .wouldBlock
    }

    /// Reads from the stream once: content of a large chunk under a record layer to `buffer`, where
    /// it saves a copy of every byte, and anything else to `unread`.
    ///
    /// The framing between large chunks is then read in little. That costs calls into the library
    /// only; without a record layer each would be one into the system.
    /// - Returns: whether there was anything.
    private func readMore(
        holding size: Int,
        into buffer: Buffer,
        atMost room: Int
    ) throws(StreamError) -> Bool {
        guard case .chunked(var decoder) = body else { return false }
        let isLarge = stream.recordLayer != nil && decoder.chunkByteCount >= Self.largeChunk
        let content = decoder.remainingContent
        let attempt: ReceiveAttempt
        if isLarge, content > 0 {
            attempt = try stream.tryRead(into: buffer, atMost: min(content, room))
            if case .bytes(let count) = attempt { decoder.passContent(count) }
            body = .chunked(decoder)
        } else {
            let size = isLarge ? Self.framingByteCount : size
            unread = buffers.take(holding: size)
            attempt = try fill(atMost: size)
        }
        switch attempt {
        case .bytes: return true
        case .end: throw .ended
        case .wouldBlock, .mustWrite: return false
        }
    }

    private func decode(into buffer: Buffer, atMost limit: Int) throws(WireError) {
        guard case .chunked(var decoder) = body, let source = unread else { return }
        let room = min(limit, buffer.room)
        let bytes = source.bytes.extracting(0..<min(source.count, room))
        var position = 0
        decoding: while true {
            switch try decoder.next(bytes, from: &position) {
            case .data(let place): buffer.append(bytes.extracting(place))
            case .needMore:
                body = .chunked(decoder)
                break decoding
            case .end:
                body = .complete
                break decoding
            }
        }
        consume(position, of: source)
    }
}
