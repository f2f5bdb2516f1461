import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI
import Secrets

// Which fields cross the proxy: those on two lists and no others (rules R7 and R8). Each is written
// anew from its parsed value; what the proxy says itself comes last and from nowhere else.

extension FieldName {
    /// May go from the client to the registry. `Host`, `Accept`, `Content-Type` and body framing
    /// are written by the proxy; credentials and cookies end here.
    fileprivate var crossesUpstream: Bool {
        switch self {
        case .acceptEncoding, .userAgent, .contentRange, .range, .ifNoneMatch, .ifMatch,
            .ifModifiedSince, .ifRange:
            true
        default: false
        }
    }

    /// May go from the client to storage that the registry has redirected to.
    fileprivate var crossesToStorage: Bool {
        switch self {
        case .accept, .acceptEncoding, .userAgent, .range, .ifNoneMatch, .ifMatch,
            .ifModifiedSince, .ifRange:
            true
        default: false
        }
    }

    /// May go from storage to the client.
    fileprivate var crossesFromStorage: Bool {
        switch self {
        case .contentType, .contentRange, .contentEncoding, .etag, .acceptRanges, .cacheControl,
            .lastModified, .date:
            true
        default: false
        }
    }

    /// May go from the registry to the client. `Location`, `Link` and body framing are written by
    /// the proxy; challenges, cookies and the server's name end here.
    fileprivate var crossesDownstream: Bool {
        switch self {
        case .contentType, .contentRange, .contentEncoding, .contentDisposition, .etag, .range,
            .acceptRanges, .cacheControl, .lastModified, .retryAfter, .warning, .vary, .date,
            .docker, .oci:
            true
        default: false
        }
    }
}

extension Exchange {
    /// The fields of the request to the registry, without body framing.
    func appendForwardedFields(to out: Buffer, of operation: RegistryOperation) {
        guard let headBytes else { return }
        let bytes = headBytes.bytes
        appendUpstreamHost(to: out)
        appendJoined(.accept, from: bytes, to: out)
        for line in head.fields.lines where line.field.crossesUpstream && !line.isConnectionNamed {
            out.append(field: line.field.canonical, bytes.extracting(line.value))
        }
        if operation.carriesBlob {
            // The registry reads mount and digest from a form, too: it must never see one.
            out.append("Content-Type: application/octet-stream\r\n")
        } else if head.framing.expectsBytes {
            for line in head.fields.lines
            where line.field == .contentType && !line.isConnectionNamed {
                out.append(field: "Content-Type", bytes.extracting(line.value))
            }
        }
        appendOrigin(to: out, from: bytes)
    }

    /// Whom the request is for, and who the proxy is there.
    func appendUpstreamHost(to out: Buffer) {
        out.append("Host: ")
        out.append(settings.upstream.authority)
        out.append("\r\n")
        if let authorization = settings.upstream.authorization {
            out.append(field: "Authorization", authorization.bytes)
        }
    }

    /// All lines of one list field as a single one (RFC 9110 section 5.3).
    private func appendJoined(_ name: FieldName, from bytes: Span<UInt8>, to out: Buffer) {
        var isFirst = true
        for line in head.fields.lines
        where line.field == name && !line.value.isEmpty && !line.isConnectionNamed {
            if isFirst {
                out.append(name.canonical)
                out.append(": ")
            } else {
                out.append(", ")
            }
            isFirst = false
            out.append(bytes.extracting(line.value))
        }
        if !isFirst { out.append("\r\n") }
    }

    /// Storage learns what is wanted, and of the client only what that needs.
    func appendStorageFields(to out: Buffer) {
        guard let headBytes else { return }
        let bytes = headBytes.bytes
        for line in head.fields.lines where line.field.crossesToStorage && !line.isConnectionNamed {
            out.append(field: line.field.canonical, bytes.extracting(line.value))
        }
    }

    /// Where the request came from: ours alone, whatever the client said.
    func appendOrigin(to out: Buffer, from bytes: Span<UInt8>) {
        out.append("X-Forwarded-For: ")
        out.append(client.text)
        out.append("\r\nX-Forwarded-Proto: ")
        if let external = settings.externalURL {
            out.append(external.scheme)
        } else {
            out.append(forwardedScheme ?? (connection.tls == nil ? "http" : "https"))
        }
        if let host = head.fields.first(.host) {
            out.append("\r\nX-Forwarded-Host: ")
            out.append(bytes.extracting(host))
        }
        out.append("\r\nX-Request-Id: ")
        record.id.append(to: out, unless: record.givenID)
        out.append("\r\n")
    }

    /// The head of the registry's answer, as the client gets it.
    func appendResponseHead(to out: Buffer, from bytes: Span<UInt8>, framing: BodyFraming) {
        out.append(status: response.status, reason: bytes.extracting(response.reason))
        for line in response.fields.lines where !line.isConnectionNamed {
            if followedDigest != nil, !line.field.crossesFromStorage { continue }
            appendResponseField(line, from: bytes, to: out)
        }
        if let followedDigest { out.append(field: "Docker-Content-Digest", followedDigest.span) }
        appendCommonFields(to: out, isDated: response.fields.contains(.date))
        if framing != .none {
            out.append(framing: framing)
        } else if response.status != 204, let length = response.contentLength {
            out.append(framing: .length(length))
        }
        out.append("\r\n")
    }

    private func appendResponseField(_ line: FieldLine, from bytes: Span<UInt8>, to out: Buffer) {
        let value = bytes.extracting(line.value)
        switch line.field {
        case .location:
            let kept = LocationRewriting.pathOnly(value, ours: ownAuthorities)
            let location = value.extracting(kept ?? Place(0, value.count))
            out.append("Location: ")
            out.append(location)
            if kept != nil {
                noteUpload(at: location, from: bytes)
                appendTicket(forUploadAt: location, to: out)
            }
            out.append("\r\n")
        case .link:
            out.append("Link: ")
            LocationRewriting.appendRewrittenLink(value, ours: ownAuthorities, to: out)
            out.append("\r\n")
        case .docker, .oci:
            let name = bytes.extracting(line.name)
            // The proxy says this one itself, on every answer.
            if name.equalsIgnoringCase("docker-distribution-api-version") { return }
            out.append(name)
            out.append(": ")
            out.append(value)
            out.append("\r\n")
        case _ where line.field.crossesDownstream:
            out.append(field: line.field.canonical, value)
        default: break
        }
    }

    /// Whom a URL in an answer may name and mean us, in lower case.
    var ownAuthorities: [ByteString] {
        var names = [settings.upstream.authority]
        if let external = settings.externalURL { names.append(external.authority) }
        if let headBytes, let host = head.fields.first(.host) {
            names.append(ByteString(lowercasing: headBytes.bytes.extracting(host)))
        }
        return names
    }
}

extension Buffer {
    func append(field name: StaticString, _ value: Span<UInt8>) {
        append(name)
        append(": ")
        append(value)
        append("\r\n")
    }

    /// The field that says where the body ends; none for a body that ends with the connection.
    func append(framing: BodyFraming) {
        switch framing {
        case .none, .untilClose: break
        case .length(let count):
            append("Content-Length: ")
            append(decimal: count)
            append("\r\n")
        case .chunked: append("Transfer-Encoding: chunked\r\n")
        }
    }

    /// A status line. Where there is no reason phrase, the usual one of RFC 9110 section 15.
    func append(status: Int, reason: Span<UInt8>) {
        append("HTTP/1.1 ")
        append(decimal: status)
        append(UInt8(ascii: " "))
        if reason.isEmpty { append(Self.reason(for: status)) } else { append(reason) }
        append("\r\n")
    }

    private static func reason(for status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}

extension ByteString {
    init(lowercasing span: Span<UInt8>) {
        var bytes = ByteString(copying: span).bytes
        for index in bytes.indices { bytes[index] = bytes[index].asciiLowercased }
        self.init(bytes)
    }
}
