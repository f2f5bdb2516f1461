public import Bytes

/// Lists of names as a registry writes them: `{"repositories":["a","b"]}`,
/// `{"name":"a","tags":[]}`.
public enum NameList {
    /// Reads the array of strings under `key` of a JSON object.
    ///
    /// Names with escapes are left out: no name that passes the grammar needs one. `null` is an
    /// empty list.
    /// - Returns: `nil` if this is no such object.
    public static func parse(_ json: Span<UInt8>, key: StaticString) -> NameTable? {
        var reader = NameListReader(json)
        return reader.names(under: key)
    }

    /// `{"key":["a","b"]}`; an empty list is `[]`, never null.
    ///
    /// - Parameters:
    ///   - repository: put in front as `"name":"…"`, as a list of tags has it.
    ///   - names: without bytes that JSON would have to escape.
    public static func json(
        key: StaticString,
        _ names: [ByteString],
        of repository: RepositoryName? = nil
    ) -> ByteString {
        var text: [UInt8] = [UInt8(ascii: "{")]
        text.reserveCapacity(names.reduce(300) { $0 + $1.count + 3 })
        if let repository {
            text += Array("\"name\":\"".utf8)
            text += repository.bytes.bytes
            text += Array("\",".utf8)
        }
        text += Array("\"\(key)\":[".utf8)
        for (index, name) in names.enumerated() {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text.append(UInt8(ascii: "\""))
            text += name.bytes
            text.append(UInt8(ascii: "\""))
        }
        return ByteString(text + Array("]}".utf8))
    }

    /// The `Link` to the page of the catalog behind `name`; with `cursor` behind where that leads.
    public static func nextCatalogPage(
        after name: ByteString?,
        cursor: ByteString? = nil,
        count: Int
    ) -> ByteString {
        let last = name.map { "last=\($0)&" } ?? ""
        let hidden = cursor.map { "&_pc=\($0)" } ?? ""
        return ByteString("</v2/_catalog?\(last)n=\(count)\(hidden)>; rel=\"next\"")
    }

    /// The `Link` to the page of a repository's tags behind `tag`.
    public static func nextTagPage(
        of repository: RepositoryName,
        after tag: ByteString,
        count: Int?
    ) -> ByteString {
        let size = count.map { "&n=\($0)" } ?? ""
        return ByteString("</v2/\(repository.bytes)/tags/list?last=\(tag)\(size)>; rel=\"next\"")
    }
}

/// A reader for the little JSON that lists consist of. Anything else makes it give up.
private struct NameListReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var position = 0

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    mutating func names(under key: StaticString) -> NameTable? {
        guard skip(UInt8(ascii: "{")) else { return nil }
        var found: NameTable?
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
        return skip(UInt8(ascii: "}")) && isAtEnd() ? found : nil
    }

    private mutating func array() -> NameTable? {
        var names = NameTable()
        if skipNull() { return names }
        guard skip(UInt8(ascii: "[")) else { return nil }
        if skip(UInt8(ascii: "]")) { return names }
        repeat {
            guard let name = string() else { return nil }
            if !name.isEscaped { names.append(bytes.extracting(name.place)) }
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
                guard skipEscape() else { return nil }
            } else {
                let length = bytes.lengthOfScalar(at: position)
                guard length > 0, bytes[position] >= 0x20 else { return nil }
                position += length
            }
        }
        guard position < bytes.count else { return nil }
        position += 1
        return (Place(start, position - 1), isEscaped)
    }

    /// A backslash and what belongs to it (RFC 8259 section 7).
    private mutating func skipEscape() -> Bool {
        position += 1
        guard position < bytes.count else { return false }
        let kind = bytes[position]
        position += 1
        guard kind == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(kind) }
        for _ in 0..<4 {
            guard position < bytes.count, bytes[position].hexValue != nil else { return false }
            position += 1
        }
        return true
    }

    private mutating func isAtEnd() -> Bool {
        skipBlanks()
        return position == bytes.count
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
        while position < bytes.count, bytes[position].isJSONBlank { position += 1 }
    }
}

extension UInt8 {
    fileprivate var isJSONBlank: Bool {
        self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D
    }
}
