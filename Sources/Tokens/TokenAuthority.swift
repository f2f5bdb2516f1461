public import Bytes
import Secrets

/// Who issues tokens, for whom and for how long. All instances with the same keys and the same
/// service are one authority.
public struct TokenAuthority: Sendable, Equatable {
    public let keys: TokenKeyRing
    /// Whom tokens are for (`auth.token.service`).
    public let service: ByteString
    /// In seconds (`auth.token.lifetime`).
    public let lifetime: Int64

    public init(keys: TokenKeyRing, service: ByteString, lifetime: Int64) {
        self.keys = keys
        self.service = service
        self.lifetime = lifetime
    }

    /// The most bytes of a token: with `Bearer ` in front it fits into an `Authorization` field.
    public static let longestToken = 8000
}

/// Signs and verifies with the keys of an authority. One for each loop: not `Sendable`.
public final class TokenSigner {
    public let authority: TokenAuthority
    private let hashes: [KeyedHash]
    private let ticketHashes: [KeyedHash]
    private let groupLists = GroupLists()

    /// How long the last part of a token is: 32 bytes in Base64.
    static let signatureCount = 43

    public init(_ authority: TokenAuthority) {
        self.authority = authority
        hashes = authority.keys.keys.map { KeyedHash(key: $0.tokenSecret) }
        ticketHashes = authority.keys.keys.map { KeyedHash(key: $0.ticketSecret) }
    }

    /// - Returns: `nil` if it would be longer than a token may be.
    public func sign(_ token: BearerToken) -> ByteString? {
        let newest = authority.keys.keys.count - 1
        var text = authority.keys.keys[newest].header
        text.append(base64URL: token.claims(for: authority.service).span)
        let code = hashes[newest].code(text.span)
        text.append(UInt8(ascii: "."))
        text.append(base64URL: code.bytes.span)
        return text.count <= TokenAuthority.longestToken ? ByteString(text) : nil
    }

    /// Verifies the signature over the bytes as they came, and only then reads them. Says nothing
    /// about the time.
    public func verify(_ text: borrowing Span<UInt8>) throws(TokenFlaw) -> BearerToken {
        let text = copy text
        guard text.count <= TokenAuthority.longestToken,
            let key = authority.keys.keys.lastIndex(where: { $0.signed(text) })
        else { throw .foreign }
        let header = authority.keys.keys[key].header.count
        guard let dot = text.lastIndex(of: UInt8(ascii: ".")), dot > header,
            let signature = text.extracting(dot + 1..<text.count).base64URLDecoded,
            hashes[key].code(text.extracting(0..<dot)).equals(signature.span),
            let claims = text.extracting(header..<dot).base64URLDecoded
        else { throw .foreign }
        return try BearerToken(claims: claims.span, for: authority.service, groupLists)
    }

    /// The code over the parts of a ticket, by each key, the newest first.
    func ticketCodes(_ bytes: [UInt8]) -> [Code32] {
        ticketHashes.reversed().map { $0.code(bytes.span) }
    }

    func newestTicketCode(_ bytes: [UInt8]) -> Code32 {
        ticketHashes[ticketHashes.count - 1].code(bytes.span)
    }
}

extension TokenKey {
    /// Whether the token says that this key has signed it.
    fileprivate func signed(_ text: Span<UInt8>) -> Bool {
        text.count > header.count && text.extracting(0..<header.count).elementsEqual(header.span)
    }
}
