import AccessControl
import Bytes
import Testing

@testable import DirectoryLDAP

@Suite struct EscapingTests {
    private func filter(_ text: String) -> String {
        String(decoding: ByteString(text).span.escapedForFilter, as: UTF8.self)
    }
    private func name(_ text: String) -> String {
        String(decoding: ByteString(text).span.escapedForDN, as: UTF8.self)
    }

    /// LD07 to LD12.
    @Test("a value in a filter is one value, whatever it is made of")
    func filters() {
        #expect(filter("alice") == "alice")
        #expect(filter("*") == #"\2a"#)
        #expect(filter("alice)(uid=*") == #"alice\29\28uid=\2a"#)
        #expect(filter("*)(|(uid=*") == #"\2a\29\28|\28uid=\2a"#)
        #expect(filter(#"alice\2a"#) == #"alice\5c2a"#)
        #expect(filter("\u{0}") == #"\00"#)
        #expect(filter("é") == #"\c3\a9"#)
    }

    @Test("every byte comes back from a filter, and none of those that end a value is left")
    func everyByteInFilters() {
        for byte in UInt8.min...UInt8.max {
            let escaped = ByteString([byte]).span.escapedForFilter
            if escaped.count == 1 {
                #expect(escaped == [byte])
                #expect((0x20..<0x7F).contains(byte) && !"*()\\".utf8.contains(byte))
            } else {
                #expect(escaped[0] == UInt8(ascii: "\\") && escaped.count == 3)
                #expect(UInt8(String(decoding: escaped[1...], as: UTF8.self), radix: 16) == byte)
            }
        }
    }

    /// LD14, LD60.
    @Test("a value in a name is one value, whatever it is made of")
    func names() {
        #expect(name("cn=admin,dc=example") == #"cn\=admin\,dc\=example"#)
        #expect(name("#1 a ") == ##"\#1 a\ "##)
        #expect(name(" ") == #"\ "#)
        #expect(name(#"a+b"c\d<e>f;"#) == #"a\+b\"c\\d\<e\>f\;"#)
        #expect(name("a\u{0}b\n") == #"a\00b\0a"#)
        #expect(name("dóra") == "dóra")
    }

    @Test("every byte comes back from a name", arguments: ["", "a", "ab"])
    func everyByteInNames(around: String) throws {
        for byte in UInt8.min...UInt8.max {
            let value = Array(around.utf8.prefix(1)) + [byte] + Array(around.utf8.dropFirst())
            let text = Array("uid=".utf8) + ByteString(value).span.escapedForDN + ",dc=x".utf8
            let parsed = try #require(DistinguishedName(parsing: ByteString(text)))
            #expect(parsed.leadingValue == ByteString(value), "byte \(byte)")
        }
    }

    @Test("a template fills each place in its own way")
    func templates() {
        let user: ByteString = "a*,b"
        let dn: ByteString = "cn=a\\,b (c),dc=x"
        let filter = LDAPTemplate("(&(uid={user})(member={dn})({x}=1))").filter(user: user, dn: dn)
        let expected = #"(&(uid=a\2a,b)(member=cn=a\5c,b \28c\29,dc=x)({x}=1))"#
        #expect(String(decoding: filter, as: UTF8.self) == expected)
        let name = LDAPTemplate("uid={user},dc=x").distinguishedName(user: user)
        #expect(String(decoding: name, as: UTF8.self) == #"uid=a*\,b,dc=x"#)
    }

    @Test("a login name that knows no escaping takes tame names only")
    func loginNames() {
        let template = LDAPTemplate("{user}@corp.example")
        let filled = template.loginName(user: "jane.o'doe-x_1")
        #expect(filled.map { String(decoding: $0, as: UTF8.self) } == "jane.o'doe-x_1@corp.example")
        for user in ["a@b", #"CORP\a"#, "a/b", "a,b", "a(b", "a\"b", " a", "a "] {
            #expect(template.loginName(user: ByteString(user)) == nil, "\(user)")
        }
    }

    @Test("a filter by membership becomes one along the whole chain")
    func chains() {
        let chained = LDAPTemplate("(&(objectClass=group)(member={dn}))").followingChains
        let text = String(decoding: chained.filter(user: "", dn: "cn=a"), as: UTF8.self)
        #expect(text == "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:=cn=a))")
        #expect(chained.followingChains == chained)
    }
}
