import Bytes
import HTTPWire
import Testing

/// Some bytes and the rule they break; `nil`: they are fine.
struct Case: Sendable, CustomTestStringConvertible {
    let rule: String
    let bytes: [UInt8]
    let error: WireError?

    var testDescription: String { rule }

    /// `text` is UTF-8; `\u{80}` and above are two bytes.
    init(_ rule: String, _ text: String, _ error: WireError? = nil) {
        self.rule = rule
        bytes = Array(text.utf8)
        self.error = error
    }
}

/// A request with one field line more than it needs.
func request(_ line: String, method: String = "GET", version: String = "1.1") -> String {
    "\(method) /v2/ HTTP/\(version)\r\nHost: registry.example\r\n\(line)\r\n\r\n"
}

/// An answer with one field line.
func answer(_ line: String, status: String = "200 OK", version: String = "1.1") -> String {
    "HTTP/\(version) \(status)\r\n\(line)\r\n\r\n"
}

/// The text at a place. Bytes over 0x7F become one character each.
func text(_ place: Place, in bytes: [UInt8]) -> String {
    String(String.UnicodeScalarView(bytes[place.range].map { Unicode.Scalar($0) }))
}

/// All that a parse can say, comparable.
enum Verdict: Equatable, Sendable {
    case incomplete
    case refused(WireError)
    case complete(String)

    var error: WireError? {
        if case .refused(let error) = self { return error }
        return nil
    }
}

/// Hands `bytes` over up to each of `cuts` and at last in full, until the parse ends.
func feed(
    _ bytes: [UInt8],
    cuts: [Int],
    _ parse: (Span<UInt8>) throws(WireError) -> Bool
) -> Result<Bool, WireError> {
    do throws(WireError) {
        for cut in cuts where try parse(bytes.span.extracting(0..<cut)) { return .success(true) }
        return .success(try parse(bytes.span))
    } catch {
        return .failure(error)
    }
}

func describe(_ fields: FieldSection, in bytes: [UInt8]) -> String {
    fields.lines.map { line in
        "\(line.field)|\(text(line.name, in: bytes))=\(text(line.value, in: bytes))"
            + (line.isConnectionNamed ? "!" : "")
    }.joined(separator: "\n")
}

func readRequest(
    _ bytes: [UInt8],
    cuts: [Int] = [],
    limits: HeadLimits = HeadLimits()
) -> Verdict {
    var head = RequestHead()
    let result = feed(bytes, cuts: cuts) { span throws(WireError) in
        try head.parse(span, limits: limits)
    }
    switch result {
    case .failure(let error): return .refused(error)
    case .success(false): return .incomplete
    case .success(true):
        return .complete(
            """
            \(head.method) \(text(head.methodPlace, in: bytes)) \(text(head.target, in: bytes)) \
            \(head.minorVersion) \(head.framing) keepsAlive=\(head.keepsAlive) \
            expects=\(head.expectsContinue) \(head.byteCount)
            \(describe(head.fields, in: bytes))
            """
        )
    }
}

func readAnswer(
    _ bytes: [UInt8],
    cuts: [Int] = [],
    limits: HeadLimits = HeadLimits(),
    answering method: HTTPWire.Method = .get
) -> Verdict {
    var head = ResponseHead()
    let result = feed(bytes, cuts: cuts) { span throws(WireError) in
        try head.parse(span, limits: limits, answering: method)
    }
    switch result {
    case .failure(let error): return .refused(error)
    case .success(false): return .incomplete
    case .success(true):
        return .complete(
            """
            \(head.status) \(text(head.reason, in: bytes)) \(head.minorVersion) \(head.framing) \
            keepsAlive=\(head.keepsAlive) \(head.byteCount)
            \(describe(head.fields, in: bytes))
            """
        )
    }
}

/// A complete request head.
func head(_ text: String) throws -> (head: RequestHead, bytes: [UInt8]) {
    let bytes = Array(text.utf8)
    var head = RequestHead()
    guard try head.parse(bytes.span) else { throw Incomplete() }
    return (head, bytes)
}

/// A complete response head.
func responseHead(
    _ text: String,
    answering method: HTTPWire.Method = .get
) throws -> (head: ResponseHead, bytes: [UInt8]) {
    let bytes = Array(text.utf8)
    var head = ResponseHead()
    guard try head.parse(bytes.span, answering: method) else { throw Incomplete() }
    return (head, bytes)
}

struct Incomplete: Error {}

/// A small generator with a seed, so that a failure can be repeated.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

// `#expect` takes its arguments apart and cannot hold a `Span`: the same calls with arrays.

extension RequestHead {
    mutating func parse(array: [UInt8]) throws(WireError) -> Bool { try parse(array.span) }
}

extension ResponseHead {
    mutating func parse(array: [UInt8], answering method: HTTPWire.Method) throws(WireError) -> Bool
    {
        try parse(array.span, answering: method)
    }
}

extension ChunkedDecoder {
    mutating func next(array: [UInt8], from position: inout Int) throws(WireError) -> Step {
        try next(array.span, from: &position)
    }
}

func readAuthority(_ array: [UInt8], at place: Place) -> Authority? {
    Authority(parsing: array.span, at: place)
}

func fieldName(_ array: [UInt8]) -> FieldName { FieldName(array.span) }
