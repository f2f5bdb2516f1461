import Bytes

/// The shapes a path may have, with the places of its values, not yet checked.
///
/// A path is cut from the right, as the upstream's own expressions do, because a repository name
/// may itself hold parts called `manifests`, `blobs`, `tags`, `uploads` or `referrers`. The second
/// part from the right alone tells the shape, so no path has two of them.
enum RoutePath {
    case base
    case health
    case catalog
    case ping
    case search
    case tags(name: Place)
    case referrers(name: Place, digest: Place)
    case manifest(name: Place, reference: Place)
    case blob(name: Place, digest: Place)
    case uploads(name: Place)
    case upload(name: Place, id: Place)

    /// - Returns: `nil` if `path` has none of the shapes.
    init?(_ path: Place, in head: borrowing Span<UInt8>) {
        let bytes = head.extracting(path)
        if bytes.elementsEqual("/") || bytes.elementsEqual("/healthz") {
            self = .health
        } else if bytes.elementsEqual("/v2/") || bytes.elementsEqual("/v2") {
            self = .base
        } else if bytes.elementsEqual("/v2/_catalog") {
            self = .catalog
        } else if bytes.elementsEqual("/v1/_ping") {
            self = .ping
        } else if bytes.elementsEqual("/v1/search") {
            self = .search
        } else if bytes.starts(with: "/v2/") {
            let start = Int(path.start) + 4
            self.init(ofRepository: Place(start, Int(path.end)), in: head)
        } else {
            return nil
        }
    }

    /// - Parameter path: what stands behind `/v2/`.
    private init?(ofRepository path: Place, in head: borrowing Span<UInt8>) {
        guard let (front, last) = path.cutAtLastSlash(in: head),
            let (name, kind) = front.cutAtLastSlash(in: head)
        else { return nil }
        let kindBytes = head.extracting(kind)
        if kindBytes.elementsEqual("manifests"), !last.isEmpty {
            self = .manifest(name: name, reference: last)
        } else if kindBytes.elementsEqual("blobs"), !last.isEmpty {
            // `/blobs/uploads` without its slash is no route; registry:2 would redirect it.
            guard !head.extracting(last).elementsEqual("uploads") else { return nil }
            self = .blob(name: name, digest: last)
        } else if kindBytes.elementsEqual("uploads") {
            guard let (name, parent) = name.cutAtLastSlash(in: head),
                head.extracting(parent).elementsEqual("blobs")
            else { return nil }
            self = last.isEmpty ? .uploads(name: name) : .upload(name: name, id: last)
        } else if kindBytes.elementsEqual("tags"), head.extracting(last).elementsEqual("list") {
            self = .tags(name: name)
        } else if kindBytes.elementsEqual("referrers"), !last.isEmpty {
            self = .referrers(name: name, digest: last)
        } else {
            return nil
        }
    }

    /// The methods of the shape, as an `Allow` field has them.
    var allow: StaticString {
        switch self {
        case .base, .health: "GET, HEAD, OPTIONS"
        case .catalog, .ping, .search, .tags, .referrers: "GET, OPTIONS"
        case .manifest: "GET, HEAD, PUT, DELETE, OPTIONS"
        case .blob: "GET, HEAD, DELETE, OPTIONS"
        case .uploads: "POST, OPTIONS"
        case .upload: "GET, HEAD, PATCH, PUT, DELETE, OPTIONS"
        }
    }
}

extension Place {
    /// What stands before the last slash and what stands behind it; `nil` if there is no slash.
    fileprivate func cutAtLastSlash(in head: borrowing Span<UInt8>) -> (Place, Place)? {
        guard let slash = head.extracting(self).lastIndex(of: UInt8(ascii: "/")) else {
            return nil
        }
        let middle = Int(start) + slash
        return (Place(Int(start), middle), Place(middle + 1, Int(end)))
    }
}
