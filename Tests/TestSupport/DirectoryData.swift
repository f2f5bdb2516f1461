// A directory of people and groups with every kind of name that makes trouble.

import Foundation

/// Somebody in the test directory.
public struct DirectoryPerson: Sendable {
    public let login: String
    public let password: String?
    public let dn: String
    let cn: String
    /// Operational attributes that are set afterwards.
    let state: [(String, String)]

    public var user: TestUser { TestUser(login, password ?? "") }
}

public enum DirectoryData {
    public static let base = "dc=example,dc=com"
    public static let people = "ou=people,\(base)"
    public static let staff = "ou=staff,\(base)"
    public static let groups = "ou=groups,\(base)"
    public static let posix = "ou=posix,\(base)"
    public static let serviceDN = "cn=proxy,ou=services,\(base)"
    public static let servicePassword = "svc:s3cret"

    /// Fifty ordinary people, `user01` with `pw01` and so on.
    public static let ordinary = (1...50).map { number in
        let two = number < 10 ? "0\(number)" : "\(number)"
        return person("user\(two)", "pw\(two)")
    }

    /// Names and passwords with what is special somewhere.
    public static let special: [DirectoryPerson] = [
        person("alice", "s3cret:pa ss"), person("dóra", "pä:ss:wörd€"),
        person(
            "jsmith", "pw-js", cn: #"Smith, John (R&D) *star* \back "quoted" #1 +plus <lt>; Zoë"#),
        person("ahash", "pw-ah", cn: "#hash first and space last "),
        person("com,ma", "pw-cm"), person("par(en)s", "pw-pa"), person("st*r", "pw-st"),
        person("star", "pw-other"), person(#"back\slash"#, "pw-bs"), person("o'brien", "pw-ob"),
        person("sp ace", "pw-sp"), person("Žofie.Ěščř", "heslo-žluťoučký-kůň"),
        person("plus+eq=x", "pw-pe"), person("emoji", "🔑🗝️pass"),
        person("longpw", String(repeating: "L", count: 256)),
    ]

    /// People who cannot log in, each for another reason.
    public static let barred: [DirectoryPerson] = [
        person("locked", "pw-locked", state: [("pwdAccountLockedTime", "000001010000Z")]),
        person(
            "mustchange", "pw-must",
            state: [
                ("pwdPolicySubentry", "cn=strict,ou=policies,\(base)"), ("pwdReset", "TRUE"),
            ]),
        person(
            "expired", "pw-expired",
            state: [
                ("pwdPolicySubentry", "cn=strict,ou=policies,\(base)"),
                ("pwdChangedTime", "20200101000000Z"),
            ]),
        person("nopassword", nil), person("dup", "pw-dup-people"),
        person("dup", "pw-dup-staff", in: staff),
    ]

    public static let everyone = ordinary + special + barred

    private static func person(
        _ login: String,
        _ password: String?,
        cn: String? = nil,
        in unit: String = people,
        state: [(String, String)] = []
    ) -> DirectoryPerson {
        let name = cn.map { "cn=\(escaped($0))" } ?? "uid=\(escaped(login))"
        return DirectoryPerson(
            login: login,
            password: password,
            dn: "\(name),\(unit)",
            cn: cn ?? "User \(login)",
            state: state
        )
    }

    /// The DN of somebody.
    public static func dn(_ login: String) -> String {
        everyone.first { $0.login == login }?.dn ?? ""
    }

    public static func group(_ cn: String) -> String { "cn=\(escaped(cn)),\(groups)" }

    private static func users(_ range: ClosedRange<Int>) -> [String] {
        range.map { ordinary[$0 - 1].dn }
    }

    public static let strangeGroup = #"Team, "A" (x)*\y é"#

    /// groupOfNames by name: `company` contains `all-eng`, that contains `devs` and `ops`; `loop-a`
    /// and `loop-b` contain each other.
    static let members: [(String, [String])] = [
        ("devs", users(1...10) + [dn("alice")]),
        ("ops", users(11...15)),
        ("readers", users(16...30) + [dn("dóra")]),
        ("all-eng", [group("devs"), group("ops")]),
        ("company", [group("all-eng"), group("readers"), dn("user50")]),
        ("loop-a", [group("loop-b"), dn("user20")]),
        ("loop-b", [group("loop-a"), dn("user21")]),
        (strangeGroup, special.map(\.dn)),
    ]

    /// RFC 4514 section 2.4, as an implementation of its own.
    static func escaped(_ value: String) -> String {
        var text = ""
        for character in value {
            if #",+"\<>;="#.contains(character) { text.append("\\") }
            text.append(character)
        }
        if text.hasPrefix("#") || text.hasPrefix(" ") { text = "\\" + text }
        if text.hasSuffix(" ") { text = text.dropLast() + "\\ " }
        return text
    }

    static func entry(_ dn: String, _ attributes: [(String, String)]) -> String {
        let lines = ([("dn", dn)] + attributes).map { name, value in
            "\(name):: \(Data(value.utf8).base64EncodedString())"
        }
        return lines.joined(separator: "\n") + "\n\n"
    }

    /// Everything, for ldapadd.
    static var ldif: String {
        var text = entry(
            base,
            [
                ("objectClass", "dcObject"), ("objectClass", "organization"), ("dc", "example"),
                ("o", "E"),
            ])
        for unit in ["people", "staff", "groups", "posix", "services", "policies"] {
            text += entry(
                "ou=\(unit),\(base)", [("objectClass", "organizationalUnit"), ("ou", unit)])
        }
        text += policies
        text += entry(
            serviceDN,
            [
                ("objectClass", "applicationProcess"), ("objectClass", "simpleSecurityObject"),
                ("cn", "proxy"), ("userPassword", servicePassword),
            ])
        for (number, person) in everyone.enumerated() { text += entry(of: person, number) }
        for (cn, members) in members {
            let lines = members.map { ("member", $0) }
            text += entry(group(cn), [("objectClass", "groupOfNames"), ("cn", cn)] + lines)
        }
        let unique = [dn("user01"), dn("jsmith")].map { ("uniqueMember", $0) }
        text += entry(
            group("uniq"), [("objectClass", "groupOfUniqueNames"), ("cn", "uniq")] + unique)
        let names = ["alice", "st*r", "com,ma"].map { ("memberUid", $0) }
        text += entry(
            "cn=posix-devs,\(posix)",
            [("objectClass", "posixGroup"), ("cn", "posix-devs"), ("gidNumber", "5001")] + names)
        return text
    }

    private static func entry(of person: DirectoryPerson, _ number: Int) -> String {
        let password = person.password.map { [("userPassword", $0)] } ?? []
        return entry(
            person.dn,
            [
                ("objectClass", "inetOrgPerson"), ("objectClass", "posixAccount"),
                ("uid", person.login), ("cn", person.cn), ("sn", person.login),
                ("uidNumber", "\(10000 + number)"), ("gidNumber", "5000"),
                ("homeDirectory", "/nonexistent"),
            ] + password)
    }

    private static var policies: String {
        let common = [("objectClass", "device"), ("objectClass", "pwdPolicy")]
        let rules = [
            ("pwdAttribute", "userPassword"), ("pwdLockout", "TRUE"), ("pwdMaxFailure", "1000"),
        ]
        return entry("cn=default,ou=policies,\(base)", common + [("cn", "default")] + rules)
            + entry(
                "cn=strict,ou=policies,\(base)",
                common + [("cn", "strict"), ("pwdMaxAge", "86400"), ("pwdMustChange", "TRUE")]
                    + rules)
    }

    /// What only the server may set, for ldapmodify with the relax control.
    static var states: String {
        everyone.filter { !$0.state.isEmpty }.map { person in
            let changes = person.state.map { "replace: \($0)\n\($0): \($1)\n-\n" }
            return "dn: \(person.dn)\nchangetype: modify\n\(changes.joined())\n"
        }
        .joined()
    }
}
