import Bytes

/// The query of one request's target: pairs `key=value` with `&` between them, as the upstream reads
/// it (Go `url.ParseQuery`).
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
        of key: StaticString,
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
        of key: StaticString,
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

/// One pair of a query. A key without `=` has an empty value.
struct QueryPair {
    let key: Place
    let value: Place

    /// Whether the key is `name`, byte for byte.
    ///
    /// A key that becomes `name` only by decoding, or by ignoring case, is an error: two programs may
    /// read it differently, and the stricter one would have been asked for permission.
    func isNamed(
        _ name: StaticString,
        in head: borrowing Span<UInt8>
    ) throws(RoutingError) -> Bool {
        let bytes = head.extracting(key)
        if bytes.elementsEqual(name) { return true }
        guard !bytes.isDisguise(of: name) else {
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

    /// Whether the bytes become `name` once `%XX` is decoded and case is ignored.
    fileprivate func isDisguise(of name: StaticString) -> Bool {
        let nameCount = name.utf8CodeUnitCount
        guard count >= nameCount else { return false }
        return name.withUTF8Buffer { name in
            var index = 0
            for position in 0..<nameCount {
                guard index < count else { return false }
                let decoded = percentDecoded(at: index)
                // SAFETY: `position` is below the static string's own count.
                let expected = unsafe name[position].asciiLowercased
                guard (decoded ?? self[index]).asciiLowercased == expected else { return false }
                index += decoded == nil ? 1 : 3
            }
            return index == count
        }
    }
}
