public import Bytes

/// Lists of names as a registry writes them: `{"repositories":["a","b"]}`,
/// `{"name":"a","tags":[]}`.
public enum NameList {
    /// Reads the array of strings under `key` of a JSON object.
    ///
    /// Names with escapes are left out: no name that passes the grammar needs one. `null` is an
    /// empty list.
    /// - Returns: `nil` if this is no such object.
    public static func parse(_ json: Span<UInt8>, key: StaticString) -> [ByteString]? {
        var reader = NameListReader(json)
        return reader.names(under: key)
    }

    /// `{"key":["a","b"]}`; an empty list is `[]`, never null.
    ///
    /// - Parameter names: without bytes that JSON would have to escape.
    public static func json(key: StaticString, _ names: [ByteString]) -> ByteString {
        var text: [UInt8] = Array("{\"\(key)\":[".utf8)
        text.reserveCapacity(names.reduce(text.count + 2) { $0 + $1.count + 3 })
        for (index, name) in names.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text.append(UInt8(ascii: "\""))
            text += name.bytes
            text.append(UInt8(ascii: "\""))
        }
        return ByteString(text + Array("]}".utf8))
    }

    /// The `Link` to the page of the catalog behind `name`.
    public static func nextCatalogPage(after name: ByteString, count: Int) -> ByteString {
        ByteString("</v2/_catalog?last=\(name)&n=\(count)>; rel=\"next\"")
    }
}

/// A reader for the little JSON that lists consist of. Anything else makes it give up.
private struct NameListReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var position = 0

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    mutating func names(under key: StaticString) -> [ByteString]? {
        guard skip(UInt8(ascii: "{")) else { return nil }
        var found: [ByteString]?
        repeat {
            guard let name = string(), skip(UInt8(ascii: ":")) else { return nil }
            if bytes.extracting(name.place).elementsEqual(key) {
                guard let names = array() else { return nil }
                found = names
            } else {
                // The only other member is the repository's name.
                guard string() != nil else { return nil }
            }
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "}")) ? found : nil
    }

    private mutating func array() -> [ByteString]? {
        if skipNull() { return [] }
        guard skip(UInt8(ascii: "[")) else { return nil }
        var names: [ByteString] = []
        if skip(UInt8(ascii: "]")) { return names }
        repeat {
            guard let name = string() else { return nil }
            if !name.isEscaped { names.append(ByteString(copying: bytes.extracting(name.place))) }
        } while skip(UInt8(ascii: ","))
        return skip(UInt8(ascii: "]")) ? names : nil
    }

    private mutating func string() -> (place: Place, isEscaped: Bool)? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        let start = position
        var isEscaped = false
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            if bytes[position] == UInt8(ascii: "\\") {
                isEscaped = true
                position += 1
            }
            position += 1
        }
        guard position < bytes.count else { return nil }
        position += 1
        return (Place(start, position - 1), isEscaped)
    }

    /// Skips blanks and then `byte`, if it is there.
    private mutating func skip(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipNull() -> Bool {
        skipBlanks()
        guard position + 4 <= bytes.count,
            bytes.extracting(position..<position + 4).elementsEqual("null")
        else { return false }
        position += 4
        return true
    }

    private mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) {
            position += 1
        }
    }
}
