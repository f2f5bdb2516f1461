// The keys that each route knows, and the values they may have (protocol.md 4.2, 4.4, 4.6).

import Bytes

extension Query {
    /// `n` and `last` of a list.
    func page(in head: borrowing Span<UInt8>) throws(RoutingError) -> Page {
        let count = try count(in: head)
        let last = try text(of: .last, in: head)
        if let last {
            guard last.count <= Page.longestLast, last.span.isVisibleASCII else {
                throw .badQuery("last is no name (visible ASCII, at most 1,024 bytes)")
            }
        }
        return Page(count: count, last: last)
    }

    private func count(in head: borrowing Span<UInt8>) throws(RoutingError) -> Int? {
        guard let digits = try text(of: .n, in: head) else { return nil }
        guard (1...9).contains(digits.count), let number = digits.span.decimalValue else {
            throw .pageNumberInvalid
        }
        return number
    }

    /// Where a page of the catalog goes on, in the proxy's own words: hexadecimal digits.
    func cursor(in head: borrowing Span<UInt8>) throws(RoutingError) -> ByteString? {
        guard let text = try text(of: .cursor, in: head) else { return nil }
        let bytes = text.span
        guard bytes.count <= RegistryOperation.longestCursor, bytes.count % 2 == 0 else {
            throw .badQuery(Self.noCursor)
        }
        for index in 0..<bytes.count where bytes[index].hexValue == nil {
            throw .badQuery(Self.noCursor)
        }
        return text
    }

    private static let noCursor: StaticString = "_pc is no cursor of this catalog"

    /// `q` and `n` of a search. No `q` at all is found everywhere.
    func searchTerm(in head: borrowing Span<UInt8>) throws(RoutingError) -> SearchTerm {
        let count = try count(in: head) ?? SearchTerm.usualCount
        guard count > 0 else { throw .pageNumberInvalid }
        let text = try text(of: .q, in: head) ?? ""
        guard text.count <= SearchTerm.longestText else {
            throw .badQuery("q is too long (at most 255 bytes)")
        }
        return SearchTerm(text: text, count: count)
    }

    /// The media type that referrers are filtered by.
    func artifactType(in head: borrowing Span<UInt8>) throws(RoutingError) -> ByteString? {
        guard let type = try text(of: .artifactType, in: head) else { return nil }
        guard type.count <= 255, type.span.isVisibleASCII else {
            throw .badQuery("artifactType is no media type (visible ASCII, at most 255 bytes)")
        }
        return type
    }

    /// The tags that a manifest gets besides its digest (end-7b): the only key that may repeat.
    func tags(
        besides reference: Reference,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> [Tag] {
        var tags: [Tag] = []
        var pairs = QueryPairs(place)
        while let pair = pairs.next(in: head) {
            guard try pair.isNamed(.tag, in: head) else { continue }
            guard case .digest = reference else {
                throw .badQuery("tag in the query needs a manifest that is put by digest")
            }
            let text = try Self.decoded(pair.value, in: head)
            guard let tag = Tag(validating: text.span) else { throw .tagInvalid }
            guard tags.count < 10 else { throw .badQuery("more than 10 tags in the query") }
            guard !tags.contains(tag) else {
                throw .badQuery("the query names the same tag twice")
            }
            tags.append(tag)
        }
        return tags
    }

    /// What a POST to `/blobs/uploads/` asks for.
    ///
    /// A mount needs both `mount` and `from`; with one of them alone it is an ordinary upload. An
    /// empty value counts as absent, as registry:2 has it.
    func uploadStart(
        in name: RepositoryName,
        _ head: borrowing Span<UInt8>
    ) throws(RoutingError) -> RegistryOperation {
        let mount = try nonEmpty(.mount, in: head).map { text throws(RoutingError) in
            try Self.digest(text)
        }
        let from = try nonEmpty(.from, in: head).map { text throws(RoutingError) in
            guard let name = RepositoryName(validating: text.span) else { throw .nameInvalid }
            return name
        }
        let digest = try text(of: .digest, in: head).map { text throws(RoutingError) in
            try Self.digest(text)
        }
        let algorithm = try text(of: .digestAlgorithm, in: head)
        if let algorithm {
            guard algorithm.count <= 64, Digest.isAlgorithm(algorithm.span) else {
                throw .badQuery("digest-algorithm names no algorithm")
            }
        }
        guard let mount, let from else {
            return .uploadStart(name, digest: digest, digestAlgorithm: algorithm)
        }
        guard digest == nil else {
            throw .badQuery("mount and digest exclude each other")
        }
        return .uploadMount(name, digest: mount, from: from)
    }

    /// The query of an upload session, kept byte for byte.
    ///
    /// `;` is refused because older Go servers split the query there; `mount` and `from` mean
    /// nothing here and may stand, but not twice.
    func ofUploadSession(
        _ verb: RegistryOperation.UploadVerb,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> UploadQuery {
        _ = try value(of: .mount, in: head)
        _ = try value(of: .from, in: head)
        let digest = verb == .put ? try onlyDigest(in: head) : nil
        if digest == nil { _ = try value(of: .digest, in: head) }
        let ticket = try text(of: .ticket, in: head)
        guard let place else { return UploadQuery(bytes: nil, ticket: nil, digest: nil) }
        let bytes = head.extracting(place)
        guard bytes.count <= Self.longest, bytes.isVisibleASCII,
            bytes.firstIndex(of: UInt8(ascii: ";")) == nil,
            bytes.firstIndex(of: UInt8(ascii: "#")) == nil
        else {
            throw .badQuery("the query is not one of an upload (visible ASCII without ';' and '#')")
        }
        guard ticket != nil else {
            return UploadQuery(bytes: ByteString(copying: bytes), ticket: nil, digest: digest)
        }
        return UploadQuery(bytes: try withoutTicket(in: head), ticket: ticket, digest: digest)
    }

    /// All pairs but the ticket, each as it stands; `nil` if there are no others.
    private func withoutTicket(
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> ByteString? {
        var kept: [UInt8] = []
        var pairs = QueryPairs(place)
        while let pair = pairs.next(in: head) {
            guard try !pair.isNamed(.ticket, in: head) else { continue }
            if !kept.isEmpty { kept.append(UInt8(ascii: "&")) }
            let whole = Place(Int(pair.key.start), Int(pair.value.end))
            kept += ByteString(copying: head.extracting(whole)).bytes
        }
        return kept.isEmpty ? nil : ByteString(kept)
    }

    /// The one `digest` that completes an upload.
    private func onlyDigest(in head: borrowing Span<UInt8>) throws(RoutingError) -> Digest {
        var found: Digest?
        var pairs = QueryPairs(place)
        while let pair = pairs.next(in: head) {
            guard try pair.isNamed(.digest, in: head) else { continue }
            guard found == nil else { throw .digestInvalid }
            found = try Self.digest(Self.decoded(pair.value, in: head))
        }
        guard let found else { throw .digestInvalid }
        return found
    }

    private func nonEmpty(
        _ key: QueryKey,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> ByteString? {
        guard let text = try text(of: key, in: head), !text.isEmpty else { return nil }
        return text
    }

    private static func digest(_ text: ByteString) throws(RoutingError) -> Digest {
        guard let digest = Digest(validating: text.span) else { throw .digestInvalid }
        return digest
    }
}

extension Span<UInt8> {
    /// Every byte is 0x21 to 0x7E.
    var isVisibleASCII: Bool {
        for index in 0..<count where self[index] &- 0x21 >= 94 { return false }
        return true
    }
}
