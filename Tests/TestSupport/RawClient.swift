// A client that sends exactly the bytes a test wants.

/// A user of the tests: name and password in the clear.
public struct TestUser: Sendable, Hashable {
    public let name: String
    public let password: String

    public init(_ name: String, _ password: String) {
        self.name = name
        self.password = password
    }

    /// May do everything below `team-a/`.
    public static let alice = TestUser("alice", "s3cret:pa ss")
    /// May do everything below `team-b/`.
    public static let bob = TestUser("bob", "bobs-word")
    /// Belongs to no team.
    public static let carol = TestUser("carol", "c4rol-w0rd")
    /// May do everything everywhere.
    public static let root = TestUser("operator", "0perator")

    public static let all = [alice, bob, carol, root]

    /// The value of an `Authorization` field.
    public var authorization: String { "Basic " + base64(Array("\(name):\(password)".utf8)) }
}

/// A whole answer.
public struct Response: Sendable {
    public let head: MessageHead
    public let body: [UInt8]
    /// Status codes of the 1xx answers before it.
    public let interim: [Int]

    public init(head: MessageHead, body: [UInt8], interim: [Int]) {
        self.head = head
        self.body = body
        self.interim = interim
    }

    public var status: Int { statusCode(of: head) }
    public var text: String { String(decoding: body, as: UTF8.self) }
    public subscript(name: String) -> String? { head[name] }
}

/// One connection to a listener without TLS.
public final class RawClient {
    public let socket: Socket
    public let reader: HTTPReader
    let host: String

    /// - Parameters:
    ///   - seconds: the longest wait for the next byte.
    ///   - source: see `Socket.connect`.
    public init(port: Int, from source: UInt8 = 1, within seconds: Double = 20) throws {
        socket = try Socket.connect(port: port, from: source)
        reader = HTTPReader(socket, within: seconds)
        host = "127.0.0.1:\(port)"
    }

    public func send(_ text: String) throws { try socket.send(Array(text.utf8)) }

    public func send(_ bytes: [UInt8]) throws { try socket.send(bytes) }

    /// Sends a head: request line, `Host`, the user's credentials, then `fields` as given.
    public func sendHead(
        _ method: String,
        _ target: String,
        as user: TestUser? = nil,
        _ fields: [String] = []
    ) throws {
        var lines = ["\(method) \(target) HTTP/1.1", "Host: \(host)"]
        if let user { lines.append("Authorization: \(user.authorization)") }
        try send((lines + fields).joined(separator: "\r\n") + "\r\n\r\n")
    }

    /// Sends one request, with `Content-Length` when there is a body, and reads its answer.
    public func request(
        _ method: String,
        _ target: String,
        as user: TestUser? = nil,
        _ fields: [String] = [],
        body: [UInt8]? = nil
    ) throws -> Response {
        var all = fields
        let hasLength = fields.contains { $0.lowercased().hasPrefix("content-length:") }
        if let body {
            all.append("Content-Length: \(body.count)")
        } else if ["POST", "PUT", "PATCH"].contains(method) && !hasLength {
            all.append("Content-Length: 0")
        }
        try sendHead(method, target, as: user, all)
        if let body { try send(body) }
        return try readResponse(answering: method)
    }

    /// Reads the next answer, with the 1xx answers before it.
    public func readResponse(answering method: String) throws -> Response {
        var interim: [Int] = []
        while true {
            let head = try reader.readHead()
            let status = statusCode(of: head)
            if (100..<200).contains(status) {
                interim.append(status)
                continue
            }
            let hasBody = method != "HEAD" && status != 204 && status != 304
            let body = hasBody ? try reader.readBody(of: head, untilClose: true) : []
            return Response(head: head, body: body, interim: interim)
        }
    }

    public func close() { socket.close() }
}

func statusCode(of head: MessageHead) -> Int {
    let parts = head.startLine.split(separator: " ", maxSplits: 2)
    guard parts.count >= 2, parts[0] == "HTTP/1.1" else { return -1 }
    return Int(parts[1]) ?? -1
}

/// Base64 with padding (RFC 4648 section 4).
public func base64(_ bytes: [UInt8]) -> String {
    let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        let value = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
        for place in 0..<4 {
            text.append(place <= group.count ? letters[value >> (18 - 6 * place) & 63] : "=")
        }
    }
    return text
}
