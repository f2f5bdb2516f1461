// What a script may do with one request that came to a RecordingUpstream.

/// One request at the upstream, while its script runs.
public final class UpstreamExchange {
    private let upstream: RecordingUpstream
    private let index: Int
    private let reader: HTTPReader
    private var bodyDone = false

    public let head: MessageHead
    public private(set) var isClosed = false

    init(
        _ upstream: RecordingUpstream,
        _ index: Int,
        _ head: MessageHead,
        _ reader: HTTPReader
    ) {
        self.upstream = upstream
        self.index = index
        self.head = head
        self.reader = reader
    }

    public var method: String { String(head.startLine.split(separator: " ").first ?? "") }

    /// Path and query.
    public var target: String {
        let parts = head.startLine.split(separator: " ")
        return parts.count > 1 ? String(parts[1]) : ""
    }

    /// Reads the body to its end and keeps it in the record.
    @discardableResult
    public func readBody() throws -> [UInt8] {
        var body: [UInt8] = []
        try consume { body += $0 }
        upstream.change(index) { $0.body = body }
        return body
    }

    /// Reads the body to its end and counts it only.
    public func dropBody() throws {
        guard !bodyDone else { return }
        try consume { _ in }
    }

    /// Reads so many bytes of a body that has a `Content-Length`, and leaves the rest unread.
    public func readSome(_ count: Int) throws {
        _ = try reader.read(count)
        upstream.change(index) { $0.bodyCount += count }
    }

    /// Waits until bytes of a body have come, whatever its framing, and takes none.
    private func consume(_ onPiece: ([UInt8]) -> Void) throws {
        try reader.readBody(of: head) { piece in
            onPiece(piece)
            upstream.change(index) { $0.bodyCount += piece.count }
        }
        bodyDone = true
        upstream.change(index) { $0.bodyIsComplete = true }
    }

    public func send(_ text: String) throws { try send(Array(text.utf8)) }

    public func send(_ bytes: [UInt8]) throws { try reader.socket.send(bytes) }

    /// Sends a whole answer with a `Content-Length`.
    public func answer(_ status: String, _ fields: [String] = [], body: String = "") throws {
        let bytes = Array(body.utf8)
        var lines = ["HTTP/1.1 \(status)"] + fields
        let hasLength = fields.contains { $0.lowercased().hasPrefix("content-length:") }
        if !status.hasPrefix("204") && !status.hasPrefix("304") && !hasLength {
            lines.append("Content-Length: \(bytes.count)")
        }
        let text = lines.joined(separator: "\r\n") + "\r\n\r\n"
        try send(Array(text.utf8) + (method == "HEAD" ? [] : bytes))
    }

    /// Closes in order, after what was sent.
    public func close() {
        isClosed = true
        reader.socket.close()
    }

    /// Ends this direction (FIN); what the other side still sends is read.
    public func finishSending() { reader.socket.finishSending() }

    /// Closes with a reset.
    public func reset() {
        isClosed = true
        reader.socket.reset()
    }

    /// Waits until the other side has ended the connection.
    @discardableResult
    public func waitForEnd() throws -> Bool {
        isClosed = true
        return try reader.readToEnd().reset
    }

    /// Answers as a registry would that keeps nothing and has everything asked for.
    public func answerLikeARegistry() throws {
        try readBody()
        let path = String(target.split(separator: "?").first ?? "")
        let version = "Docker-Distribution-Api-Version: registry/2.0"
        let digest = "sha256:" + String(repeating: "a", count: 64)
        switch method {
        case "POST":
            let session = "\(path)6f1e?_state=a-b_c%3D"
            let fields = [
                version, "Location: \(session)", "Docker-Upload-UUID: 6f1e", "Range: 0-0",
            ]
            try answer("202 Accepted", fields)
        case "PATCH":
            try answer("202 Accepted", [version, "Location: \(target)", "Range: 0-0"])
        case "PUT":
            let fields = [version, "Location: \(path)", "Docker-Content-Digest: \(digest)"]
            try answer("201 Created", fields)
        case "DELETE":
            try answer("202 Accepted", [version])
        default:
            let fields = [
                version, "Content-Type: application/json", "Docker-Content-Digest: \(digest)",
            ]
            let isTagList = path.hasSuffix("/tags/list")
            try answer("200 OK", fields, body: isTagList ? #"{"tags":["v1"]}"# : "{}")
        }
    }
}
