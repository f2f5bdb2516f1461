public import Bytes

extension RegistryOperation {
    /// The most bytes that `appendUpstreamTarget` and `appendLoggedQuery` write.
    public static let longestUpstreamTarget = 10 * 1024

    /// Writes the target of the request to the upstream: the path anew from the checked values, the
    /// query from the known keys. Only the query of an upload session is the client's own, byte for
    /// byte, because the registry has signed parts of it.
    ///
    /// `base` gives `/v2/` and `health` gives `/`, for probes of our own; `options`, `ping` and
    /// `search` give nothing. The cursor of a catalog is for the proxy alone.
    ///
    /// - Precondition: `longestUpstreamTarget` bytes of room.
    public func appendUpstreamTarget(to buffer: Buffer) {
        precondition(buffer.room >= Self.longestUpstreamTarget)
        appendPath(to: buffer)
        var query = QueryWriter(buffer: buffer, separator: "?")
        switch self {
        case .base, .health, .options, .ping, .search, .blob: break
        case .catalog(let page, _), .tags(_, let page):
            query.append(page)
        case .referrers(_, _, let artifactType, let page):
            if let artifactType { query.append("artifactType", artifactType) }
            query.append(page)
        case .manifest(_, _, _, let tags):
            for tag in tags { query.append("tag", tag.bytes) }
        case .uploadStart(_, let digest, let algorithm):
            if let digest { query.append("digest", digest.bytes) }
            if let algorithm { query.append("digest-algorithm", algorithm) }
        case .uploadMount(_, let digest, let from):
            query.append("mount", digest.bytes)
            query.append("from", from.bytes)
        case .upload(_, _, _, let session):
            guard let bytes = session.bytes else { break }
            buffer.append(UInt8(ascii: "?"))
            buffer.append(bytes)
        }
    }

    /// Writes what the access log shows of the query: `n`, `last`, `mount`, `from`, `digest` and
    /// `tag`, never the state of an upload (`product.md` 7). Nothing if there is none of them.
    ///
    /// - Precondition: `longestUpstreamTarget` bytes of room.
    public func appendLoggedQuery(to buffer: Buffer) {
        precondition(buffer.room >= Self.longestUpstreamTarget)
        var query = QueryWriter(buffer: buffer, separator: nil)
        switch self {
        case .base, .health, .options, .ping, .search, .blob: break
        case .catalog(let page, _), .tags(_, let page), .referrers(_, _, _, let page):
            query.append(page)
        case .manifest(_, _, _, let tags):
            for tag in tags { query.append("tag", tag.bytes) }
        case .uploadStart(_, let digest, _):
            if let digest { query.append("digest", digest.bytes) }
        case .uploadMount(_, let digest, let from):
            query.append("mount", digest.bytes)
            query.append("from", from.bytes)
        case .upload(_, _, _, let session):
            if let digest = session.digest { query.append("digest", digest.bytes) }
        }
    }

    private func appendPath(to buffer: Buffer) {
        switch self {
        case .base: buffer.append("/v2/" as StaticString)
        case .health: buffer.append(UInt8(ascii: "/"))
        case .options, .ping, .search: break
        case .catalog: buffer.append("/v2/_catalog" as StaticString)
        case .tags(let name, _):
            buffer.append(name, "/tags/list")
        case .referrers(let name, let digest, _, _):
            buffer.append(name, "/referrers/")
            buffer.append(digest.bytes)
        case .manifest(_, let name, let reference, _):
            buffer.append(name, "/manifests/")
            buffer.append(reference.bytes)
        case .blob(_, let name, let digest):
            buffer.append(name, "/blobs/")
            buffer.append(digest.bytes)
        case .uploadStart(let name, _, _), .uploadMount(let name, _, _):
            buffer.append(name, "/blobs/uploads/")
        case .upload(_, let name, let id, _):
            buffer.append(name, "/blobs/uploads/")
            buffer.append(id.bytes)
        }
    }
}

extension Buffer {
    fileprivate func append(_ name: RepositoryName, _ suffix: StaticString) {
        append("/v2/" as StaticString)
        append(name.bytes)
        append(suffix)
    }
}

/// Writes `key=value` pairs, the first behind `separator`, the others behind `&`.
private struct QueryWriter {
    let buffer: Buffer
    var separator: StaticString?

    mutating func append(_ key: StaticString, _ value: ByteString) {
        appendKey(key)
        let bytes = value.span
        for index in 0..<bytes.count { buffer.append(queryByte: bytes[index]) }
    }

    mutating func append(_ page: Page) {
        if let count = page.count {
            appendKey("n")
            buffer.append(decimal: count)
        }
        if let last = page.last { append("last", last) }
    }

    private mutating func appendKey(_ key: StaticString) {
        if let separator { buffer.append(separator) }
        separator = "&"
        buffer.append(key)
        buffer.append(UInt8(ascii: "="))
    }
}

extension Buffer {
    /// Percent-encodes all but unreserved characters, `/` and `:` (RFC 3986 section 3.4).
    fileprivate func append(queryByte byte: UInt8) {
        switch byte {
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"),
            UInt8(ascii: "/"), UInt8(ascii: ":"):
            append(byte)
        case _ where byte.isASCIILetter || byte.isASCIIDigit:
            append(byte)
        default:
            append(UInt8(ascii: "%"))
            append(byte >> 4 &+ (byte >> 4 < 10 ? 0x30 : 0x37))
            append(byte & 15 &+ (byte & 15 < 10 ? 0x30 : 0x37))
        }
    }
}
