public import Bytes
public import HTTPWire

extension RegistryOperation {
    /// Says what a request asks for. The one closed table from method and path to operation: what
    /// it does not know is refused here and never forwarded.
    ///
    /// Checked in this order: the shape of the path, the grammar of its values, the method, the
    /// query. The path is taken as it stands; one that holds `%`, `//` or dot segments breaks a
    /// grammar even if the caller let it through.
    ///
    /// - Parameters:
    ///   - head: the bytes that `path` and `query` are places in.
    ///   - query: without its `?`; `nil` if there is none.
    public static func route(
        method: Method,
        head: borrowing Span<UInt8>,
        path: Place,
        query: Place?
    ) throws(RoutingError) -> RegistryOperation {
        guard let route = RoutePath(path, in: head) else { throw .unknownRoute }
        let operation = try operation(route, method, Query(place: query), head)
        switch method {
        case .options: return .options(allow: route.allow)
        case .get, .head, .post, .put, .patch, .delete, .other:
            guard let operation else { throw .methodNotAllowed(allow: route.allow) }
            return operation
        }
    }

    /// - Returns: `nil` if the route does not take the method.
    private static func operation(
        _ route: RoutePath,
        _ method: Method,
        _ query: Query,
        _ head: borrowing Span<UInt8>
    ) throws(RoutingError) -> RegistryOperation? {
        switch route {
        case .base: return method == .get || method == .head ? .base : nil
        case .health: return method == .get || method == .head ? .health : nil
        case .catalog:
            guard method == .get else { return nil }
            return .catalog(try query.page(in: head), cursor: try query.cursor(in: head))
        case .ping: return method == .get ? .ping : nil
        case .search: return method == .get ? .search(try query.searchTerm(in: head)) : nil
        case .tags(let name):
            let name = try repositoryName(name, in: head)
            return method == .get ? .tags(name, try query.page(in: head)) : nil
        case .referrers(let name, let digest):
            let name = try repositoryName(name, in: head)
            let digest = try checkedDigest(digest, in: head)
            guard method == .get else { return nil }
            let type = try query.artifactType(in: head)
            return .referrers(name, digest, artifactType: type, try query.page(in: head))
        case .manifest(let name, let reference):
            let name = try repositoryName(name, in: head)
            let reference = try checkedReference(reference, in: head)
            guard let verb = ManifestVerb(method) else { return nil }
            let tags = verb == .put ? try query.tags(besides: reference, in: head) : []
            return .manifest(verb, name, reference, tags: tags)
        case .blob(let name, let digest):
            let name = try repositoryName(name, in: head)
            let digest = try checkedDigest(digest, in: head)
            return BlobVerb(method).map { .blob($0, name, digest) }
        case .uploads(let name):
            let name = try repositoryName(name, in: head)
            return method == .post ? try query.uploadStart(in: name, head) : nil
        case .upload(let name, let id):
            let name = try repositoryName(name, in: head)
            guard let id = UploadID(validating: head.extracting(id)) else { throw .unknownRoute }
            guard let verb = UploadVerb(method) else { return nil }
            return .upload(verb, name, id, try query.ofUploadSession(verb, in: head))
        }
    }

    private static func repositoryName(
        _ place: Place,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> RepositoryName {
        guard let name = RepositoryName(validating: head.extracting(place)) else {
            throw .nameInvalid
        }
        return name
    }

    private static func checkedDigest(
        _ place: Place,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> Digest {
        guard let digest = Digest(validating: head.extracting(place)) else { throw .digestInvalid }
        return digest
    }

    /// A reference with a colon is a digest.
    private static func checkedReference(
        _ place: Place,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> Reference {
        let text = head.extracting(place)
        if text.firstIndex(of: UInt8(ascii: ":")) != nil {
            return .digest(try checkedDigest(place, in: head))
        }
        guard let tag = Tag(validating: text) else { throw .tagInvalid }
        return .tag(tag)
    }
}

extension RegistryOperation.ManifestVerb {
    fileprivate init?(_ method: Method) {
        switch method {
        case .get: self = .get
        case .head: self = .head
        case .put: self = .put
        case .delete: self = .delete
        case .post, .patch, .options, .other: return nil
        }
    }
}

extension RegistryOperation.BlobVerb {
    fileprivate init?(_ method: Method) {
        switch method {
        case .get: self = .get
        case .head: self = .head
        case .delete: self = .delete
        case .post, .put, .patch, .options, .other: return nil
        }
    }
}

extension RegistryOperation.UploadVerb {
    fileprivate init?(_ method: Method) {
        switch method {
        case .get: self = .status
        case .head: self = .statusHead
        case .patch: self = .patch
        case .put: self = .put
        case .delete: self = .cancel
        case .post, .options, .other: return nil
        }
    }
}
