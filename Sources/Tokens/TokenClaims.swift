import AccessControl
import Bytes
import RegistryAPI

// The middle part of a token: its claims as JSON (RFC 7519 section 4, and those of the
// distribution specification), and back. It is read only after the signature was found right, so
// what it does not understand was written by another version and counts as foreign.

extension BearerToken {
    /// How long before its issue a token is good, for clocks that are behind; in seconds.
    static let leeway: Int64 = 10

    static let issuer: ByteString = "registry-proxy"

    func claims(for service: ByteString) -> [UInt8] {
        var json = JSONWriter()
        json.begin("{")
        json.member("iss", BearerToken.issuer)
        json.member("sub", user ?? "")
        json.member("aud", service)
        json.member("exp", expiry)
        json.member("nbf", issued - Self.leeway)
        json.member("iat", issued)
        json.member("jti", id)
        json.key("access")
        json.list(access.scopes) { json, scope in
            json.begin("{")
            json.member("type", scope.type)
            json.member("name", scope.name)
            json.member("actions", scope.actions)
            json.end("}")
        }
        if let provider { json.member("auth", provider.claim) }
        if !groups.isEmpty {
            json.key("groups")
            json.list(groups) { json, group in group.write(to: &json) }
        }
        if let rules { json.member("rules", rules) }
        if let robot { json.member("robot", robot) }
        json.end("}")
        return json.bytes
    }

    /// - Parameters:
    ///   - service: whom it must be for.
    ///   - lists: where the groups of tokens before are found again.
    init(
        claims: borrowing Span<UInt8>,
        for service: ByteString,
        _ lists: GroupLists
    ) throws(TokenFlaw) {
        let read = ReadClaims(claims, service, lists)
        guard read.isWhole, read.isOurs == true, let subject = read.subject,
            let issued = read.issued, let expiry = read.expiry, let id = read.id,
            let access = read.access
        else { throw .foreign }
        guard read.isForService == true else { throw .otherAudience }
        guard (read.provider == nil) == subject.isEmpty else { throw .foreign }
        self.init(
            user: subject.isEmpty ? nil : subject,
            provider: read.provider,
            groups: read.groups ?? [],
            rules: read.rules,
            access: access,
            robot: read.robot,
            issued: issued,
            expiry: expiry,
            id: id
        )
    }
}

/// The claims as they stand in the text: what is `nil` is not there. Read without a tree, since it
/// is done for each token that a loop has not seen yet.
private struct ReadClaims {
    private(set) var isOurs: Bool?
    private(set) var isForService: Bool?
    private(set) var subject: ByteString?
    private(set) var provider: Identity.Provider?
    private(set) var groups: [GroupMembership]?
    private(set) var rules: ByteString?
    private(set) var access: TokenAccess?
    private(set) var robot: ByteString?
    private(set) var issued: Int64?
    private(set) var expiry: Int64?
    private(set) var id: ByteString?
    /// Whether the text was an object to its end, and each claim in it of its kind and there once.
    private(set) var isWhole = false

    init(_ text: borrowing Span<UInt8>, _ service: ByteString, _ lists: GroupLists) {
        var reader = JSONReader(copy text)
        guard reader.enterObject() else { return }
        while let name = reader.memberName() {
            if name.elementsEqual("iss") {
                reader.read(into: &isOurs, reader.isPlainText(BearerToken.issuer))
            } else if name.elementsEqual("aud") {
                reader.read(into: &isForService, reader.text().map { $0 == service })
            } else if name.elementsEqual("sub") {
                reader.read(into: &subject, reader.text())
            } else if name.elementsEqual("iat") {
                reader.read(into: &issued, reader.integer())
            } else if name.elementsEqual("exp") {
                reader.read(into: &expiry, reader.integer())
            } else if name.elementsEqual("jti") {
                reader.read(into: &id, reader.text())
            } else if name.elementsEqual("access") {
                reader.read(into: &access, reader.access())
            } else if name.elementsEqual("auth") {
                reader.read(into: &provider, reader.text().flatMap { Identity.Provider(claim: $0) })
            } else if name.elementsEqual("groups") {
                reader.read(into: &groups, lists.read(from: &reader, of: subject))
            } else if name.elementsEqual("rules") {
                reader.read(into: &rules, reader.text())
            } else if name.elementsEqual("robot") {
                reader.read(into: &robot, reader.text())
            } else {
                reader.skipValue()
            }
        }
        isWhole = reader.isAtEnd()
    }
}

extension JSONReader {
    /// Puts a value that was read into its place. No value, or a place that has one, breaks the
    /// reader.
    fileprivate mutating func read<Value>(into place: inout Value?, _ value: Value?) {
        guard let value, place == nil else { return fail() }
        place = value
    }

    /// Reads a string without escapes, and compares it.
    fileprivate mutating func isPlainText(_ other: ByteString) -> Bool? {
        guard let text = plainText() else { return nil }
        return text == other
    }

    fileprivate mutating func skipValue() {
        if value() == nil { fail() }
    }

    /// An array of scopes, in the form of the distribution specification.
    fileprivate mutating func access() -> TokenAccess? {
        var access = TokenAccess()
        guard enterArray() else { return nil }
        while hasElement() {
            guard let scope = scope() else { return nil }
            if scope.isRegistry {
                guard scope.name == "catalog" else { return nil }
                access.allowCatalog()
            } else {
                access.allow(scope.actions, on: scope.name)
            }
        }
        return access
    }

    private mutating func scope() -> (isRegistry: Bool, name: ByteString, actions: Actions)? {
        var isRegistry: Bool?
        var name: ByteString?
        var actions: Actions?
        guard enterObject() else { return nil }
        while let member = memberName() {
            if member.elementsEqual("type") {
                read(into: &isRegistry, scopeIsRegistry())
            } else if member.elementsEqual("name") {
                read(into: &name, text())
            } else if member.elementsEqual("actions") {
                read(into: &actions, self.actions())
            } else {
                skipValue()
            }
        }
        guard !isBroken, let isRegistry, let name, let actions else { return nil }
        return (isRegistry, name, actions)
    }

    /// Of the two types of scopes that tokens have.
    private mutating func scopeIsRegistry() -> Bool? {
        guard let type = plainText() else { return nil }
        if type.elementsEqual("registry") { return true }
        return type.elementsEqual("repository") ? false : nil
    }

    private mutating func actions() -> Actions? {
        var actions: Actions = []
        guard enterArray() else { return nil }
        while hasElement() {
            guard let word = plainText() else { return nil }
            actions.formUnion(Actions(scopeWord: word))
        }
        return actions
    }
}

extension GroupMembership {
    /// Its name, or an array of its name and where the directory has it.
    fileprivate func write(to json: inout JSONWriter) {
        if let distinguishedName {
            json.texts([name, distinguishedName.text])
        } else {
            json.text(name)
        }
    }
}

extension Identity.Provider {
    var claim: ByteString {
        switch self {
        case .htpasswd: "htpasswd"
        case .ldap: "ldap"
        case .certificate: "certificate"
        case .token: "token"
        }
    }

    fileprivate init?(claim: ByteString) {
        switch claim {
        case "htpasswd": self = .htpasswd
        case "ldap": self = .ldap
        case "certificate": self = .certificate
        case "token": self = .token
        default: return nil
        }
    }
}
