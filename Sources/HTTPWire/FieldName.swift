internal import Bytes

/// The field names that the proxy tells apart. Comparing them is comparing one byte.
///
/// Everything else is `other`; its spelling is in the `FieldLine`.
public enum FieldName: UInt8, Sendable, CaseIterable {
    /// Where to, and fields that belong to one connection only (RFC 9110 section 7.6.1).
    case host, connection, keepAlive, proxyConnection, te, trailer, upgrade
    /// Body framing (RFC 9112 section 6) and `Expect`.
    case transferEncoding, contentLength, expect
    /// Secrets of the client. They never cross the proxy.
    case authorization, proxyAuthorization, cookie
    /// What the client wants, and what it is.
    case accept, acceptEncoding, userAgent
    /// About the content.
    case contentType, contentRange, contentEncoding, contentDisposition
    /// Parts and conditions.
    case range, ifNoneMatch, ifMatch, ifModifiedSince, ifRange
    /// Where the request came from.
    case origin, xForwardedFor, xForwardedProto, xForwardedHost, forwarded, xRequestID
    /// Fields of answers.
    case location, link, etag, acceptRanges, cacheControl, lastModified, retryAfter, warning, vary
    /// More fields of answers.
    case date, wwwAuthenticate, setCookie, server
    /// Any name that begins with `Docker-`.
    case docker
    /// Any name that begins with `OCI-`.
    case oci
    /// Any other name.
    case other

    /// The name these bytes spell, in whatever case.
    public init(_ name: Span<UInt8>) {
        let known: FieldName? =
            switch name.count {
            case 2...9: name.shortFieldName
            case 10...13: name.middleFieldName
            case 14...19: name.longFieldName
            default: nil
            }
        self = known ?? name.prefixedFieldName ?? .other
    }
}

extension Span<UInt8> {
    @inline(__always)
    private func spells(_ text: StaticString, _ name: FieldName) -> FieldName? {
        equalsIgnoringCase(text) ? name : nil
    }

    fileprivate var shortFieldName: FieldName? {
        switch count {
        case 2: spells("te", .te)
        case 4:
            spells("host", .host) ?? spells("date", .date) ?? spells("etag", .etag)
                ?? spells("link", .link) ?? spells("vary", .vary)
        case 5: spells("range", .range)
        case 6:
            spells("accept", .accept) ?? spells("server", .server) ?? spells("expect", .expect)
                ?? spells("cookie", .cookie) ?? spells("origin", .origin)
        case 7:
            spells("trailer", .trailer) ?? spells("upgrade", .upgrade)
                ?? spells("warning", .warning)
        case 8:
            spells("location", .location) ?? spells("if-match", .ifMatch)
                ?? spells("if-range", .ifRange)
        case 9: spells("forwarded", .forwarded)
        default: nil
        }
    }

    fileprivate var middleFieldName: FieldName? {
        switch count {
        case 10:
            spells("user-agent", .userAgent) ?? spells("connection", .connection)
                ?? spells("keep-alive", .keepAlive) ?? spells("set-cookie", .setCookie)
        case 11: spells("retry-after", .retryAfter)
        case 12: spells("content-type", .contentType) ?? spells("x-request-id", .xRequestID)
        case 13:
            spells("authorization", .authorization) ?? spells("content-range", .contentRange)
                ?? spells("last-modified", .lastModified) ?? spells("accept-ranges", .acceptRanges)
                ?? spells("cache-control", .cacheControl) ?? spells("if-none-match", .ifNoneMatch)
        default: nil
        }
    }

    fileprivate var longFieldName: FieldName? {
        switch count {
        case 14: spells("content-length", .contentLength)
        case 15:
            spells("accept-encoding", .acceptEncoding) ?? spells("x-forwarded-for", .xForwardedFor)
        case 16:
            spells("content-encoding", .contentEncoding)
                ?? spells("x-forwarded-host", .xForwardedHost)
                ?? spells("proxy-connection", .proxyConnection)
                ?? spells("www-authenticate", .wwwAuthenticate)
        case 17:
            spells("transfer-encoding", .transferEncoding)
                ?? spells("x-forwarded-proto", .xForwardedProto)
                ?? spells("if-modified-since", .ifModifiedSince)
        case 19:
            spells("content-disposition", .contentDisposition)
                ?? spells("proxy-authorization", .proxyAuthorization)
        default: nil
        }
    }

    fileprivate var prefixedFieldName: FieldName? {
        if count > 7, extracting(0..<7).equalsIgnoringCase("docker-") { return .docker }
        if count > 4, extracting(0..<4).equalsIgnoringCase("oci-") { return .oci }
        return nil
    }
}
