// The fault proxy does what its modes say: other tests believe it.

import TestSupport
import Testing

@Suite(.ownThreads) struct FaultProxyTests {
    /// A client and a server with a fault proxy between them.
    struct Pair {
        let faults: FaultProxy
        let client: Socket
        let server: Socket

        init(up: [Fault] = [], down: [Fault] = []) throws {
            let listener = try Socket.listen()
            faults = try FaultProxy(to: listener.port, up: up, down: down)
            client = try Socket.connect(port: faults.port)
            server = try #require(listener.accept())
        }
    }

    @Test("without a mode everything passes, both ways, ends and resets too")
    func passes() throws {
        let pair = try Pair()
        try pair.client.send("question")
        #expect(try pair.server.text(8) == "question")
        pair.client.finishSending()
        #expect(try pair.server.receive(within: 60) == .end)
        try pair.server.send("answer")
        #expect(try pair.client.text(6) == "answer")
        pair.server.reset()
        #expect(try pair.client.receive(within: 60) == .reset)
    }

    @Test("delay: a byte comes that much later, and those behind it no later than it")
    func delay() throws {
        let pair = try Pair(down: [.delay(milliseconds: 300)])
        let start = monotonicSeconds()
        try pair.client.send("up")
        #expect(try pair.server.text(2) == "up")
        for piece in ["a", "b", "c"] { try pair.server.send(piece) }
        #expect(try pair.client.text(3) == "abc")
        // Never sooner, on whatever machine.
        #expect(monotonicSeconds() - start >= 0.3)
    }

    @Test("rate: so many bytes a second, one direction only")
    func rate() throws {
        let pair = try Pair(up: [.rate(bytesPerSecond: 40)])
        let start = monotonicSeconds()
        try pair.client.send("0123456789abcdef")
        #expect(try pair.server.text(1) == "0", "in small pieces")
        #expect(try pair.server.text(15) == "123456789abcdef")
        // The pause behind the last piece need not be over.
        #expect(monotonicSeconds() - start >= 0.3)
    }

    @Test("cut-after: N bytes, then the end for both")
    func cut() throws {
        let pair = try Pair(down: [.cut(after: 4)])
        try pair.server.send("answer")
        #expect(try pair.client.text(4) == "answ")
        #expect(try pair.client.receive(within: 60) == .end)
        #expect(try pair.server.receive(within: 60) != .bytes([]))
    }

    @Test("rst-after: N bytes, then a reset for both")
    func reset() throws {
        let pair = try Pair(up: [.reset(after: 4)])
        try pair.client.send("question")
        #expect(try pair.server.text(4) == "ques")
        #expect(try pair.server.receive(within: 60) == .reset)
        #expect(try pair.client.receive(within: 60) == .reset)
    }

    @Test("a fault after 0 bytes strikes instead of the first byte, not before it")
    func immediately() throws {
        let pair = try Pair(up: [.reset(after: 0)])
        try pair.server.send("early")
        #expect(try pair.client.text(5) == "early")
        try pair.client.send("q")
        #expect(try pair.server.receive(within: 60) == .reset)
    }

    @Test("halfclose-after: the end of one direction, the other goes on")
    func halfClose() throws {
        let pair = try Pair(up: [.halfClose(after: 4)])
        try pair.client.send("question")
        #expect(try pair.server.text(4) == "ques")
        #expect(try pair.server.receive(within: 60) == .end)
        try pair.server.send("answer")
        #expect(try pair.client.text(6) == "answer")
    }

    @Test("blackhole-after: nothing passes, not even the end, until the modes change")
    func blackHole() throws {
        let pair = try Pair(down: [.blackHole(after: 4)])
        try pair.server.send("answer")
        pair.server.finishSending()
        #expect(try pair.client.text(4) == "answ")
        try pair.client.send("still there?")
        #expect(try pair.server.text(12) == "still there?")
        #expect(throws: SocketError.tooLate(waitingFor: "bytes")) {
            try pair.client.receive(within: 0.2)
        }
        try pair.faults.set()
        #expect(try pair.client.text(2) == "er")
        #expect(try pair.client.receive(within: 60) == .end)
    }

    @Test("garbage-after: N bytes, then 64 that no protocol knows, then the rest")
    func garbage() throws {
        let pair = try Pair(down: [.garbage(after: 3)])
        try pair.server.send("answer")
        #expect(try pair.client.text(3) == "ans")
        let garbage = try pair.client.bytes(64)
        #expect(garbage.starts(with: [0, 0xff]) && !garbage.starts(with: Array("wer".utf8)))
        #expect(try pair.client.text(3) == "wer")
    }

    /// The BER message is an LDAP bind answer: message 1, success, two empty strings.
    static let messages: [[UInt8]] = [
        Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8),
        [0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0],
        [0x30, 0x84, 0, 0, 0, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0],
        Array("anything".utf8),
    ]

    @Test("dup-answer: every message twice, by the framing of HTTP or LDAP", arguments: messages)
    func duplicates(message: [UInt8]) throws {
        let pair = try Pair(down: [.duplicateAnswers])
        // In two parts, as far as the protocol lets the fault proxy know that one is missing.
        let cut = message.first == UInt8(ascii: "a") ? message.count : 5
        try pair.server.send(Array(message[..<cut]))
        try pair.server.send(Array(message[cut...]))
        #expect(try pair.client.bytes(2 * message.count) == message + message)
        pair.server.finishSending()
        #expect(try pair.client.receive(within: 60) == .end)
    }

    @Test("modes add up, change while a connection is open, and are counted anew")
    func changes() throws {
        let pair = try Pair(up: [.delay(milliseconds: 1), .garbage(after: 1)])
        try pair.client.send("ab")
        #expect(try pair.server.bytes(66).count == 66)
        try pair.faults.set(up: [.cut(after: 2)])
        try pair.client.send("cdef")
        #expect(try pair.server.text(2) == "cd")
        #expect(try pair.server.receive(within: 60) == .end)
    }

    @Test("cut and reset end every connection at once")
    func endsAll() throws {
        let cut = try Pair()
        try cut.faults.cutAll()
        #expect(try cut.client.receive(within: 60) == .end)
        #expect(try cut.server.receive(within: 60) == .end)
        let reset = try Pair()
        try reset.faults.resetAll()
        #expect(try reset.client.receive(within: 60) == .reset)
        #expect(try reset.server.receive(within: 60) == .reset)
    }

    @Test("a target that is not there is a reset")
    func noTarget() throws {
        let listener = try Socket.listen()
        let port = listener.port
        listener.close()
        let faults = try FaultProxy(to: port)
        let client = try Socket.connect(port: faults.port)
        #expect(try client.receive(within: 60) == .reset)
    }
}

extension Socket {
    fileprivate func send(_ text: String) throws { try send(Array(text.utf8), within: 60) }

    /// Exactly so many bytes.
    fileprivate func bytes(_ count: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            guard case .bytes(let more) = try receive(upTo: count - all.count, within: 60) else {
                throw NeverCameTrue(description: "\(all.count) of \(count) bytes, then the end")
            }
            all += more
        }
        return all
    }

    fileprivate func text(_ count: Int) throws -> String {
        String(decoding: try bytes(count), as: UTF8.self)
    }
}
