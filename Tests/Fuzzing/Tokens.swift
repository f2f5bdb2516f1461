import AccessControl
import Bytes
import Foundation
import RegistryAPI
import Tokens

private let now = Moment(secondsSince1970: 1_767_225_600)

/// Text for a form: everything but letters and digits is escaped.
private func escaped(_ text: ByteString) -> String {
    text.bytes.map { byte in
        byte.isASCIILetter || byte.isASCIIDigit
            ? String(UnicodeScalar(byte))
            : "%" + String(decoding: byte.hexadecimalDigits, as: UTF8.self)
    }.joined()
}

extension FuzzTarget {
    /// A question that was posted, written anew with everything escaped, is the same question.
    static let tokenForm = FuzzTarget("token-form") { bytes throws(Finding) in
        guard let form = try? TokenForm(parsing: bytes.span) else { return }
        let scopes = form.question.scopes
        try expect(scopes.count <= TokenQuestion.mostScopes, "\(scopes.count) scopes")
        var pairs = scopes.map { "scope=" + escaped($0.text) }
        if let service = form.question.service { pairs.append("service=" + escaped(service)) }
        switch form.grant {
        case .field, .unknown: break
        case .refreshToken: pairs.append("grant_type=refresh_token")
        case .password(let user, let password):
            pairs += ["username=" + escaped(user), "password=" + escaped(password)]
            pairs.append("grant_type=password")
        }
        let text = pairs.joined(separator: "&")
        guard let anew = try? TokenForm(parsing: Array(text.utf8).span) else {
            throw Finding("not read again: \(text)")
        }
        try expect(anew.question.scopes == scopes, "other scopes: \(text)")
        try expect(anew.question.service == form.question.service, "another service: \(text)")
        if form.grant != .unknown { try expect(anew.grant == form.grant, "another grant: \(text)") }
    }

    /// What is ordered stays within what anybody may order.
    static let robotOrder = FuzzTarget("robot-order") { bytes throws(Finding) in
        let order: RobotOrder
        do throws(RobotOrderError) {
            order = try RobotOrder(json: bytes.span, now: now)
        } catch {
            return try expect(!error.key.isEmpty && !error.allowed.isEmpty, "refused for no reason")
        }
        let isObject = try? JSONSerialization.jsonObject(with: Data(bytes)) is [String: Any]
        try expect(isObject == true, "no JSON object: \(shown(bytes))")
        try expect((1...128).contains(order.name.count), "\(order.name.count) bytes of name")
        try expect(!order.name.bytes.contains { $0 < 0x20 || $0 == 0x7F }, shown(order.name.bytes))
        try expect(!order.actions.isEmpty, "no actions")
        try expect((1...RobotOrder.mostEntries).contains(order.repositories.count), "repositories")
        try expect(order.tags?.isEmpty != true, "tags, but none")
        try expect(order.networks.count <= RobotOrder.mostEntries, "networks")
        let life = order.expiry.secondsSince1970 - now.secondsSince1970
        try expect((1...RobotOrder.longestLife).contains(life), "it lives for \(life) s")
    }

    /// A token says to whoever verifies it what it said to whoever signed it, and after any change
    /// nothing. The bytes: lines for who it is for, and where it is changed.
    static let bearerToken = FuzzTarget("bearer-token") { bytes throws(Finding) in
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        let user = lines.first.map { ByteString($0) }
        var access = TokenAccess()
        for line in lines.dropFirst().prefix(3) { access.allow(.push, on: ByteString(line)) }
        let token = BearerToken(
            user: user,
            provider: user == nil ? nil : .ldap,
            groups: lines.dropFirst(4).map { GroupMembership(name: ByteString($0)) },
            access: access,
            issued: now.secondsSince1970,
            expiry: now.secondsSince1970 + 300,
            id: "id"
        )
        let signer = TokenSigner(tokenAuthority)
        guard var text = signer.sign(token)?.bytes else { return }
        try expect((try? signer.verify(text.span)) == token, "another one: \(shown(text))")
        let place = bytes.reduce(0) { ($0 &* 31 &+ Int(bytes.count) &+ Int($1)) & 0xFFFF }
        text[place % text.count] ^= 1 << UInt8(place >> 8 & 7)
        try expect((try? signer.verify(text.span)) == nil, "changed and good: \(shown(text))")
        // As it comes: nobody but a key can make one.
        try expect((try? signer.verify(bytes.span)) == nil, "forged: \(shown(bytes))")
    }

    private static let tokenAuthority: TokenAuthority = {
        let key = Array(String(repeating: "5a", count: TokenKey.byteCount).utf8)
        guard let keys = try? TokenKeyRing(parsing: key.span) else { fatalError("no key") }
        return TokenAuthority(keys: keys, service: "registry-proxy", lifetime: 300)
    }()
}
