public import Bytes

/// A pattern over tags (`access.md`, "Rule keys"): `*` is any number of characters, `?` one,
/// `{x,y}` are alternatives, everything else is literal. `@referrers` means the tags that clients
/// make for signatures and the like.
public struct TagPattern: Sendable {
    /// As the operator wrote it.
    public let text: ByteString
    let form: Form

    enum Form {
        case referrers
        case pattern(PatternCode, CompiledPattern)
    }

    public init(_ text: ByteString) throws(PatternError) {
        self.text = text
        if text == "@referrers" {
            form = .referrers
            return
        }
        var parser = PatternParser(text.bytes, over: .tags)
        let fragment = try parser.parse()
        var code = PatternCode()
        let compiled = code.append(parser.automaton, fragment)
        form = .pattern(code, compiled)
    }

    public func matches(_ tag: borrowing Span<UInt8>) -> Bool {
        switch form {
        case .referrers: Self.isReferrer(tag)
        case .pattern(let code, let compiled):
            code.matches(compiled, tag, user: Span(), group: Span())
        }
    }

    /// Whether it is a fallback tag of referrers (distribution specification, "Referrers Tag
    /// Schema") or one of the signature tags made after it: `sha256-` with 64 hexadecimal digits,
    /// perhaps with `.sig`, `.att` or `.sbom`.
    static func isReferrer(_ tag: borrowing Span<UInt8>) -> Bool {
        let digitsEnd = 7 + 64
        guard tag.count >= digitsEnd, tag.starts(with: "sha256-") else { return false }
        for index in 7..<digitsEnd where !tag[index].isLowercaseHex { return false }
        let suffix = tag.extracting(digitsEnd..<tag.count)
        return suffix.isEmpty || suffix.elementsEqual(".sig") || suffix.elementsEqual(".att")
            || suffix.elementsEqual(".sbom")
    }
}

extension UInt8 {
    fileprivate var isLowercaseHex: Bool { isASCIIDigit || self &- 0x61 < 6 }
}

extension [TagPattern] {
    /// In one line, for people: `` `v*`, `latest` ``.
    var list: String { map { "`\($0.text)`" }.joined(separator: ", ") }
}
