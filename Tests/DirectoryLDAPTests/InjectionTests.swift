import Authentication
import Bytes
import TestSupport
import Testing

@testable import DirectoryLDAP

/// What arrives at the server of a name that somebody typed.
@Suite struct InjectionTests {
    /// LD07 to LD11.
    @Test(
        "a search is for one value, which is the name byte for byte",
        arguments: [
            "*", "alice)(uid=*", "*)(|(uid=*", #"alice\2a"#, #"alice\00"#, "a*", "(", ")", "\\",
            "uid=alice,ou=people,dc=example,dc=com", "dóra", "a&b", "!x", "<=", "~=",
        ])
    func filters(name: String) async throws {
        try await onThread {
            let fake = try FakeDirectory { visit in
                FakeDirectory.serve(visit) { request in
                    guard request.tag == 0x63 else { return false }
                    visit.send(LDAPAnswer.result(request.number, 0x65))
                    return true
                }
            }
            var settings = try DirectorySettings.fake(fake.port)
            settings.connectTimeout = 60_000_000_000
            settings.operationTimeout = 60_000_000_000
            #expect(try Asked(settings).login(name, "x") == .unknownUser)
            let search = try #require(fake.seen.first { $0.tag == 0x63 })
            let attribute = LDAPAnswer.wrap(0x04, Array("uid".utf8))
            let equality = LDAPAnswer.wrap(
                0xA3, attribute + LDAPAnswer.wrap(0x04, Array(name.utf8)))
            #expect(search.bytes.firstRange(of: equality) != nil, "\(search.bytes)")
            #expect(fake.count(0x63) == 1 && fake.count(0x60) == 0)
        }
    }

    /// LD14, LD60.
    @Test(
        "a bind is as one entry, whatever is in its name",
        arguments: [
            ("cn=admin,dc=example", #"uid=cn\=admin\,dc\=example,ou=people,dc=example,dc=com"#),
            ("#1 a+b", ##"uid=\#1 a\+b,ou=people,dc=example,dc=com"##),
            (#"q"\;<>"#, #"uid=q\"\\\;\<\>,ou=people,dc=example,dc=com"#),
        ])
    func names(user: String, dn: String) async throws {
        try await onThread {
            let fake = try FakeDirectory { visit in
                FakeDirectory.serve(visit) { request in
                    guard request.tag == 0x60 else { return false }
                    visit.send(LDAPAnswer.result(request.number, 0x61, code: 49))
                    return true
                }
            }
            var settings = try DirectorySettings.fake(fake.port)
            settings.users = DirectorySettings.Users(
                login: .dn("uid={user},\(DirectoryData.people)"), attribute: "uid")
            settings.connectTimeout = 60_000_000_000
            settings.operationTimeout = 60_000_000_000
            #expect(try Asked(settings).login(user, "x") == .wrongPassword)
            let bind = try #require(fake.seen.first { $0.tag == 0x60 })
            #expect(bind.bytes.firstRange(of: LDAPAnswer.wrap(0x04, Array(dn.utf8))) != nil)
        }
    }
}
