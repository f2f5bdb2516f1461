import Bytes

/// Reads the globs that docker_auth and zot use: Go's `path.Match` and the `doublestar` package.
enum GoGlob {
    /// Variables as the caller has found them in the text.
    typealias Variables = (ArraySlice<UInt8>) -> (token: [GlobToken], length: Int, isExact: Bool)?

    /// - Parameters:
    ///   - isDoubleStar: `**` as a whole part is any number of parts, and `{a,b}` a choice.
    ///   - variables: asked at each place of the text for a variable that begins there.
    static func read(_ text: ByteString, isDoubleStar: Bool, variables: Variables) -> GlobLanguage {
        if isDoubleStar { return readDoubleStar(text, variables: variables) }
        return sequence(text.bytes[...], variables)
    }

    private static func sequence(_ text: ArraySlice<UInt8>, _ variables: Variables) -> GlobLanguage
    {
        var tokens: [GlobToken] = []
        var isExact = true
        var rest = text
        while let byte = rest.first {
            if let variable = variables(rest) {
                tokens += variable.token
                isExact = isExact && variable.isExact
                rest = rest.dropFirst(variable.length)
                continue
            }
            rest = rest.dropFirst()
            switch byte {
            case UInt8(ascii: "*"): tokens.append(.run)
            case UInt8(ascii: "?"): tokens.append(.one)
            case UInt8(ascii: "\\"): tokens.append(.literal(rest.popFirst() ?? byte))
            case UInt8(ascii: "["):
                // A set of characters; we have none, so any character stands for it.
                guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else {
                    return .anythingInexact
                }
                rest = rest[(end + 1)...]
                tokens.append(.one)
                isExact = false
            default: tokens.append(.literal(byte))
            }
        }
        return GlobLanguage(alternatives: [tokens], isExact: isExact)
    }

    private static func readDoubleStar(_ text: ByteString, variables: Variables) -> GlobLanguage {
        var whole = GlobLanguage(alternatives: [])
        for choice in choices(in: text.bytes) {
            for parts in withoutDoubleStars(choice) {
                let one = sequence(parts[...], variables)
                whole.isExact = whole.isExact && one.isExact
                whole.alternatives += one.alternatives.map { tokens in
                    tokens.flatMap {
                        $0 == .literal(anyParts) ? [.anything(mayBeEmpty: false)] : [$0]
                    }
                }
            }
            if whole.alternatives.count > GlobLanguage.limit { return .anythingInexact }
        }
        return whole
    }

    /// Stands for one or more whole parts while the text is taken apart; no text holds it.
    private static let anyParts: UInt8 = 0

    /// `a/**/b` is `a/b` and `a/ONE OR MORE PARTS/b`; `a/**` is `a` too. In the middle of a part
    /// two stars are one.
    private static func withoutDoubleStars(_ text: [UInt8]) -> [[UInt8]] {
        let slash = UInt8(ascii: "/")
        let parts = text.split(separator: slash, omittingEmptySubsequences: false)
        var choices: [[[UInt8]]] = [[]]
        for part in parts {
            if part.elementsEqual("**".utf8) {
                choices = choices + choices.map { $0 + [[anyParts]] }
            } else {
                choices = choices.map { $0 + [Array(part)] }
            }
            if choices.count > GlobLanguage.limit { return [[anyParts]] }
        }
        return choices.filter { !$0.isEmpty }.map { Array($0.joined(separator: [slash])) }
    }

    /// `{a,b}` written out; nested ones too.
    private static func choices(in text: [UInt8]) -> [[UInt8]] {
        guard let open = text.indices.last(where: { isBrace(text, $0) }),
            let close = text[open...].firstIndex(of: UInt8(ascii: "}"))
        else { return [text] }
        let inside = text[(open + 1)..<close]
            .split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        return inside.flatMap { choices(in: Array(text[..<open]) + $0 + text[(close + 1)...]) }
    }

    private static func isBrace(_ text: [UInt8], _ index: Int) -> Bool {
        text[index] == UInt8(ascii: "{") && (index == 0 || text[index - 1] != UInt8(ascii: "$"))
    }
}
