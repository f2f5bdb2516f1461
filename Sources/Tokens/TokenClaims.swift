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

    /// - Parameter service: whom it must be for.
    init(claims: borrowing Span<UInt8>, for service: ByteString) throws(TokenFlaw) {
        guard let json = JSONValue(parsing: claims), json["iss"]?.text == BearerToken.issuer,
            let subject = json["sub"]?.text, let issued = json["iat"]?.integer,
            let expiry = json["exp"]?.integer, let id = json["jti"]?.text,
            let access = TokenAccess(json["access"]),
            let groups = Self.groups(json["groups"])
        else { throw .foreign }
        guard json["aud"]?.text == service else { throw .otherAudience }
        let provider = json["auth"]?.text.flatMap(Identity.Provider.init(claim:))
        guard (provider == nil) == subject.isEmpty else { throw .foreign }
        self.init(
            user: subject.isEmpty ? nil : subject,
            provider: provider,
            groups: groups,
            rules: json["rules"]?.text,
            access: access,
            robot: json["robot"]?.text,
            issued: issued,
            expiry: expiry,
            id: id
        )
    }

    private static func groups(_ json: JSONValue?) -> [GroupMembership]? {
        guard let json else { return [] }
        guard let elements = json.elements else { return nil }
        var groups: [GroupMembership] = []
        groups.reserveCapacity(elements.count)
        for element in elements {
            guard let group = GroupMembership(element) else { return nil }
            groups.append(group)
        }
        return groups
    }
}

extension TokenAccess {
    fileprivate init?(_ json: JSONValue?) {
        guard let elements = json?.elements else { return nil }
        self.init()
        for element in elements {
            guard let type = element["type"]?.text, let name = element["name"]?.text,
                let actions = element["actions"]?.texts
            else { return nil }
            let scope = Scope(type: type, name: name, actions: actions)
            if scope == .catalog { allowCatalog() } else { allow(Actions(scope), on: name) }
        }
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

    fileprivate init?(_ json: JSONValue) {
        if let name = json.text {
            self.init(name: name)
        } else {
            guard let parts = json.texts, parts.count == 2,
                let place = DistinguishedName(parsing: parts[1])
            else { return nil }
            self.init(name: parts[0], distinguishedName: place)
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
