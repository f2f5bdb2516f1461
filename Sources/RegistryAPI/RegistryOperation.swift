public import Bytes
public import HTTPWire

/// What a request asks of the registry: one case for each row of `protocol.md` 4.2, with its values
/// checked.
///
/// Made by `route` alone, from method and path. Nothing else of a request's target reaches the
/// upstream: `appendUpstreamTarget` writes path and query anew from these values.
public indirect enum RegistryOperation: Sendable {
    /// `GET|HEAD /v2/`: is the login good? Answered by the proxy.
    case base
    /// `GET|HEAD /` and `/healthz`. Answered by the proxy.
    case health
    /// `OPTIONS` on a known route. Answered by the proxy with this `Allow`.
    case options(allow: StaticString)
    /// `cursor`: from a `Link` that the proxy has written, for a page that ends with a name which
    /// its reader may not see.
    case catalog(Page, cursor: ByteString? = nil)
    /// `GET /v1/_ping`: is there anything to search? Answered by the proxy.
    case ping
    /// `GET /v1/search`, answered by the proxy from the catalog.
    case search(SearchTerm)
    case tags(RepositoryName, Page)
    case referrers(RepositoryName, Digest, artifactType: ByteString?, Page)
    /// `tags`: those of the query of a PUT by digest (end-7b), at most 10, all different.
    case manifest(ManifestVerb, RepositoryName, Reference, tags: [Tag])
    case blob(BlobVerb, RepositoryName, Digest)
    case uploadStart(RepositoryName, digest: Digest?, digestAlgorithm: ByteString?)
    case uploadMount(RepositoryName, digest: Digest, from: RepositoryName)
    case upload(UploadVerb, RepositoryName, UploadID, UploadQuery)

    public enum ManifestVerb: Sendable { case get, head, put, delete }
    public enum BlobVerb: Sendable { case get, head, delete }
    public enum UploadVerb: Sendable { case status, statusHead, patch, put, cancel }
}

/// The query of an upload session's URL.
public struct UploadQuery: Sendable, Hashable {
    /// Byte for byte as the client sent it, because the registry has signed parts of it, but
    /// without the ticket. Visible ASCII without `#` and `;`. `nil` where the target had no `?` or
    /// nothing but a ticket behind it.
    public let bytes: ByteString?
    /// What the proxy had put into the URL itself (`_pt`), unchecked.
    public let ticket: ByteString?
    /// What the last PUT of an upload says its content is; there it is never `nil`.
    public let digest: Digest?
}

extension RegistryOperation {
    /// The most bytes of a catalog's `cursor`.
    public static let longestCursor = 4096

    /// The operation's name in the access log and the metrics (`product.md` 7).
    public var name: StaticString {
        switch self {
        case .base: "base"
        case .health: "health"
        case .options: "options"
        case .catalog: "catalog"
        case .ping, .search: "search"
        case .tags: "tags"
        case .referrers: "referrers"
        case .manifest(let verb, _, _, _): verb.name
        case .blob(let verb, _, _): verb.name
        case .uploadStart: "upload.start"
        case .uploadMount: "upload.mount"
        case .upload(let verb, _, _, _): verb.name
        }
    }

    /// The repository of the path; `nil` for operations on none.
    public var repository: RepositoryName? {
        switch self {
        case .base, .health, .options, .catalog, .ping, .search: nil
        case .tags(let repository, _), .referrers(let repository, _, _, _),
            .manifest(_, let repository, _, _), .blob(_, let repository, _),
            .uploadStart(let repository, _, _), .uploadMount(let repository, _, _),
            .upload(_, let repository, _, _):
            repository
        }
    }

    /// The tag or digest that the operation is about; `nil` where there is none, as in the middle
    /// of an upload.
    public var reference: Reference? {
        switch self {
        case .base, .health, .options, .catalog, .ping, .search, .tags: nil
        case .referrers(_, let digest, _, _), .blob(_, _, let digest),
            .uploadMount(_, let digest, _):
            .digest(digest)
        case .manifest(_, _, let reference, _): reference
        case .uploadStart(_, let digest, _): digest.map(Reference.digest)
        case .upload(_, _, _, let query): query.digest.map(Reference.digest)
        }
    }

    /// The method to use upstream; `nil` where the proxy answers itself.
    public var upstreamMethod: Method? {
        switch self {
        case .base, .health, .options, .ping, .search: nil
        case .catalog, .tags, .referrers: .get
        case .manifest(let verb, _, _, _): verb.method
        case .blob(let verb, _, _): verb.method
        case .uploadStart, .uploadMount: .post
        case .upload(let verb, _, _, _): verb.method
        }
    }
}

extension RegistryOperation.ManifestVerb {
    var name: StaticString {
        switch self {
        case .get: "manifest.get"
        case .head: "manifest.head"
        case .put: "manifest.put"
        case .delete: "manifest.delete"
        }
    }

    var method: Method {
        switch self {
        case .get: .get
        case .head: .head
        case .put: .put
        case .delete: .delete
        }
    }
}

extension RegistryOperation.BlobVerb {
    var name: StaticString {
        switch self {
        case .get: "blob.get"
        case .head: "blob.head"
        case .delete: "blob.delete"
        }
    }

    var method: Method {
        switch self {
        case .get: .get
        case .head: .head
        case .delete: .delete
        }
    }
}

extension RegistryOperation.UploadVerb {
    var name: StaticString {
        switch self {
        case .status, .statusHead: "upload.status"
        case .patch: "upload.patch"
        case .put: "upload.put"
        case .cancel: "upload.cancel"
        }
    }

    var method: Method {
        switch self {
        case .status: .get
        case .statusHead: .head
        case .patch: .patch
        case .put: .put
        case .cancel: .delete
        }
    }
}
