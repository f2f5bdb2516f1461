import Bytes

/// The query of one request's target: pairs `key=value` with `&` between them, as the upstream
/// reads it (Go `url.ParseQuery`).
///
/// Only known keys are ever looked at. A known key counts if it is spelled plainly and stands once;
/// anything else that the upstream, or a later version of it, could take for that key is an error.
struct Query {
    let place: Place?

    /// The most bytes of a query.
    static let longest = 8192

    /// Where the value of `key` stands, still percent-encoded.
    ///
    /// - Returns: `nil` if the key does not occur.
    func value(
        of key: QueryKey,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> Place? {
        var found: Place?
        var pairs = QueryPairs(place)
        while let pair = pairs.next(in: head) {
            guard try pair.isNamed(key, in: head) else { continue }
            guard found == nil else {
                throw .badQuery("a key of the query is repeated (each may stand once)")
            }
            found = pair.value
        }
        return found
    }

    /// The decoded value of `key`: `%XX` is that byte and `+` a blank, nothing else changes.
    func text(
        of key: QueryKey,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> ByteString? {
        guard let value = try value(of: key, in: head) else { return nil }
        return try Self.decoded(value, in: head)
    }

    static func decoded(
        _ place: Place,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> ByteString {
        let bytes = head.extracting(place)
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "%"):
                guard let byte = bytes.percentDecoded(at: index) else {
                    throw .badQuery("a value in the query has a '%' without two digits behind it")
                }
                decoded.append(byte)
                index += 3
            case UInt8(ascii: "+"):
                decoded.append(UInt8(ascii: " "))
                index += 1
            case let byte:
                decoded.append(byte)
                index += 1
            }
        }
        return ByteString(decoded)
    }
}

/// A key that some route knows.
struct QueryKey {
    let name: StaticString
    /// The name in lower case.
    let folded: StaticString

    private init(_ name: StaticString, folded: StaticString? = nil) {
        self.name = name
        self.folded = folded ?? name
    }

    static let n = QueryKey("n")
    static let last = QueryKey("last")
    static let cursor = QueryKey("_pc")
    static let q = QueryKey("q")
    static let tag = QueryKey("tag")
    static let mount = QueryKey("mount")
    static let from = QueryKey("from")
    static let digest = QueryKey("digest")
    static let digestAlgorithm = QueryKey("digest-algorithm")
    static let artifactType = QueryKey("artifactType", folded: "artifacttype")
    static let ticket = QueryKey("_pt")
    static let service = QueryKey("service")
    static let scope = QueryKey("scope")
    static let grantType = QueryKey("grant_type")
    static let username = QueryKey("username")
    static let password = QueryKey("password")
}

/// One pair of a query. A key without `=` has an empty value.
struct QueryPair {
    let key: Place
    let value: Place

    /// Whether the key is `known`, byte for byte.
    ///
    /// A key that becomes it only by decoding, or by ignoring case, is an error: two programs may
    /// read it differently, and the stricter one would have been asked for permission.
    func isNamed(
        _ known: QueryKey,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> Bool {
        let bytes = head.extracting(key)
        if bytes.elementsEqual(known.name) { return true }
        guard !bytes.isDisguise(of: known) else {
            throw .badQuery("a key of the query is disguised by '%' or capital letters")
        }
        return false
    }
}

/// Walks over the pairs of a query.
struct QueryPairs {
    private var rest: Place?

    init(_ query: Place?) { rest = query }

    mutating func next(in head: borrowing Span<UInt8>) -> QueryPair? {
        guard let place = rest else { return nil }
        let start = Int(place.start)
        var end = Int(place.end)
        if let ampersand = head.extracting(place).firstIndex(of: UInt8(ascii: "&")) {
            end = start + ampersand
            rest = Place(end + 1, Int(place.end))
        } else {
            rest = nil
        }
        guard let equals = head.extracting(start..<end).firstIndex(of: UInt8(ascii: "=")) else {
            return QueryPair(key: Place(start, end), value: Place(end, end))
        }
        return QueryPair(
            key: Place(start, start + equals),
            value: Place(start + equals + 1, end)
        )
    }
}

extension Span<UInt8> {
    /// The byte that `%XX` at `index` stands for; `nil` if it is cut short or has other digits.
    func percentDecoded(at index: Int) -> UInt8? {
        guard index + 2 < count, self[index] == UInt8(ascii: "%"),
            let high = self[index + 1].hexValue, let low = self[index + 2].hexValue
        else { return nil }
        return high << 4 | low
    }

    /// Whether the bytes become the key's name once `%XX` is decoded and case is ignored.
    fileprivate func isDisguise(of key: QueryKey) -> Bool {
        guard firstIndex(of: UInt8(ascii: "%")) != nil else {
            return equalsIgnoringCase(key.folded)
        }
        var decoded: [UInt8] = []
        var index = 0
        while index < count {
            let byte = percentDecoded(at: index)
            decoded.append(byte ?? self[index])
            index += byte == nil ? 1 : 3
        }
        return decoded.span.equalsIgnoringCase(key.folded)
    }
}
