import Bytes
import HTTPWire
import Testing

@testable import NetIO
@testable import ProxyServer

/// A record layer that gives the pieces of a script, one for each read, with nothing to read
/// between two of them; then the end, or an error.
private final class Script: RecordLayer {
    private var pieces: [[UInt8]]
    private let failure: StreamError?
    private var isReady = true

    init(_ pieces: [[UInt8]], failure: StreamError? = nil) {
        self.pieces = pieces
        self.failure = failure
    }

    func receive(
        into buffer: Buffer,
        atMost limit: Int,
        sendingTo out: Buffer?
    ) throws(StreamError) -> ReceiveAttempt {
        isReady.toggle()
        if isReady { return .wouldBlock }
        guard let piece = pieces.first else {
            if let failure { throw failure }
            return .end
        }
        let count = min(limit, buffer.room, piece.count)
        buffer.append(Array(piece[..<count]))
        pieces[0].removeFirst(count)
        if pieces[0].isEmpty { pieces.removeFirst() }
        return .bytes(count)
    }

    func handshake(sendingTo out: Buffer) throws(StreamError) -> HandshakeStep { .complete }
    func seal(_ plain: Buffer, into out: Buffer) throws(StreamError) {}
    func sealEnd(into out: Buffer) {}
    var hasBufferedInput: Bool { false }
    func expectBulk() {}
}

/// What a reader has made of one message.
private struct Reading: Equatable, Sendable {
    var head = ""
    var body = ""
    var rest = ""
    var failure = ""
}

/// Reads requests from a script on a loop of its own.
private final class Desk: Sendable {
    private let stage: Stage

    init() throws { stage = try Stage() }

    /// - Parameters:
    ///   - framing: instead of the head's own.
    ///   - piece: payload bytes asked for at once.
    func read(
        _ pieces: [[UInt8]],
        failure: StreamError? = nil,
        framing: BodyFraming? = nil,
        piece: Int = 1000
    ) async throws -> Reading {
        try await stage.run { stage in
            let (ours, peer) = try Peer.pair()
            let channel = try Channel(adopting: ours, on: stage.loop)
            let stream = ByteStream(channel, recordLayer: Script(pieces, failure: failure))
            let reader = MessageReader(stream)
            defer {
                reader.close()
                stream.abandon()
                peer.close()
            }
            var reading = Reading()
            do {
                try Self.read(reader, framing, piece, into: &reading)
                try Self.readRest(reader)
            } catch {
                reading.failure = "\(error)"
            }
            reading.rest =
                reader.copyOfUnread().map { ByteString(copying: $0.bytes).description } ?? ""
            return reading
        }
    }

    private static func readRest(_ reader: MessageReader) throws(ReadFailure) {
        while true {
            if case .ended = try reader.tryReadHead(parse: { _ in nil }) { return }
        }
    }

    private static func read(
        _ reader: MessageReader,
        _ framing: BodyFraming?,
        _ piece: Int,
        into reading: inout Reading
    ) throws(ReadFailure) {
        var head = RequestHead()
        var bytes: Buffer?
        while bytes == nil {
            let attempt = try reader.tryReadHead { bytes throws(WireError) in
                try head.parse(bytes) ? head.byteCount : nil
            }
            switch attempt {
            case .head(let found): bytes = found
            case .ended: throw .stream(.ended)
            case .needMore: break
            }
        }
        if let bytes { reading.head = ByteString(copying: bytes.bytes).description }
        reader.beginBody(framing ?? head.framing)
        let buffer = Buffer(capacity: 10_000)
        defer { reading.body = ByteString(copying: buffer.bytes).description }
        var attempts = 0
        while !reader.isBodyComplete {
            attempts += 1
            if attempts > 100_000 { throw .stream(.ended) }
            _ = try reader.tryReadPayload(into: buffer, atMost: piece)
        }
        if reader.payloadByteCount != buffer.count { throw .stream(.ended) }
    }
}

@Suite struct MessageReaderTests {
    private static let head = "PUT /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: h\r\n"
    private static let messages = [
        (head + "Content-Length: 11\r\n\r\n", "hello world", "hello world"),
        (head + "Content-Length: 0\r\n\r\n", "", ""),
        (head + "\r\n", "", ""),
        (
            head + "Transfer-Encoding: chunked\r\n\r\n",
            "5;ext=\"a\"\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n", "hello world"
        ),
        (head + "Transfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n", ""),
    ]

    @Test("a message is read alike in every split, and what follows stays", arguments: messages)
    func splits(head: String, wire: String, body: String) async throws {
        let desk = try Desk()
        let all = Array((head + wire + "GET /next").utf8)
        for cut in 0...all.count {
            let pieces = [Array(all[..<cut]), Array(all[cut...])].filter { !$0.isEmpty }
            let expected = Reading(head: head, body: body, rest: "GET /next")
            let reading = try await desk.read(pieces)
            #expect(reading == expected, "cut at \(cut)")
        }
    }

    @Test("a message is read alike in single bytes", arguments: messages, [1, 2, 7, 1000])
    func singleBytes(message: (head: String, wire: String, body: String), piece: Int) async throws {
        let pieces = (message.head + message.wire).utf8.map { [$0] }
        let reading = try await Desk().read(pieces, piece: piece)
        #expect(reading == Reading(head: message.head, body: message.body))
    }

    @Test("a stream that ends in the middle has failed, wherever it ends", arguments: messages)
    func ended(head: String, wire: String, body: String) async throws {
        let desk = try Desk()
        let all = Array((head + wire).utf8)
        for cut in 0..<all.count {
            let reading = try await desk.read([Array(all[..<cut])].filter { !$0.isEmpty })
            #expect(reading.failure.contains("ended"), "cut at \(cut)")
            #expect(body.hasPrefix(reading.body))
        }
    }

    @Test func aBodyUntilTheEndTakesEverything() async throws {
        let desk = try Desk()
        let head = Self.head + "\r\n"
        for cut in 0...11 {
            let body = Array("hello world".utf8)
            let pieces = [Array(head.utf8) + body[..<cut], Array(body[cut...])]
            let reading = try await desk.read(pieces.filter { !$0.isEmpty }, framing: .untilClose)
            #expect(reading == Reading(head: head, body: "hello world"))
        }
        // Cut by the network, it is not complete.
        let cut = try await desk.read(
            [Array((head + "hello").utf8)],
            failure: .system(SystemError(call: "recv", code: 104)),
            framing: .untilClose
        )
        #expect(cut.body == "hello")
        #expect(cut.failure.contains("recv"))
    }

    @Test(
        "broken chunks are refused in every split",
        arguments: [
            "x\r\n", "5\r\nhelloX", "-1\r\n", "0x5\r\n", "5\nhello", "fffffffffffffffff\r\n",
        ]
    )
    func brokenChunks(wire: String) async throws {
        let desk = try Desk()
        let all = Array((Self.head + "Transfer-Encoding: chunked\r\n\r\n" + wire).utf8)
        for cut in all.count - wire.utf8.count...all.count {
            let pieces = [Array(all[..<cut]), Array(all[cut...])].filter { !$0.isEmpty }
            #expect(try await desk.read(pieces).failure.contains("malformed"))
        }
    }

    /// Decoding never writes more than it was asked for, and leaves the rest for the next call.
    @Test func payloadComesInPiecesOfTheLimit() async throws {
        let body = String(repeating: "0123456789", count: 500)
        let wire = "1388\r\n\(body)\r\n0\r\n\r\n"
        for piece in [1, 3, 999, 5000, 9000] {
            let head = Self.head + "Transfer-Encoding: chunked\r\n\r\n"
            let reading = try await Desk().read([Array((head + wire).utf8)], piece: piece)
            #expect(reading == Reading(head: head, body: body))
        }
    }

    /// Content of large chunks does not pass the reader's own buffer; small ones may stand between.
    @Test("large and small chunks are read alike in every piece", arguments: [1, 7, 4100, 20_000])
    func largeChunks(size: Int) async throws {
        let chunks = [5, 4096, 1, 4999, 2].map { count in
            String(String(repeating: "0123456789abcdef", count: 400).prefix(count))
        }
        let wire = chunks.map { "\(String($0.utf8.count, radix: 16))\r\n\($0)\r\n" }.joined()
        let head = Self.head + "Transfer-Encoding: chunked\r\n\r\n"
        let bytes = Array((head + wire + "0\r\n\r\nGET /next").utf8)
        let pieces = stride(from: 0, to: bytes.count, by: size).map {
            Array(bytes[$0..<min($0 + size, bytes.count)])
        }
        for piece in [1, 999, 9500] {
            let reading = try await Desk().read(pieces, piece: piece)
            #expect(reading.body == chunks.joined())
            #expect(reading.rest == "GET /next")
            #expect(reading.failure == "")
        }
        // Cut in the middle of a chunk: what came before the end is passed on.
        let cut = try await Desk().read([Array(bytes[..<(bytes.count - 2000)])], piece: 9500)
        #expect(cut.failure.contains("ended"))
        #expect(cut.body.utf8.count > 5000 && chunks.joined().hasPrefix(cut.body))
    }

    @Test func aHeadLongerThanTheFirstBufferIsRead() async throws {
        let field = "X: " + String(repeating: "y", count: 20_000) + "\r\n"
        let head = Self.head + field + "\r\n"
        let bytes = Array(head.utf8)
        for size in [1000, 16_704, 20_000, 40_000] {
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                Array(bytes[$0..<min($0 + size, bytes.count)])
            }
            #expect(try await Desk().read(pieces) == Reading(head: head))
        }
    }
}
