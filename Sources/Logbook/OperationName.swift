/// What a request asked of the registry, as log and metrics name it (product contract, section 7).
///
/// A closed list, so that it can be a metric's label. The floor that knows the routes maps its own
/// operations to these names.
public enum OperationName: UInt8, Sendable, CaseIterable {
    case base, catalog, search, token, tags, referrers
    case manifestGet, manifestHead, manifestPut, manifestDelete
    case blobGet, blobHead, blobDelete
    case uploadStart, uploadMount, uploadStatus, uploadPatch, uploadPut, uploadCancel
    case options, health
    /// No known route, or nothing that could be read as a request.
    case unknown

    /// The operation of this name, `unknown` if there is none. Compares with each name in turn;
    /// where the operation is known as a case, a `switch` is cheaper.
    public init(named name: StaticString) {
        let wanted = name.description
        self = Self.allCases.first { $0.text.description == wanted } ?? .unknown
    }

    public var text: StaticString {
        switch self {
        case .base: "base"
        case .catalog: "catalog"
        case .search: "search"
        case .token: "token"
        case .tags: "tags"
        case .referrers: "referrers"
        case .manifestGet: "manifest.get"
        case .manifestHead: "manifest.head"
        case .manifestPut: "manifest.put"
        case .manifestDelete: "manifest.delete"
        case .blobGet: "blob.get"
        case .blobHead: "blob.head"
        case .blobDelete: "blob.delete"
        case .uploadStart: "upload.start"
        case .uploadMount: "upload.mount"
        case .uploadStatus: "upload.status"
        case .uploadPatch: "upload.patch"
        case .uploadPut: "upload.put"
        case .uploadCancel: "upload.cancel"
        case .options: "options"
        case .health: "health"
        case .unknown: "unknown"
        }
    }
}
