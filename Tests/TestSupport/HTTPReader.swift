// A strict, simple reader of HTTP/1.1 messages for both ends of a test. It knows nothing of the
// code under test, so the two cannot share a mistake.

/// One field line, as it came.
public struct Field: Sendable, Equatable {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// A request head or a response head.
public struct MessageHead: Sendable {
    public let startLine: String
    public let fields: [Field]
    /// Every byte up to and with the empty line.
    public let bytes: [UInt8]

    /// The first field of that name, in whatever case.
    public subscript(name: String) -> String? { values(name).first }

    /// All fields of that name, in whatever case.
    public func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
}

/// A message that broke the grammar, or broke off.
public enum MessageError: Error, Equatable {
    case endedBeforeHead(reset: Bool)
    case endedInHead(reset: Bool)
    /// The body broke off; `received` is what came of it.
    case endedInBody(received: Int, reset: Bool)
    case malformed(String)
}

/// Reads messages from one connection, in order, with nothing lost between them.
public final class HTTPReader {
    let socket: Socket
    let seconds: Double
    private var buffer: [UInt8] = []
    private let onBytes: ([UInt8]) -> Void

    init(_ socket: Socket, within seconds: Double, onBytes: @escaping ([UInt8]) -> Void = { _ in })
    {
        self.socket = socket
        self.seconds = seconds
        self.onBytes = onBytes
    }

    /// Bytes that came and that no message has claimed yet.
    public var unclaimed: [UInt8] { buffer }

    /// Reads up to the empty line. Every line must end in CRLF.
    public func readHead() throws -> MessageHead {
        var scanned = 0
        while true {
            if let end = endOfHead(from: scanned) {
                let bytes = Array(buffer[0..<end])
                buffer.removeFirst(end)
                return try parseHead(bytes)
            }
            scanned = max(0, buffer.count - 3)
            if let reset = try fill() {
                throw buffer.isEmpty
                    ? MessageError.endedBeforeHead(reset: reset)
                    : MessageError.endedInHead(reset: reset)
            }
        }
    }

    /// Reads the body that the head announces; `atMost` may stop earlier.
    public func readBody(of head: MessageHead, untilClose: Bool = false) throws -> [UInt8] {
        var body: [UInt8] = []
        try readBody(of: head, untilClose: untilClose) { body += $0 }
        return body
    }

    /// Reads the body that the head announces, piece by piece.
    public func readBody(
        of head: MessageHead,
        untilClose: Bool = false,
        onPiece: ([UInt8]) throws -> Void
    ) throws {
        if head["Transfer-Encoding"] != nil {
            try readChunks(onPiece)
        } else if let text = head["Content-Length"] {
            guard let length = Int(text), length >= 0 else {
                throw MessageError.malformed("Content-Length \(text)")
            }
            var received = 0
            try take(length, &received, onPiece)
        } else if untilClose {
            var received = 0
            while true {
                if !buffer.isEmpty {
                    received += buffer.count
                    try onPiece(buffer)
                    buffer = []
                }
                if let reset = try fill() {
                    if reset { throw MessageError.endedInBody(received: received, reset: true) }
                    return
                }
            }
        }
    }

    /// Reads exactly so many bytes.
    public func read(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var received = 0
        try take(count, &received) { bytes += $0 }
        return bytes
    }

    /// Waits until the peer has ended the connection, dropping what still comes.
    ///
    /// - Returns: how many bytes came, and whether it was a reset.
    public func readToEnd() throws -> (bytes: [UInt8], reset: Bool) {
        while true {
            if let reset = try fill() { return (buffer, reset) }
        }
    }

    /// - Returns: `nil` after bytes; at the end, whether it was a reset.
    private func fill() throws -> Bool? {
        switch try socket.receive(within: seconds) {
        case .bytes(let bytes):
            onBytes(bytes)
            buffer += bytes
            return nil
        case .end: return false
        case .reset: return true
        }
    }

    private func take(
        _ count: Int,
        _ received: inout Int,
        _ onPiece: ([UInt8]) throws -> Void
    ) throws {
        var left = count
        while left > 0 {
            if buffer.isEmpty, let reset = try fill() {
                throw MessageError.endedInBody(received: received, reset: reset)
            }
            let size = min(left, buffer.count)
            try onPiece(Array(buffer[0..<size]))
            buffer.removeFirst(size)
            left -= size
            received += size
        }
    }

    private func readChunks(_ onPiece: ([UInt8]) throws -> Void) throws {
        var received = 0
        while true {
            let line = try readLine(received)
            guard let size = Int(line, radix: 16), line.allSatisfy(\.isHexDigit) else {
                throw MessageError.malformed("chunk size \(line)")
            }
            if size == 0 {
                let last = try readLine(received)
                guard last.isEmpty else { throw MessageError.malformed("trailer \(last)") }
                return
            }
            try take(size, &received, onPiece)
            let after = try readLine(received)
            guard after.isEmpty else { throw MessageError.malformed("after chunk: \(after)") }
        }
    }

    private func readLine(_ received: Int) throws -> String {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                guard end > 0, buffer[end - 1] == UInt8(ascii: "\r") else {
                    throw MessageError.malformed("bare LF")
                }
                let line = String(decoding: buffer[0..<(end - 1)], as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line
            }
            if let reset = try fill() {
                throw MessageError.endedInBody(received: received, reset: reset)
            }
        }
    }

    private func endOfHead(from start: Int) -> Int? {
        guard buffer.count >= 4 else { return nil }
        let pattern = Array("\r\n\r\n".utf8)
        for index in start...(buffer.count - 4)
        where buffer[index] == pattern[0] && Array(buffer[index..<(index + 4)]) == pattern {
            return index + 4
        }
        return nil
    }

    private func parseHead(_ bytes: [UInt8]) throws -> MessageHead {
        let text = String(decoding: bytes, as: UTF8.self)
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        lines.removeLast(2)
        let bare = lines.contains { line in
            line.utf8.contains(UInt8(ascii: "\n")) || line.utf8.contains(UInt8(ascii: "\r"))
        }
        if bare { throw MessageError.malformed("bare CR or LF in a head") }
        let fields = try lines.dropFirst().map { line in
            guard let colon = line.firstIndex(of: ":") else {
                throw MessageError.malformed("field line \(line)")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            return Field(name: String(line[..<colon]), value: String(value))
        }
        return MessageHead(startLine: lines.first ?? "", fields: fields, bytes: bytes)
    }
}
