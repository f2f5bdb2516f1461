import Bytes
import HTTPWire

/// All that a parser says of a head, in a form that does not depend on where the bytes lie.
private struct Reading: Equatable {
    var first: [[UInt8]] = []
    var minorVersion = 0
    var framing = BodyFraming.none
    var keepsAlive = false
    var expectsContinue = false
    var lines: [Line] = []
    /// Not part of what the head means.
    var byteCount = 0

    struct Line: Equatable {
        let name: [UInt8]
        let value: [UInt8]
        let isConnectionNamed: Bool
    }

    mutating func take(_ fields: FieldSection, in bytes: [UInt8]) {
        lines = fields.lines.map { line in
            Line(
                name: Array(bytes[line.name.range]),
                value: Array(bytes[line.value.range]),
                isConnectionNamed: line.isConnectionNamed
            )
        }
    }

    func values(of name: String) -> [[UInt8]] {
        lines.filter { Grammar.lowercased($0.name) == Array(name.utf8) }.map(\.value)
    }

    /// The same head, written in the one plain way.
    func written(firstLine: [UInt8]) -> [UInt8] {
        var bytes = firstLine + Array("\r\n".utf8)
        for line in lines {
            bytes += line.name + Array(": ".utf8) + line.value + Array("\r\n".utf8)
        }
        return bytes + Array("\r\n".utf8)
    }

    static func == (left: Reading, right: Reading) -> Bool {
        left.first == right.first && left.minorVersion == right.minorVersion
            && left.framing == right.framing && left.keepsAlive == right.keepsAlive
            && left.expectsContinue == right.expectsContinue && left.lines == right.lines
    }
}

/// `nil`: incomplete.
private typealias Verdict = Result<Reading?, WireError>

/// Small, so that a fuzzer gets to every limit.
private let limits = HeadLimits(
    requestLine: 128,
    section: 600,
    fieldCount: 8,
    fieldName: 24,
    accept: 48
)

private func readRequest(_ bytes: [UInt8], byteByByte: Bool = false) -> Verdict {
    var head = RequestHead()
    do throws(WireError) {
        for count in (byteByByte ? 0 : bytes.count)...bytes.count
        where try head.parse(bytes.span.extracting(0..<count), limits: limits) {
            var reading = Reading()
            reading.first = [Array(bytes[head.methodPlace.range]), Array(bytes[head.target.range])]
            reading.minorVersion = head.minorVersion
            reading.framing = head.framing
            reading.keepsAlive = head.keepsAlive
            reading.expectsContinue = head.expectsContinue
            reading.byteCount = head.byteCount
            reading.take(head.fields, in: bytes)
            return .success(reading)
        }
        return .success(nil)
    } catch {
        return .failure(error)
    }
}

private func readAnswer(
    _ bytes: [UInt8],
    to method: HTTPWire.Method,
    byteByByte: Bool = false
) -> Verdict {
    var head = ResponseHead()
    do throws(WireError) {
        for count in (byteByByte ? 0 : bytes.count)...bytes.count
        where try head.parse(
            bytes.span.extracting(0..<count),
            limits: limits,
            answering: method
        ) {
            var reading = Reading()
            reading.first = [Array(String(head.status).utf8), Array(bytes[head.reason.range])]
            reading.minorVersion = head.minorVersion
            reading.framing = head.framing
            reading.keepsAlive = head.keepsAlive
            reading.byteCount = head.byteCount
            reading.take(head.fields, in: bytes)
            return .success(reading)
        }
        return .success(nil)
    } catch {
        return .failure(error)
    }
}

extension FuzzTarget {
    /// A request head has one reading, however it arrives, and that is the reading of its plain
    /// form as well.
    static let requestHead = FuzzTarget("request-head") { bytes throws(Finding) in
        let verdict = readRequest(bytes)
        let slow = readRequest(bytes, byteByByte: true)
        try expect(slow == verdict, "byte by byte: \(slow), at once: \(verdict)")
        guard case .success(let reading?) = verdict else { return }
        try checkCommon(reading, in: bytes, again: { readRequest($0) })
        try expect(Grammar.isToken(reading.first[0]), "the method is no token")
        try expect(
            !reading.first[1].isEmpty && Grammar.isVisible(reading.first[1]),
            "the target is not visible ASCII"
        )
        let hostCount = reading.values(of: "host").count
        // HTTP/1.0 knows no Host.
        let isEnough = hostCount == 1 || reading.minorVersion == 0
        try expect(isEnough && hostCount <= 1, "Host stands \(hostCount) times")
        try expect(reading.values(of: "authorization").count <= 1, "Authorization is repeated")
        if reading.framing.expectsBytes {
            let carriers = ["POST", "PUT", "PATCH"].map { Array($0.utf8) }
            try expect(carriers.contains(reading.first[0]), "this method has no body")
            try expect(reading.framing != .untilClose, "no request ends with the connection")
        }
        let line = reading.first[0] + [0x20] + reading.first[1] + [0x20]
        let plain = reading.written(
            firstLine: line + Array("HTTP/1.\(reading.minorVersion)".utf8)
        )
        // Blanks that were left out may have hidden a section that is too long for the limits.
        if plain.count <= reading.byteCount {
            try expect(readRequest(plain) == .success(reading), "rewritten: \(readRequest(plain))")
        }
    }

    /// The same of an answer, to a GET and to a HEAD.
    static let responseHead = FuzzTarget("response-head") { bytes throws(Finding) in
        for method in [HTTPWire.Method.get, .head] {
            let verdict = readAnswer(bytes, to: method)
            let slow = readAnswer(bytes, to: method, byteByByte: true)
            try expect(slow == verdict, "byte by byte: \(slow), at once: \(verdict)")
            guard case .success(let reading?) = verdict else { continue }
            try checkCommon(reading, in: bytes, again: { readAnswer($0, to: method) })
            let status = Int(String(decoding: reading.first[0], as: UTF8.self)) ?? 0
            try expect((100...599).contains(status) && status != 101, "status \(status)")
            try expect(Grammar.isFieldValue([0x61] + reading.first[1] + [0x61]), "the reason")
            if method == .head || status < 200 || status == 204 || status == 304 {
                try expect(reading.framing == .none, "\(status) has a body")
            }
            let line = Array("HTTP/1.\(reading.minorVersion) \(status) ".utf8) + reading.first[1]
            let plain = reading.written(firstLine: line)
            if plain.count <= reading.byteCount {
                try expect(
                    readAnswer(plain, to: method) == .success(reading),
                    "rewritten: \(readAnswer(plain, to: method))"
                )
            }
        }
    }

    private static func checkCommon(
        _ reading: Reading,
        in bytes: [UInt8],
        again: ([UInt8]) -> Verdict
    ) throws(Finding) {
        let head = Array(bytes[..<reading.byteCount])
        try expect(head.suffix(4) == Array("\r\n\r\n".utf8)[...], "the end of the head")
        try expect(again(head) == .success(reading), "what follows the head was looked at")
        try expect(again(head.dropLast()) == .success(nil), "a prefix is complete or refused")
        try expect(reading.lines.count <= limits.fieldCount, "too many fields")
        for line in reading.lines {
            try expect(Grammar.isFieldName(line.name), "the name \(shown(line.name))")
            try expect(line.name.count <= limits.fieldName, "a name is too long")
            try expect(Grammar.isFieldValue(line.value), "the value \(shown(line.value))")
        }
        try checkFraming(reading)
    }

    /// RFC 9112 section 6.3, as strict as rule R3.
    private static func checkFraming(_ reading: Reading) throws(Finding) {
        let lengths = reading.values(of: "content-length")
        let codings = reading.values(of: "transfer-encoding")
        try expect(lengths.count + codings.count <= 1, "two statements about the length")
        if let length = lengths.first {
            try expect(Grammar.isDigits(length), "the length \(shown(length))")
            if case .length(let value) = reading.framing {
                let digits = String(decoding: length.drop { $0 == 0x30 }, as: UTF8.self)
                try expect((digits.isEmpty ? "0" : digits) == String(value), "length \(value)")
            }
        }
        if let coding = codings.first {
            try expect(Grammar.lowercased(coding) == Array("chunked".utf8), "the coding")
            try expect(reading.minorVersion == 1, "a coding in HTTP/1.0")
        }
        if reading.framing == .chunked { try expect(!codings.isEmpty, "chunked by nobody") }
    }

    /// The value of `Connection` is a list of tokens, and marks exactly the lines that it names
    /// (RFC 9110 section 7.6.1).
    static let connection = FuzzTarget("connection") { bytes throws(Finding) in
        guard !bytes.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return }
        let text =
            Array("GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nKeep-Alive: 2\r\nConnection: ".utf8)
            + bytes + Array("\r\nRange: 3\r\n\r\n".utf8)
        guard case .success(let reading?) = readRequest(text) else { return }
        let options = bytes.split(separator: UInt8(ascii: ",")).map(Grammar.trimmed)
            .filter { !$0.isEmpty }
        try expect(options.allSatisfy(Grammar.isToken), "an option is no token")
        let names = Set(options.map { String(decoding: Grammar.lowercased($0), as: UTF8.self) })
        try expect(
            names.isDisjoint(with: ["host", "content-length", "transfer-encoding"]), "framing")
        try expect(reading.keepsAlive == !names.contains("close"), "close")
        for line in reading.lines {
            let name = String(decoding: Grammar.lowercased(line.name), as: UTF8.self)
            // `keep-alive` is an option of its own, and that field crosses in no case.
            guard name != "keep-alive" else { continue }
            try expect(line.isConnectionNamed == names.contains(name), "the mark of \(name)")
        }
    }
}
