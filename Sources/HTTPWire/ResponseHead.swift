public import Bytes

/// A status line and its fields (RFC 9112 sections 4 and 5), as places in the bytes read.
///
/// An upstream is read as strictly as a client: an answer that could be read in two ways would end
/// at two places, and the rest would become somebody else's answer.
public struct ResponseHead: Sendable {
    /// 100 to 599, but not 101. 0 until the head is complete.
    public private(set) var status = 0
    /// The reason phrase; may be empty.
    public private(set) var reason = Place.none
    /// 0 or 1, for HTTP/1.0 and HTTP/1.1.
    public private(set) var minorVersion = 0
    /// The field lines.
    public private(set) var fields = FieldSection()
    /// Where the body ends.
    public private(set) var framing = BodyFraming.none
    /// The value of `Content-Length`, also where no body follows (HEAD, 304). `nil` if absent.
    public private(set) var contentLength: Int?
    /// Whether the connection may be used again once the body is read to its end.
    public private(set) var keepsAlive = false
    /// How many bytes the head took. 0 until it is complete.
    public private(set) var byteCount = 0

    private var line = StatusLineScanner()
    private var scanner: HeadScanner?

    /// A head that has read nothing yet.
    public init() {}

    /// Whether this is an interim answer (1xx): the final one is still to come on this connection.
    public var isInterim: Bool { (100...199).contains(status) }

    /// Forgets the head. To be called before the next one is parsed, also after an error.
    public mutating func reset() {
        fields.removeAll()
        line = StatusLineScanner()
        scanner = nil
        status = 0
        reason = .none
        minorVersion = 0
        byteCount = 0
        framing = .none
        contentLength = nil
        keepsAlive = false
    }

    /// Reads a head from the beginning of `bytes`; what follows it is not looked at.
    ///
    /// Returns `false` while the head is incomplete, like `RequestHead.parse`.
    /// - Parameter method: of the request that this answers. It decides whether a body follows.
    /// - Throws: the first broken rule. The connection must not be used any more.
    public mutating func parse(
        _ bytes: Span<UInt8>,
        limits: HeadLimits = HeadLimits(),
        answering method: Method
    ) throws(WireError) -> Bool {
        if byteCount > 0 { return true }
        if scanner == nil {
            guard try line.scan(bytes, limits: limits) else { return false }
            scanner = HeadScanner(from: line.position, limits: limits)
        }
        guard try scanner?.scan(bytes, into: &fields) == true else { return false }
        status = line.status
        reason = line.reason
        minorVersion = line.minorVersion
        try conclude(bytes, answering: method)
        byteCount = scanner?.position ?? 0
        return true
    }

    /// What the fields mean together.
    private mutating func conclude(
        _ bytes: Span<UInt8>,
        answering method: Method
    ) throws(WireError) {
        // The proxy never asks for another protocol.
        if status == 101 { throw .protocolSwitched }
        if fields.hasRepetitions { try refuseRepetitions(bytes) }
        let declared = try BodyFraming(declaredBy: fields, in: bytes, minorVersion: minorVersion)
        if case .length(let length) = declared { contentLength = length }
        framing = try framing(declared, answering: method)
        let options = try ConnectionOptions(reading: &fields, in: bytes)
        keepsAlive = options.persists(minorVersion: minorVersion) && framing != .untilClose
    }

    /// Singleton fields (RFC 9110 section 5.5): of two, each reader may take another.
    private static let singletons: [FieldName] = [
        .location, .contentType, .contentRange, .contentDisposition, .etag, .lastModified, .date,
        .retryAfter, .range,
    ]

    /// Of fields that begin with `Docker-` and `OCI-`, the version of the API may be said again, as
    /// proxies add it: it never crosses. The filters that were applied are a list.
    private func refuseRepetitions(_ bytes: Span<UInt8>) throws(WireError) {
        for name in Self.singletons where fields.isRepeated(name) { throw .fieldRepeated }
        for (index, line) in fields.lines.enumerated()
        where line.field == .docker || line.field == .oci {
            let name = bytes.extracting(line.name)
            if name.equalsIgnoringCase("docker-distribution-api-version")
                || name.equalsIgnoringCase("oci-filters-applied")
            {
                continue
            }
            for other in fields.lines[(index + 1)...] where other.field == line.field {
                if bytes.extracting(other.name).equalsIgnoringCase(name) { throw .fieldRepeated }
            }
        }
    }

    /// RFC 9112 section 6.3.
    private func framing(
        _ declared: BodyFraming,
        answering method: Method
    ) throws(WireError) -> BodyFraming {
        if status < 200 || status == 204 {
            // RFC 9110 section 8.6 and RFC 9112 section 6.1 forbid both fields here. A length of 0
            // is common and harmless; anything else leaves two readings.
            if declared.expectsBytes { throw .bodyNotAllowed }
            return .none
        }
        if status == 304 || method == .head { return .none }
        return declared == .none ? .untilClose : declared
    }
}
