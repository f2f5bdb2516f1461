import AccessControl
import Bytes
import Testing

@testable import ProxyServer

@Suite struct TokenGroupsTests {
    private func policy(_ groups: String...) throws -> AccessPolicy {
        AccessPolicy(rules: [
            AccessRule(
                id: "r",
                who: try groups.map { try Subject(parsing: ByteString("group:\($0)")) },
                repositories: [try RepositoryPattern("**")],
                effect: .allow(.pull),
                position: SourcePosition(file: "test", line: 1, column: 1)
            )
        ])
    }

    private func groups(_ count: Int, length: Int = 40) -> [GroupMembership] {
        (0..<count).map { number in
            let name = "g\(number)-" + String(repeating: "x", count: length)
            let dn = DistinguishedName(parsing: ByteString("cn=\(name),dc=example,dc=com"))
            return GroupMembership(name: ByteString(name), distinguishedName: dn)
        }
    }

    @Test("groups that a rule names come first; others have what room is left, without their place")
    func order() throws {
        let all = groups(500)
        let packed = try #require(try TokenGroups(all, policy("g499-*")))
        #expect(packed.kept.first?.name == all[499].name && packed.leftOut)
        #expect(packed.kept.count > 50 && packed.kept.count < 500)
        #expect(packed.kept.allSatisfy { $0.distinguishedName == nil })
        let few = try #require(try TokenGroups(groups(20), policy("g1-*")))
        #expect(few.kept.count == 20 && !few.leftOut)
    }

    @Test("where the directory has a group goes with it if access.groups asks for that")
    func names() throws {
        let all = groups(2)
        let place = try #require(all[1].distinguishedName)
        let written = WrittenGroup(name: "ops", directoryGroups: [.distinguishedName(place)])
        let packed = try #require(TokenGroups(all, AccessPolicy(groups: [written], rules: [])))
        #expect(packed.kept == [all[1], GroupMembership(name: all[0].name)])
    }

    @Test("where those that rules name have no room, there is no token")
    func tooMany() throws {
        #expect(try TokenGroups(groups(500), policy("*")) == nil)
        #expect(try TokenGroups(groups(5, length: 100), policy("*")) != nil)
    }

    @Test("a name that is no text is left out")
    func bytes() throws {
        let odd = GroupMembership(name: ByteString([0xFF, 0xFE]))
        let packed = try #require(try TokenGroups([odd], policy("x")))
        #expect(packed.kept.isEmpty && packed.leftOut)
    }
}
