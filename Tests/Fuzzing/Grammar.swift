/// The grammars once more, as plainly as the RFCs have them. Shares nothing with what is tested.
enum Grammar {
    private static let letters = Set(UInt8(ascii: "a")...UInt8(ascii: "z"))
        .union(UInt8(ascii: "A")...UInt8(ascii: "Z"))
    private static let digits = Set(UInt8(ascii: "0")...UInt8(ascii: "9"))
    /// RFC 9110 section 5.6.2.
    private static let tokenBytes = letters.union(digits).union("!#$%&'*+-.^_`|~".utf8)
    private static let hexadecimal = digits.union("abcdefABCDEF".utf8)

    static func isToken(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(tokenBytes.contains)
    }

    /// Rule R4: no underscore, since CGI holds it for a dash.
    static func isFieldName(_ bytes: some Collection<UInt8>) -> Bool {
        isToken(bytes) && !bytes.contains(UInt8(ascii: "_"))
    }

    /// RFC 9110 section 5.5, without the blanks around it.
    static func isFieldValue(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        let blanks: Set<UInt8> = [0x20, 0x09]
        guard let first = bytes.first, let last = bytes.last else { return true }
        return !blanks.contains(first) && !blanks.contains(last)
            && bytes.allSatisfy { $0 == 0x09 || (0x20...0x7E).contains($0) || $0 >= 0x80 }
    }

    static func isVisible(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.allSatisfy { (0x21...0x7E).contains($0) }
    }

    static func isDigits(_ bytes: some Collection<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.allSatisfy(digits.contains)
    }

    /// What may stand in a request target that the proxy writes: nothing that any server decodes,
    /// splits or cleans, but `%XX` in the query.
    static func isCleanTarget(_ bytes: [UInt8]) -> Bool {
        let allowed = letters.union(digits).union("/-._~:=+?&%!$'()*,@|{}[]\"<>^`\\".utf8)
        let parts = bytes.split(separator: UInt8(ascii: "?"), maxSplits: 1)
        guard let path = parts.first, path.first == UInt8(ascii: "/") else { return false }
        let inPath = letters.union(digits).union("/-._~:=+".utf8)
        return path.allSatisfy(inPath.contains) && bytes.allSatisfy(allowed.contains)
            && !String(decoding: path, as: UTF8.self).contains("//")
            && !path.split(separator: UInt8(ascii: "/")).contains {
                $0 == [0x2E] || $0 == [0x2E, 0x2E]
            }
    }

    /// `name` of the distribution specification, section "Pulling manifests".
    static func isRepository(_ bytes: [UInt8]) -> Bool {
        let text = String(decoding: bytes, as: UTF8.self)
        let part = #/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*/#
        return bytes.count <= 255
            && text.split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy { $0.wholeMatch(of: part) != nil }
    }

    static func lowercased(_ bytes: some Collection<UInt8>) -> [UInt8] {
        bytes.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
    }

    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let blanks: Set<UInt8> = [0x20, 0x09]
        let front = bytes.drop(while: blanks.contains)
        return front.prefix(
            (front.lastIndex { !blanks.contains($0) } ?? front.startIndex - 1) + 1
                - front.startIndex)
    }

    /// The pairs that Go's `url.ParseQuery` finds, as registry:2 reads them: split at `&`, pairs
    /// that are malformed or hold `;` left out, `+` a blank.
    static func goQuery(_ query: [UInt8]) -> [(key: [UInt8], value: [UInt8])] {
        query.split(separator: UInt8(ascii: "&")).compactMap { pair in
            if pair.contains(UInt8(ascii: ";")) { return nil }
            let parts = pair.split(
                separator: UInt8(ascii: "="),
                maxSplits: 1,
                omittingEmptySubsequences: false
            )
            guard let key = unescaped(parts[0]),
                let value = parts.count > 1 ? unescaped(parts[1]) : []
            else { return nil }
            return (key, value)
        }
    }

    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): result.append(0x20)
            case UInt8(ascii: "%"):
                let code = rest.prefix(2)
                guard code.count == 2, code.allSatisfy(hexadecimal.contains),
                    let value = UInt8(String(decoding: code, as: UTF8.self), radix: 16)
                else { return nil }
                result.append(value)
                rest = rest.dropFirst(2)
            default: result.append(byte)
            }
        }
        return result
    }
}
