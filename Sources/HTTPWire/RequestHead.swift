public import Bytes

/// A request line and its fields (RFC 9112 sections 3 and 5), as places in the bytes read.
///
/// Made once and used for one request after another: `reset` keeps the memory. A head that parsed
/// has one reading only; whatever could have two was refused (`WireError`).
public struct RequestHead: Sendable {
    /// The method; `other` for tokens no route knows.
    public private(set) var method = Method.get
    /// How the method was written.
    public private(set) var methodPlace = Place.none
    /// The request target as sent: visible ASCII, not empty. Read it with `RequestTarget`.
    public private(set) var target = Place.none
    /// 0 or 1, for HTTP/1.0 and HTTP/1.1.
    public private(set) var minorVersion = 0
    /// The field lines. `Host` is there exactly once, in HTTP/1.0 once at most; `Authorization` and
    /// every other field that says one thing once at most.
    public private(set) var fields = FieldSection()
    /// Where the body ends. `length` and `chunked` only with POST, PUT and PATCH; never
    /// `untilClose`.
    public private(set) var framing = BodyFraming.none
    /// Whether the client wants to use the connection again (RFC 9112 section 9.3).
    public private(set) var keepsAlive = false
    /// Whether the client waits for `100 Continue` before it sends a body (RFC 9110 section
    /// 10.1.1). Never without a body, and never for HTTP/1.0.
    public private(set) var expectsContinue = false
    /// How many bytes the head took, with an empty line skipped before it. 0 until it is complete.
    public private(set) var byteCount = 0

    private var line = RequestLineScanner()
    private var scanner: HeadScanner?

    /// A head that has read nothing yet.
    public init() {}

    /// Whether the request line is read: method, target and version mean something from here on,
    /// also when the fields are refused or never come.
    public var hasRequestLine: Bool { scanner != nil }

    /// Forgets the head. To be called before the next one is parsed, also after an error.
    public mutating func reset() {
        fields.removeAll()
        line = RequestLineScanner()
        scanner = nil
        method = .get
        methodPlace = .none
        target = .none
        minorVersion = 0
        byteCount = 0
        framing = .none
        keepsAlive = false
        expectsContinue = false
    }

    /// Reads a head from the beginning of `bytes`; what follows it is not looked at.
    ///
    /// Returns `false` while the head is incomplete: call again with the same bytes and more. It
    /// goes on where it stopped, however the bytes are cut up, and the result does not depend on
    /// the cuts. Once complete it stays so; fields and what follows from them mean something only
    /// then.
    /// - Throws: the first broken rule. Nothing behind such a head can be trusted: answer and
    ///   close.
    public mutating func parse(
        _ bytes: Span<UInt8>,
        limits: HeadLimits = HeadLimits()
    ) throws(WireError) -> Bool {
        if byteCount > 0 { return true }
        if scanner == nil {
            guard try line.scan(bytes, limits: limits) else { return false }
            methodPlace = line.method
            method = Method(bytes.extracting(line.method))
            target = line.target
            minorVersion = line.minorVersion
            scanner = HeadScanner(from: line.position, limits: limits)
        }
        guard try scanner?.scan(bytes, into: &fields) == true else { return false }
        try conclude(bytes, limits: limits)
        byteCount = scanner?.position ?? 0
        return true
    }

    /// What the fields mean together.
    private mutating func conclude(
        _ bytes: Span<UInt8>,
        limits: HeadLimits
    ) throws(WireError) {
        try checkHost(bytes)
        try checkRepetitions(limits)
        framing = try BodyFraming(declaredBy: fields, in: bytes, minorVersion: minorVersion)
        if !method.mayCarryBody {
            if framing.expectsBytes { throw .bodyNotAllowed }
            framing = .none
        }
        let options = try ConnectionOptions(reading: &fields, in: bytes)
        keepsAlive = options.persists(minorVersion: minorVersion)
        try readExpectation(bytes)
    }

    /// RFC 9112 section 3.2. HTTP/1.0 knew no `Host`; probes of load balancers still send none.
    private func checkHost(_ bytes: Span<UInt8>) throws(WireError) {
        guard let host = fields.first(.host) else {
            if minorVersion == 0 { return }
            throw .hostMissing
        }
        if fields.isRepeated(.host) { throw .hostRepeated }
        if Authority(parsing: bytes, at: host) == nil { throw .hostMalformed }
    }

    /// Those of the fields that the proxy reads or passes on which are no lists.
    private static let singletons: [FieldName] = [
        .contentType, .contentRange, .range, .ifRange, .ifModifiedSince, .userAgent,
    ]

    /// Fields that say one thing must say it once (RFC 9110 section 5.3).
    private func checkRepetitions(_ limits: HeadLimits) throws(WireError) {
        if fields.isRepeated(.authorization) { throw .authorizationRepeated }
        if fields.hasRepetitions {
            for name in Self.singletons where fields.isRepeated(name) { throw .fieldRepeated }
        }
        guard fields.contains(.accept) else { return }
        var byteCount = 0
        for line in fields.lines where line.field == .accept { byteCount += line.value.count }
        if byteCount > limits.accept { throw .acceptTooLong }
    }

    /// RFC 9110 section 10.1.1. A server must ignore it in an HTTP/1.0 request.
    private mutating func readExpectation(_ bytes: Span<UInt8>) throws(WireError) {
        guard let expectation = fields.first(.expect), minorVersion == 1 else { return }
        guard !fields.isRepeated(.expect),
            bytes.extracting(expectation).equalsIgnoringCase("100-continue")
        else { throw .expectationUnsupported }
        expectsContinue = framing.expectsBytes
    }
}
