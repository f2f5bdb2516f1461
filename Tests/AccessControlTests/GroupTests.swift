import AccessControl
import Bytes
import Testing

private func dn(_ text: String) -> DistinguishedName? {
    DistinguishedName(parsing: ByteString(text))
}

/// Of the directory.
private func group(_ name: String, _ entry: String? = nil) -> GroupMembership {
    GroupMembership(name: ByteString(name), distinguishedName: entry.flatMap(dn))
}

private func member(_ name: String, _ groups: GroupMembership...) -> Identity {
    Identity(user: ByteString(name), groups: groups, provider: .ldap)
}

@Suite struct GroupTests {
    static let entry = "cn=team-web,ou=groups,dc=example,dc=com"

    static let policy = AccessPolicy(
        groups: [
            WrittenGroup(
                name: "web", users: ["ann"],
                directoryGroups: [entry, "ops"].compactMap {
                    DirectoryGroupReference(parsing: ByteString($0))
                }
            ),
            WrittenGroup(name: "web-2", users: ["ann"]),
        ],
        rules: [
            rule("web", ["group:web"], ["web/**"], .allow(.pull)),
            rule("each", ["group:web*"], ["{group}/**"], .allow(.create)),
        ]
    )

    @Test("a written group has the users and the directory groups written there, nobody else")
    func members() {
        func granted(_ identity: Identity) -> Actions { Self.policy.granted(identity, "web/x") }
        #expect(granted(member("ann")) == [.pull, .create])
        #expect(granted(member("bob", group("team-web", Self.entry))) == [.pull, .create])
        let other = "CN=Team-Web , OU=groups,DC=example,DC=com"
        #expect(granted(member("bob", group("x", other))) == [.pull, .create])
        #expect(granted(member("bob", group("ops"))) == [.pull, .create])
        #expect(granted(member("bob", group("Ops"), group("team-web"))) == [])
        #expect(granted(member("bob", group("web"))) == [])
        #expect(granted(member("bob", group("web", "cn=web,dc=example,dc=com"))) == [])
    }

    @Test("{group} is the name by which the rule matches, each in turn")
    func variable() {
        #expect(Self.policy.granted(member("ann"), "web-2/x") == [.pull, .create])
        #expect(Self.policy.granted(member("bob", group("ops")), "web-2/x") == [])
        #expect(Self.policy.granted(member("bob", group("ops")), "ops/x") == [])
        #expect(Self.policy.granted(member("bob", group("webby")), "webby/x") == [.pull, .create])
    }

    @Test("a group that a question supposes stands for that name wherever it is defined")
    func supposed() {
        let web = GroupMembership(name: "web", source: .argument)
        let free = GroupMembership(name: "webby", source: .argument)
        #expect(Self.policy.granted(member("bob", web), "web/x") == [.pull, .create])
        #expect(Self.policy.granted(member("bob", free), "webby/x") == [.pull, .create])
    }

    @Test("the policy knows which groups make a difference")
    func named() {
        for name in ["web", "webby", "ops"] { #expect(Self.policy.names(group(name))) }
        #expect(Self.policy.names(group("x", Self.entry)))
        for name in ["x", "we", "team-web"] { #expect(!Self.policy.names(group(name))) }
    }

    @Test("rights on the server are granted apart from repositories")
    func server() throws {
        let subject = { (text: ByteString) in try Subject(parsing: text) }
        let policy = AccessPolicy(
            groups: [WrittenGroup(name: "platform", users: ["ann", "bob"])],
            rules: [rule("all", ["user:eve"], ["**"], .allow(.all))],
            server: [
                ServerGrant(
                    index: 0, who: [try subject("group:platform")],
                    except: [try subject("user:bob")], actions: [.admin], position: here),
                ServerGrant(
                    index: 1, who: [try subject("authenticated")], actions: [.catalog],
                    position: here),
            ]
        )
        var scratch = Decision()
        #expect(policy.serverActions(of: member("ann"), scratch: &scratch) == [.admin, .catalog])
        #expect(policy.serverActions(of: member("bob"), scratch: &scratch) == [.catalog])
        #expect(policy.serverActions(of: member("eve"), scratch: &scratch) == [.catalog])
        #expect(policy.serverActions(of: .anonymous, scratch: &scratch) == [])
    }
}

@Suite struct DistinguishedNameTests {
    @Test(
        "names are equal that a directory holds for equal",
        arguments: [
            ("cn=web,dc=example", "CN=Web,DC=EXAMPLE"), ("cn=web,dc=x", "cn = web , dc = x"),
            ("cn=a  b,dc=x", "cn= A B ,dc=x"), ("cn=a+ou=b,dc=x", "ou=b+cn=a,dc=x"),
            ("2.5.4.3=web,dc=x", "cn=web,0.9.2342.19200300.100.1.25=x"),
            (#"cn=a\,b,dc=x"#, #"cn=a\2cb,dc=x"#), (#"cn=a\2Cb,dc=x"#, #"cn=a\,b,dc=x"#),
            ("cn=#0c03616263,dc=x", "cn=abc,dc=x"), ("cn=ÄÖ,dc=x", #"cn=\c3\a4\C3\B6,dc=x"#),
            (#"cn=\ a\ ,dc=x"#, "cn=a,dc=x"), ("commonName=a", "cn=a"),
        ]
    )
    func equal(left: String, right: String) throws {
        let (left, right) = (try #require(dn(left)), try #require(dn(right)))
        #expect(left == right && left.hashValue == right.hashValue)
    }

    @Test(
        "other names are not",
        arguments: [
            ("cn=web,dc=x", "cn=web,dc=y"), ("cn=web,dc=x", "dc=x,cn=web"),
            ("cn=web", "cn=web,dc=x"), ("cn=web", "ou=web"), (#"cn=a\,dc\=x"#, "cn=a,dc=x"),
            (#"cn=a\+ou\=b"#, "cn=a+ou=b"), ("cn=a b", "cn=ab"), ("cn=a,cn=b", "cn=a+cn=b"),
            (#"cn=a\\,dc=x"#, #"cn=a\,dc=x"#),
        ]
    )
    func different(left: String, right: String) throws {
        #expect(try #require(dn(left)) != #require(dn(right)))
    }

    @Test(
        "a text that is no distinguished name is refused",
        arguments: [
            "", "web", "cn", "cn=", "cn=,dc=x", "=x", "cn=a,", ",cn=a", "cn=a,,dc=x", "cn=a+",
            "cn=a;dc=x", #"cn="a",dc=x"#, #"cn=a\"#, #"cn=a\4"#, #"cn=a\z"#, "cn=#04", "cn=#0c0361",
            "1.2.x=a", "c.n=a", "-a=b", "cn=<a>", "cn=a\0", "c n=a",
            "cn=" + String(repeating: "a", count: 5000),
        ]
    )
    func refused(text: String) { #expect(dn(text) == nil) }

    @Test("the leading value is the group's own name")
    func leading() {
        #expect(dn(#"cn=Team\, Web,dc=x"#)?.leadingValue == "Team, Web")
    }
}
