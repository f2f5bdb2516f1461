public import Bytes

/// Turns records into lines of the access log, one call per request, without allocating.
///
/// A value of its own per loop, because it remembers the text of the last second.
public struct AccessLineEncoder: Sendable {
    /// What `log.access.format` offers.
    public enum Format: Sendable, CaseIterable {
        /// The keys and their order are those of the product contract, section 7.
        case json
        /// Apache's and nginx's combined format; the referer is always `-`.
        case combined
    }

    public let format: Format
    private var timestamp = Timestamp()
    private var commonTimestamp = CommonLogTimestamp()
    /// Whether the line at hand shows less of something than there was.
    private var isTruncated = false

    public init(_ format: Format) { self.format = format }

    /// The most bytes of each part that a line shows. More sets `truncated`.
    enum Limit {
        static let method = 32
        static let path = 2048
        static let query = 2048
        static let userAgent = 1024
        static let client = 64
        static let user = 256
        static let repository = 255
        static let reference = 256
        static let rule = 128
        static let ruleCount = 16
    }

    /// No line is longer, newline included, whatever the record holds: six bytes for each byte that
    /// is shown, and 1 KiB for keys, numbers and words.
    public static let maximumLineLength =
        6
        * (Limit.method + Limit.path + Limit.query + Limit.userAgent + Limit.client
            + 2 * Limit.user + Limit.repository + Limit.reference)
        + Limit.ruleCount * (6 * Limit.rule + 3) + GivenRequestID.longest + 1024

    /// Appends one line and its newline.
    ///
    /// - Parameter head: the bytes that the record's places point into.
    /// - Precondition: `maximumLineLength` bytes of room.
    public mutating func append(
        _ record: AccessRecord,
        head: borrowing Span<UInt8>,
        to buffer: Buffer
    ) {
        precondition(buffer.room >= Self.maximumLineLength)
        switch format {
        case .json:
            isTruncated = false
            appendWho(record, to: buffer)
            appendWhat(record, head: head, to: buffer)
            appendResult(record, to: buffer)
            appendRest(record, head: head, to: buffer)
        case .combined:
            appendCombined(record, head: head, to: buffer)
        }
    }

    // MARK: - JSON

    private mutating func appendWho(_ record: AccessRecord, to buffer: Buffer) {
        buffer.append(literal: "{\"ts\":\"")
        timestamp.append(record.time, to: buffer)
        buffer.append(literal: "\",\"id\":\"")
        record.id.append(to: buffer, unless: record.givenID)
        buffer.append(0x22 as UInt8)
        append(",\"client\":\"", record.client, Limit.client, to: buffer)
        append(",\"user\":\"", record.user, Limit.user, to: buffer)
        append(",\"auth\":\"", record.login?.text, to: buffer)
    }

    private mutating func appendWhat(
        _ record: AccessRecord,
        head: borrowing Span<UInt8>,
        to buffer: Buffer
    ) {
        if let method = record.method {
            append(",\"method\":\"", head.extracting(method), Limit.method, to: buffer)
        }
        if let target = record.path {
            let path = head.extracting(head.shownPath(in: target))
            append(",\"path\":\"", path, Limit.path, to: buffer)
        }
        append(",\"operation\":\"", record.operation?.text, to: buffer)
        append(",\"repository\":\"", record.repository, Limit.repository, to: buffer)
        append(",\"reference\":\"", record.reference, Limit.reference, to: buffer)
    }

    private mutating func appendResult(_ record: AccessRecord, to buffer: Buffer) {
        append(",\"status\":", record.status, to: buffer)
        append(",\"outcome\":\"", record.outcome?.text, to: buffer)
        append(",\"decision\":\"", record.decision?.text, to: buffer)
        appendRules(record.rules, to: buffer)
        append(",\"bytes_in\":", record.bytesIn, to: buffer)
        append(",\"bytes_out\":", record.bytesOut, to: buffer)
        append(",\"first_byte_ms\":", milliseconds: record.firstByte, to: buffer)
        append(",\"duration_ms\":", milliseconds: record.duration, to: buffer)
        append(",\"upstream_ms\":", milliseconds: record.upstream, to: buffer)
    }

    private mutating func appendRest(
        _ record: AccessRecord,
        head: borrowing Span<UInt8>,
        to buffer: Buffer
    ) {
        if let userAgent = record.userAgent {
            append(
                ",\"user_agent\":\"", head.extracting(userAgent), Limit.userAgent,
                to: buffer)
        }
        append(",\"tls\":\"", record.tls?.text, to: buffer)
        append(",\"user_claimed\":\"", record.claimedUser, Limit.user, to: buffer)
        if let query = record.query { appendQuery(head.extracting(query), to: buffer) }
        if isTruncated { buffer.append(literal: ",\"truncated\":true") }
        append(",\"shadow\":\"", record.shadow?.text, to: buffer)
        buffer.append(literal: "}\n")
    }

    private mutating func appendRules(_ rules: [ByteString], to buffer: Buffer) {
        guard !rules.isEmpty else { return }
        if rules.count > Limit.ruleCount { isTruncated = true }
        var key: StaticString = ",\"rules\":[\""
        for index in 0..<min(rules.count, Limit.ruleCount) {
            append(key, rules[index], Limit.rule, to: buffer)
            key = ",\""
        }
        buffer.append(0x5D as UInt8)
    }

    private mutating func appendQuery(_ query: borrowing Span<UInt8>, to buffer: Buffer) {
        var position = 0
        var left = Limit.query
        var separator: StaticString = ",\"query\":\""
        while let parameter = query.nextShownParameter(from: &position) {
            let shown = query.extracting(parameter)
            let count = shown.countToShow(atMost: left)
            if count < shown.count { isTruncated = true }
            guard count > 0 else { break }
            buffer.append(separator)
            buffer.append(jsonEscaped: shown.extracting(0..<count))
            left -= min(left, count + 1)
            separator = "&"
        }
        if left < Limit.query { buffer.append(0x22 as UInt8) }
    }

    // MARK: - One key and its value

    private mutating func append(
        _ key: StaticString,
        _ text: borrowing Span<UInt8>,
        _ limit: Int,
        to buffer: Buffer
    ) {
        let count = text.countToShow(atMost: limit)
        if count < text.count { isTruncated = true }
        buffer.append(key)
        buffer.append(jsonEscaped: text.extracting(0..<count))
        buffer.append(0x22 as UInt8)
    }

    private mutating func append(
        _ key: StaticString,
        _ text: ByteString?,
        _ limit: Int,
        to buffer: Buffer
    ) {
        if let text { append(key, text.span, limit, to: buffer) }
    }

    private func append(_ key: StaticString, _ word: StaticString?, to buffer: Buffer) {
        guard let word else { return }
        buffer.append(key)
        buffer.append(word)
        buffer.append(0x22 as UInt8)
    }

    private func append(_ key: StaticString, _ number: Int?, to buffer: Buffer) {
        guard let number else { return }
        buffer.append(key)
        buffer.append(decimal: max(0, number))
    }

    private func append(
        _ key: StaticString,
        milliseconds nanoseconds: Int64?,
        to buffer: Buffer
    ) {
        guard let nanoseconds else { return }
        buffer.append(key)
        buffer.append(thousandths: Int(max(0, nanoseconds)) / 1000)
    }

    // MARK: - Combined

    private mutating func appendCombined(
        _ record: AccessRecord,
        head: borrowing Span<UInt8>,
        to buffer: Buffer
    ) {
        appendBare(record.client, Limit.client, to: buffer)
        buffer.append(literal: " - ")
        appendBare(record.user, Limit.user, to: buffer)
        buffer.append(literal: " [")
        commonTimestamp.append(record.time, to: buffer)
        buffer.append(literal: "] \"")
        appendRequestLine(record, head: head, to: buffer)
        buffer.append(literal: "\" ")
        buffer.append(decimal: max(0, record.status ?? 0))
        buffer.append(0x20 as UInt8)
        buffer.append(decimal: max(0, record.bytesOut ?? 0))
        buffer.append(literal: " \"-\" \"")
        if let userAgent = record.userAgent {
            appendCut(head.extracting(userAgent), Limit.userAgent, to: buffer)
        } else {
            buffer.append(0x2D as UInt8)
        }
        buffer.append(literal: "\"\n")
    }

    /// `METHOD path?query HTTP/1.x`, or `-` where there was no request line to speak of.
    private func appendRequestLine(
        _ record: AccessRecord,
        head: borrowing Span<UInt8>,
        to buffer: Buffer
    ) {
        guard let method = record.method, let target = record.path else {
            return buffer.append(0x2D as UInt8)
        }
        appendCut(head.extracting(method), Limit.method, to: buffer)
        buffer.append(0x20 as UInt8)
        appendCut(head.extracting(head.shownPath(in: target)), Limit.path, to: buffer)
        if let place = record.query {
            let query = head.extracting(place)
            var position = 0
            var left = Limit.query
            var separator: UInt8 = 0x3F
            while left > 0, let parameter = query.nextShownParameter(from: &position) {
                buffer.append(separator)
                appendCut(query.extracting(parameter), left, to: buffer)
                left -= min(left, parameter.count + 1)
                separator = 0x26
            }
        }
        buffer.append(literal: record.minorVersion == 0 ? " HTTP/1.0" : " HTTP/1.1")
    }

    private func appendCut(_ text: borrowing Span<UInt8>, _ limit: Int, to buffer: Buffer) {
        buffer.append(combinedEscaped: text.extracting(0..<text.countToShow(atMost: limit)))
    }

    /// A value without quotes: `-` if there is none, and no blank may move the columns after it. A
    /// user who is called `-` becomes `\x2D`.
    private func appendBare(_ text: ByteString?, _ limit: Int, to buffer: Buffer) {
        guard let text, !text.isEmpty else { return buffer.append(0x2D as UInt8) }
        if text.bytes == [0x2D] { return buffer.append(literal: "\\x2D") }
        let count = text.span.countToShow(atMost: limit)
        buffer.append(combinedEscaped: text.span.extracting(0..<count), blanksToo: true)
    }
}

extension Buffer {
    /// Appends `value` / 1000 with at most three decimals and no needless zero.
    ///
    /// - Precondition: `value >= 0` and 24 bytes of room.
    func append(thousandths value: Int) {
        append(decimal: value / 1000)
        var rest = value % 1000
        guard rest > 0 else { return }
        append(0x2E as UInt8)
        var unit = 100
        while rest > 0 {
            append(UInt8(truncatingIfNeeded: 0x30 + rest / unit))
            rest %= unit
            unit /= 10
        }
    }
}
