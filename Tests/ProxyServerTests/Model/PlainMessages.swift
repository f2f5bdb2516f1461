import Foundation

/// Something that must never happen.
struct Violation: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

func insist(_ isTrue: Bool, _ claim: @autoclosure () -> String) throws {
    if !isTrue { throw Violation(claim()) }
}

/// The head of a message, taken apart at CRLF and colons.
struct PlainHead {
    let first: String
    let fields: [(name: String, value: String)]

    /// Throws what would be more than one reading.
    init(_ bytes: ArraySlice<UInt8>) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        try insist(Array(text.utf8) == Array(bytes), "not UTF-8: \(text)")
        var lines = text.components(separatedBy: "\r\n")
        first = lines.removeFirst()
        fields = try lines.map { line in
            let parts = line.split(separator: ": ", maxSplits: 1, omittingEmptySubsequences: false)
            try insist(parts.count == 2, "no field line: \(line)")
            let name = String(parts[0])
            try insist(name.wholeMatch(of: #/[A-Za-z0-9-]+/#) != nil, "no name: \(line)")
            try insist(!parts[1].contains { "\r\n\0".contains($0) }, "no value: \(line)")
            return (name.lowercased(), String(parts[1]))
        }
    }

    /// The value of a field that stands once, or not at all.
    func value(_ name: String) throws -> String? {
        let values = fields.filter { $0.name == name }.map(\.value)
        try insist(values.count <= 1, "\(name) stands \(values.count) times")
        return values.first
    }

    /// What is declared; `nil` if nothing is.
    func framing() throws -> PlainFraming? {
        let length = try value("content-length")
        let coding = try value("transfer-encoding")
        try insist(length == nil || coding == nil, "both a length and a coding")
        if let coding {
            try insist(coding == "chunked", "the coding \(coding)")
            return .chunked
        }
        guard let length else { return nil }
        guard let count = Int(length), String(count) == length, count >= 0 else {
            throw Violation("the length \(length)")
        }
        return .length(count)
    }
}

enum PlainFraming: Equatable {
    case length(Int)
    case chunked
    case untilClose
}

/// Reads one message after another, from bytes in any pieces.
struct PlainReader {
    private(set) var unread: [UInt8] = []
    private var framing = PlainFraming.length(0)
    /// Of the current body.
    private(set) var body: [UInt8] = []
    private(set) var isBodyComplete = true

    mutating func add(_ bytes: [UInt8]) { unread += bytes }

    mutating func head() throws -> PlainHead? {
        let end = Array("\r\n\r\n".utf8)
        guard let range = unread.firstRange(of: end) else {
            try insist(unread.count < 128 * 1024, "a head without an end")
            return nil
        }
        defer { unread.removeSubrange(..<range.upperBound) }
        return try PlainHead(unread[..<range.lowerBound])
    }

    mutating func beginBody(_ framing: PlainFraming) {
        self.framing = framing
        body = []
        isBodyComplete = framing == .length(0)
    }

    /// Takes what is there of the body.
    mutating func readBody() throws {
        switch framing {
        case .length(let count):
            let more = min(count - body.count, unread.count)
            body += unread[..<more]
            unread.removeFirst(more)
            isBodyComplete = body.count == count
        case .untilClose:
            body += unread
            unread = []
        case .chunked:
            while try readChunk() {}
        }
    }

    /// One whole chunk. - Returns: whether there may be another.
    private mutating func readChunk() throws -> Bool {
        guard !isBodyComplete, let line = unread.firstRange(of: [0x0D, 0x0A]) else { return false }
        let digits = String(decoding: unread[..<line.lowerBound], as: UTF8.self)
        guard let size = Int(digits, radix: 16), String(size, radix: 16) == digits else {
            throw Violation("the chunk size \(digits)")
        }
        let end = line.upperBound + size
        guard unread.count >= end + 2 else { return false }
        try insist(unread[end..<(end + 2)] == [0x0D, 0x0A], "no line end behind a chunk")
        body += unread[line.upperBound..<end]
        unread.removeSubrange(..<(end + 2))
        isBodyComplete = size == 0
        return true
    }

    /// The stream has ended.
    mutating func end() { if framing == .untilClose { isBodyComplete = true } }
}

/// The body that belongs to a request or its answer, and to no other.
func payload(_ marker: String, _ count: Int) -> [UInt8] {
    let unit = Array("\(marker);".utf8)
    var body: [UInt8] = []
    body.reserveCapacity(count + unit.count)
    while body.count < count { body += unit }
    return Array(body.prefix(count))
}

/// Whether `body` is a part of the payload from its beginning; the first `known` bytes were asked
/// about before.
func isPayload(_ body: [UInt8], of marker: String, known: Int = 0) -> Bool {
    let unit = Array("\(marker);".utf8)
    return body.indices.dropFirst(known).allSatisfy { body[$0] == unit[$0 % unit.count] }
}
