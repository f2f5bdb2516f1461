// What the tests of tokens share.

import AccessControl
import Bytes
import Foundation
import RegistryAPI
import Secrets
import TestSupport
import Tokens

/// An answer of the token endpoint.
struct IssuedToken {
    let text: String
    let claims: [String: Any]
    let answer: [String: Any]

    /// - Returns: `nil` unless it is 200 with a token under both of its names.
    init?(_ response: Response) {
        guard response.status == 200, let answer = jsonObject(response.body),
            let text = answer["token"] as? String, answer["access_token"] as? String == text,
            let claims = IssuedToken.claims(of: text)
        else { return nil }
        self.text = text
        self.claims = claims
        self.answer = answer
    }

    var field: String { "Authorization: Bearer \(text)" }

    /// `team-a/x` → `pull,push`, by what the token says.
    var access: [String: String] {
        var access: [String: String] = [:]
        for entry in claims["access"] as? [[String: Any]] ?? [] {
            let actions = entry["actions"] as? [String] ?? []
            access[entry["name"] as? String ?? ""] = actions.joined(separator: ",")
        }
        return access
    }

    private static func claims(of text: String) -> [String: Any]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3 else { return nil }
        var base64 = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")
        base64 += String(repeating: "=", count: (4 - base64.count % 4) % 4)
        return Data(base64Encoded: base64).flatMap { jsonObject(Array($0)) }
    }
}

func jsonObject(_ bytes: [UInt8]) -> [String: Any]? {
    (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any]
}

extension ProxyProcess {
    /// A token from the endpoint.
    func token(_ query: String, as user: TestUser? = nil) throws -> IssuedToken {
        let answer = try request("GET", "/auth/token\(query.isEmpty ? "" : "?\(query)")", as: user)
        guard let token = IssuedToken(answer) else {
            throw NeverCameTrue(description: "no token: \(answer.status) \(answer.text)")
        }
        return token
    }

    /// A token that this proxy's own key signs, with times that it would not give.
    ///
    /// - Parameters:
    ///   - scopes: as in a request.
    ///   - seconds: how long it is still good; less than 0: it is over.
    func signedToken(
        _ user: String?,
        _ scopes: String,
        expiresIn seconds: Int64,
        service: String = "registry-proxy",
        key: String? = nil
    ) throws -> String {
        let text = try key ?? directory.read("token.key")
        let keys = try TokenKeyRing(parsing: Array(text.utf8).span)
        let authority = TokenAuthority(keys: keys, service: ByteString(service), lifetime: 300)
        var access = TokenAccess()
        for scope in Scope.list(ByteString(scopes)) ?? [] {
            access.allow(Actions(scope), on: scope.name)
        }
        let now = Int64(Date().timeIntervalSince1970)
        let token = BearerToken(
            user: user.map { ByteString($0) },
            provider: user == nil ? nil : .htpasswd,
            access: access,
            issued: now - 300,
            expiry: now + seconds,
            id: "made-by-a-test"
        )
        guard let signed = TokenSigner(authority).sign(token) else {
            throw NeverCameTrue(description: "the token is too long")
        }
        return signed.description
    }

    /// Waits until a token's time is over.
    func waitForEnd(of token: String) throws {
        _ = try eventually("the token has expired") {
            try request("GET", "/v2/", ["Authorization: Bearer \(token)"]).status == 401
                ? true : nil
        }
    }

    func request(_ method: String, _ target: String, _ fields: [String]) throws -> Response {
        try request(method, target, as: nil, fields)
    }
}

extension ProxySettings {
    /// With a file of keys.
    static func withTokens(upstream: String) -> ProxySettings {
        var settings = ProxySettings(upstream: upstream)
        settings.auth = ["token: { key_file: token.key }", "robots: { file: robots.jsonl }"]
        return settings
    }
}
