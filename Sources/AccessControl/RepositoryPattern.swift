public import Bytes

/// A pattern over whole repository names (`access.md`, "Rule keys").
///
/// `*` stays inside one path part; `**` is any number of whole parts (`a/**` covers what is below
/// `a` and not `a`; `a/**/b` covers `a/b` too); `?` is one byte other than `/`; `{x,y}` are
/// alternatives;
/// `{user}` and `{group}` stand for exactly one whole part. Everything else is literal.
///
/// Matching follows all possibilities at once, byte by byte, and never goes back: it is linear in
/// the lengths of name and pattern, and allocates nothing.
public struct RepositoryPattern: Sendable {
    /// As the operator wrote it.
    public let text: ByteString
    let code: PatternCode
    let compiled: CompiledPattern

    /// The most bytes of a pattern: as many as a name may have.
    public static let longest = 255

    public init(_ text: ByteString) throws(PatternError) {
        var parser = PatternParser(text.bytes)
        let fragment = try parser.parse()
        var code = PatternCode()
        compiled = code.append(parser.automaton, fragment)
        self.code = code
        self.text = text
    }

    /// Whether the pattern asks for a group's name.
    public var usesGroup: Bool { compiled.usesGroup }

    /// Whether `name` matches, where `{user}` is `user` and `{group}` is `group`.
    ///
    /// - Parameters:
    ///   - user: empty if there is none; then `{user}` matches nothing. Never read as a pattern.
    ///   - group: the same.
    public func matches(
        _ name: borrowing Span<UInt8>,
        user: borrowing Span<UInt8>,
        group: borrowing Span<UInt8>
    ) -> Bool {
        code.matches(compiled, name, user: user, group: group)
    }
}
