import AccessControl
import Bytes
import RegistryAPI
import Secrets

@testable import Tokens

/// 2026-01-01T00:00:00Z.
let start: Int64 = 1_767_225_600

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func ring(_ letters: String) throws -> TokenKeyRing {
    try keys(letters.map { String(repeating: $0, count: 64) }.joined(separator: "\n"))
}

func keys(_ text: String) throws(TokenKeyError) -> TokenKeyRing {
    let text = bytes(text)
    return try TokenKeyRing(parsing: text.span)
}

func authority(_ letters: String = "a", service: ByteString = "registry-proxy") throws
    -> TokenAuthority
{
    TokenAuthority(keys: try ring(letters), service: service, lifetime: 300)
}

func token(
    user: ByteString? = "ann",
    groups: [GroupMembership] = [],
    scopes: String = "repository:team/x:pull,push",
    robot: ByteString? = nil,
    issued: Int64 = start
) -> BearerToken {
    var access = TokenAccess()
    for scope in Scope.list(ByteString(scopes)) ?? [] {
        if scope == .catalog {
            access.allowCatalog()
        } else {
            access.allow(Actions(scope), on: scope.name)
        }
    }
    return BearerToken(
        user: user,
        provider: user == nil ? nil : .htpasswd,
        groups: groups,
        access: access,
        robot: robot,
        issued: issued,
        expiry: issued + 300,
        id: "0123456789abcdef"
    )
}

extension TokenSigner {
    func text(_ token: BearerToken) throws -> [UInt8] {
        guard let text = sign(token) else { throw TokenFlaw.foreign }
        return text.bytes
    }

    func read(_ text: [UInt8]) throws(TokenFlaw) -> BearerToken { try verify(text.span) }
}

extension TokenMemory {
    func find(_ text: [UInt8], now: Int64) -> Finding { lookup(text.span, now: now) }
}

/// One part of a token as JSON; `nil` if it is none.
func json(_ part: [UInt8]) -> JSONValue? {
    guard let text = part.span.base64URLDecoded else { return nil }
    return JSONValue(parsing: text.span)
}

/// As it stands in a token.
func base64URL(_ code: Code32) -> [UInt8] {
    var text: [UInt8] = []
    let bytes = code.bytes
    text.append(base64URL: bytes.span)
    return text
}

func code(_ key: TokenKey, over text: [UInt8]) -> [UInt8] {
    base64URL(KeyedHash(key: key.tokenSecret).code(text.span))
}

/// The three parts of a token, decoded where they are JSON.
func parts(_ text: [UInt8]) -> [[UInt8]] {
    text.split(separator: UInt8(ascii: ".")).map(Array.init)
}

func encoded(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    let plain = bytes(text)
    result.append(base64URL: plain.span)
    return result
}
