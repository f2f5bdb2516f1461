public import Bytes
import Logbook

/// Turns records into the inside of lines: all that does not depend on the place in the chain.
///
/// Belongs to one thread: it remembers the text of the last second, and all records are written in
/// the same memory before they become a text of their own length.
public final class RecordEncoder {
    private let node: ByteString
    private var timestamp = Timestamp()
    private let line = Buffer(capacity: RecordEncoder.lineByteCount)

    /// A whole line has at most this many bytes, its newline included.
    public static let lineByteCount = 8192
    /// What `Chain` writes around the inside of a line.
    static let frameByteCount = 128

    /// The most bytes that each part may take in the line. All of them together fit: what may be
    /// long, lists and notes, ends where the parts behind it still have room.
    private enum Limit {
        static let node = 384
        static let user = 768
        static let userAgent = 768
        static let name = 256
        static let digest = 160
        static let rule = 256
        static let group = 256
        static let note = 512
        static let groupCount = 64
        /// Where in the line lists of groups, lists of rules and notes end.
        static let groupsEnd = 4096
        static let rulesEnd = 6656
        static let notesEnd = lineByteCount - frameByteCount - 16
    }

    /// - Parameter node: the name of this machine or instance.
    public init(node: ByteString) { self.node = node }

    /// The line's inside, from `"ts"` to the last brace, without a newline.
    public func encode(_ record: AuditRecord) -> ByteString {
        // A span must not outlive the access to the property that it is of.
        let (line, node) = (line, node)
        defer { line.clear() }
        line.append("\"ts\":\"")
        timestamp.append(record.time, to: line)
        line.append("\",\"node\":\"")
        line.append(escaped: node.span, atMost: Limit.node)
        line.append("\",\"event\":\"")
        line.append(record.event.text)
        line.append("\",\"outcome\":\"")
        line.append(record.outcome.text)
        line.append("\"")
        append(record.who)
        append(record.what)
        append(record.why)
        append(record.http)
        appendRest(of: record)
        line.append("}")
        return ByteString(copying: line.bytes)
    }

    private func append(_ who: AuditRecord.Who) {
        var object = ObjectWriter("who", line)
        object.member("user", who.user, atMost: Limit.user)
        object.member("user_claimed", who.claimed, atMost: Limit.user)
        object.member("auth", who.auth)
        object.member("ip", who.address, atMost: 64)
        object.member("ua", who.userAgent, atMost: Limit.userAgent)
        let shown = object.list(
            "groups",
            who.groups.prefix(Limit.groupCount),
            itemLimit: Limit.group,
            until: Limit.groupsEnd
        )
        if shown < who.groups.count { object.member("groups_more", who.groups.count - shown) }
        object.close()
    }

    private func append(_ what: AuditRecord.What) {
        var object = ObjectWriter("what", line)
        object.member("action", what.action)
        object.member("repository", what.repository, atMost: Limit.name)
        object.member("tag", what.tag, atMost: Limit.name)
        object.member("digest", what.digest, atMost: Limit.digest)
        object.member("was", what.was, atMost: Limit.digest)
        object.member("size", what.size)
        object.member("from", what.from, atMost: Limit.name)
        object.close()
    }

    private func append(_ why: AuditRecord.Why) {
        var object = ObjectWriter("why", line)
        object.list("allow", why.allow[...], itemLimit: Limit.rule, until: Limit.rulesEnd)
        object.list("deny", why.deny[...], itemLimit: Limit.rule, until: Limit.rulesEnd)
        object.member("reason", why.reason)
        object.member("generation", why.generation)
        object.close()
    }

    private func append(_ http: AuditRecord.HTTP?) {
        guard let http else { return }
        var object = ObjectWriter("http", line)
        object.member("id", http.id, unless: http.givenID)
        object.member("method", http.method)
        object.member("status", http.status)
        object.member("ms", milliseconds: http.nanoseconds)
        object.close()
    }

    private func appendRest(of record: AuditRecord) {
        if let count = record.count {
            line.append(",\"count\":")
            line.append(decimal: count)
        }
        if let since = record.since {
            line.append(",\"since\":\"")
            timestamp.append(since, to: line)
            line.append("\"")
        }
        guard !record.notes.isEmpty else { return }
        line.append(",\"notes\":[")
        for (index, note) in record.notes.enumerated() {
            guard line.count + Limit.note + 4 < Limit.notesEnd else { break }
            line.append(index > 0 ? ",\"" : "\"")
            line.append(escaped: ByteString(note).span, atMost: Limit.note)
            line.append("\"")
        }
        line.append("]")
    }
}

/// Writes one object as a member of the line, and nothing at all if it stays empty.
private struct ObjectWriter {
    private let name: StaticString
    private let line: Buffer
    private var isOpen = false

    init(_ name: StaticString, _ line: Buffer) {
        self.name = name
        self.line = line
    }

    mutating func member(_ key: StaticString, _ value: ByteString?, atMost limit: Int) {
        guard let value else { return }
        begin(key)
        line.append("\"")
        line.append(escaped: value.span, atMost: limit)
        line.append("\"")
    }

    mutating func member(_ key: StaticString, _ value: StaticText?) {
        guard let value else { return }
        begin(key)
        line.append("\"")
        line.append(value.text)
        line.append("\"")
    }

    /// Neither has a character that would need an escape.
    mutating func member(_ key: StaticString, _ id: RequestID, unless given: GivenRequestID?) {
        begin(key)
        line.append("\"")
        id.append(to: line, unless: given)
        line.append("\"")
    }

    mutating func member(_ key: StaticString, _ value: Int?) {
        guard let value else { return }
        begin(key)
        line.append(decimal: value)
    }

    /// With three decimals.
    mutating func member(_ key: StaticString, milliseconds nanoseconds: Int64?) {
        guard let nanoseconds else { return }
        begin(key)
        let microseconds = Int(max(0, nanoseconds) / 1000)
        line.append(decimal: microseconds / 1000)
        line.append(".")
        for divisor in [100, 10, 1] {
            line.append(UInt8(0x30 + microseconds % 1000 / divisor % 10))
        }
    }

    /// - Parameter end: no item begins that might make the line longer.
    /// - Returns: how many items there was room for.
    @discardableResult
    mutating func list(
        _ key: StaticString,
        _ items: ArraySlice<ByteString>,
        itemLimit: Int,
        until end: Int
    ) -> Int {
        guard !items.isEmpty else { return 0 }
        begin(key)
        line.append("[")
        var shown = 0
        for item in items {
            guard line.count + itemLimit + 4 < end else { break }
            line.append(shown > 0 ? ",\"" : "\"")
            line.append(escaped: item.span, atMost: itemLimit)
            line.append("\"")
            shown += 1
        }
        line.append("]")
        return shown
    }

    mutating func close() { if isOpen { line.append("}") } }

    private mutating func begin(_ key: StaticString) {
        if isOpen {
            line.append(",\"")
        } else {
            line.append(",\"")
            line.append(name)
            line.append("\":{\"")
            isOpen = true
        }
        line.append(key)
        line.append("\":")
    }
}

extension Buffer {
    /// Appends `text` as the inside of a JSON string of at most `limit` bytes; what does not fit is
    /// left out at the end.
    fileprivate func append(escaped text: borrowing Span<UInt8>, atMost limit: Int) {
        if text.isPlain {
            append(text.extracting(0..<text.countToShow(atMost: limit)))
        } else {
            append(jsonEscaped: text.extracting(0..<text.countToShow(atMost: limit / 6)))
        }
    }
}

extension Span<UInt8> {
    /// Whether a JSON string holds it as it is.
    fileprivate var isPlain: Bool {
        for index in 0..<count {
            let byte = self[index]
            if byte &- 0x20 >= 0x5F || byte == 0x22 || byte == 0x5C { return false }
        }
        return true
    }
}
