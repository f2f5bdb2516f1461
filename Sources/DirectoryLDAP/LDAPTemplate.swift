import Bytes

/// Text with places for a user's name or distinguished name: `(uid={user})`.
///
/// Any other brace is an ordinary byte; the configuration has refused those.
struct LDAPTemplate: Sendable, Hashable {
    private enum Piece: Sendable, Hashable {
        case text([UInt8])
        case user
        case dn
    }

    private let pieces: [Piece]

    /// The matching rule of Active Directory that follows a chain of memberships by itself
    /// (LDAP_MATCHING_RULE_IN_CHAIN).
    private static let chainRule = ":1.2.840.113556.1.4.1941:"

    init(_ text: String) {
        var pieces: [Piece] = []
        var plain: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let placeholder: (Piece, Int)? =
                if rest.starts(with: "{user}".utf8) {
                    (.user, 6)
                } else if rest.starts(with: "{dn}".utf8) {
                    (.dn, 4)
                } else {
                    nil
                }
            guard let (piece, length) = placeholder else {
                plain.append(rest.removeFirst())
                continue
            }
            if !plain.isEmpty { pieces.append(.text(plain)) }
            plain = []
            pieces.append(piece)
            rest = rest.dropFirst(length)
        }
        if !plain.isEmpty { pieces.append(.text(plain)) }
        self.pieces = pieces
    }

    private init(_ pieces: [Piece]) { self.pieces = pieces }

    var usesDN: Bool { pieces.contains(.dn) }

    /// A search filter; both values are escaped for one.
    func filter(user: ByteString, dn: ByteString = "") -> [UInt8] {
        fill { piece in
            switch piece {
            case .text(let text): text
            case .user: user.span.escapedForFilter
            case .dn: dn.span.escapedForFilter
            }
        }
    }

    /// A distinguished name; the user's name is escaped for one.
    func distinguishedName(user: ByteString) -> [UInt8] {
        fill { piece in
            switch piece {
            case .text(let text): text
            case .user, .dn: user.span.escapedForDN
            }
        }
    }

    /// Another form of login name, such as `{user}@corp.example`, which knows no escaping.
    ///
    /// - Returns: `nil` if the user's name could leave its place: only letters, digits, `.`, `-`,
    ///   `_`, `'`, blanks inside, and bytes beyond ASCII are taken.
    func loginName(user: ByteString) -> [UInt8]? {
        let isTame = user.bytes.allSatisfy { byte in
            byte.isASCIILetter || byte.isASCIIDigit || byte >= 0x80 || ".-_' ".utf8.contains(byte)
        }
        guard isTame, user.bytes.first != 0x20, user.bytes.last != 0x20 else { return nil }
        return fill { piece in
            switch piece {
            case .text(let text): text
            case .user, .dn: user.bytes
            }
        }
    }

    /// The same filter, with every `ATTRIBUTE={dn}` matched along the whole chain of groups.
    var followingChains: LDAPTemplate {
        var result: [Piece] = []
        for piece in pieces {
            if piece == .dn, case .text(let text)? = result.last, text.last == UInt8(ascii: "="),
                text.dropLast().last != UInt8(ascii: ":")
            {
                result[result.count - 1] = .text(text.dropLast() + Self.chainRule.utf8 + "=".utf8)
            }
            result.append(piece)
        }
        return LDAPTemplate(result)
    }

    private func fill(_ bytes: (Piece) -> [UInt8]) -> [UInt8] { pieces.flatMap(bytes) }
}
