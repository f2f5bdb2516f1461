import AccessControl
import Bytes
import Foundation
import Testing

@testable import ProxyConfig

@Suite struct RuleDoubtsTests {
    private let text =
        base + """
            access:
              groups:
                ops: { ldap: [ops] }
              rules:
                - id: a
                  who: ["group:web"]
                  except: ["group:web2"]
                  repos: [x, Team/x]
                  allow: [pull]
                - id: b
                  who: [anyone]
                  repos: ["x/*"]
                  allow: [pull]
                  when: { until: 2020-01-01 }
                - { id: c, who: ["user:u"], repos: [x], deny: [pull] }
              server:
                - { who: ["group:web"], except: ["group:x*"], allow: [admin] }
              tests:
                - u may not pull x
                - v may pull x/y at 2019-01-01
                - v may pull x/y
                - v may not pull x/y
                - u may pull x
            """

    @Test("what the lint finds is told where it stands")
    func lint() throws {
        let configuration = try #require(report(text).configuration)
        let now = Moment(secondsSince1970: 1_800_000_000)
        let found = configuration.doubtsAboutRules(now: now)
        #expect(
            found.map { "\($0.place): \($0.key)" } == [
                "p.yaml:12:18: access.rules[0].repos[1]", "p.yaml:10:13: access.rules[0].who[0]",
                "p.yaml:11:16: access.rules[0].except[0]",
                "p.yaml:16:15: access.rules[1].repos[0]",
                "p.yaml:18:22: access.rules[1].when.until", "p.yaml:19:7: access.rules[2]",
                "p.yaml:21:15: access.server[0].who[0]", "p.yaml:21:38: access.server[0].except[0]",
                "p.yaml:7:5: access.groups.ops",
            ])
    }

    @Test("a user whom nobody knows is told where the rules name them")
    func unknownUsers() throws {
        let text =
            base + """
                access:
                  groups:
                    ops: { users: [ann, bbo] }
                  rules:
                    - { id: a, who: [anyone], repos: [x], allow: [push] }
                    - { id: b, who: ["user:cii"], except: ["user:ann", "user:zoe"], repos: [x], deny: [push] }
                  server:
                    - { who: ["user:bob", "user:Bob"], allow: [admin] }
                """
        let configuration = try #require(report(text).configuration)
        let found = configuration.doubtsAboutUsers(
            known: ["ann", "bob", "ci"],
            in: configuration.access.policy
        )
        #expect(
            found.map { "\($0.key) \($0.message)" } == [
                #"access.groups.ops no user "bbo", and only the users' file has users (did you mean "bob"?)"#,
                #"access.rules[1].who[0] no user "cii", and only the users' file has users (did you mean "ci"?)"#,
                #"access.rules[1].except[1] no user "zoe", and only the users' file has users (a name of auth.htpasswd.file)"#,
                #"access.server[0].who[1] no user "Bob", and only the users' file has users (did you mean "bob"?)"#,
            ])
    }

    @Test("shadow rules are doubted, too")
    func shadowRules() throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("doubts-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ text: String, _ name: String) throws -> String {
            let path = folder.appendingPathComponent(name).path
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }
        let next = try write(
            "rules: [{ id: a, who: [anyone], repos: [Team/x], allow: [pull] }]", "next.yaml")
        let live = try write(base + "access: { shadow: next.yaml }\n", "p.yaml")
        let configuration = try #require(ConfigurationReader.read(file: live).configuration)
        let found = configuration.doubtsAboutRules(now: Moment(secondsSince1970: 0))
        #expect(
            found.map { "\($0.place): \($0.key)" } == ["\(next):1:41: access.rules[0].repos[0]"])
    }

    @Test("a rule test that does not hold is told where it stands, with the rule that decided")
    func tests() throws {
        let access = try #require(report(text).configuration).access
        #expect(
            access.failingTests(of: access.policy).map(\.description) == [
                "p.yaml:26:7: access.tests[3]: \"v may not pull x/y\" fails: allowed by rule b at"
                    + " p.yaml:14",
                "p.yaml:27:7: access.tests[4]: \"u may pull x\" fails: no rule allows pull",
            ])
    }

    @Test("a line that is no rule test is refused where it stands")
    func brokenTest() {
        #expect(
            errors(base + "access:\n  tests: [ann may read x, 12]\n") == [
                "p.yaml:6:11: access.tests[0]: \"ann may read x\": \"read\" is not an action"
                    + " (pull, create, overwrite, delete, push, all, catalog, admin)",
                "p.yaml:6:27: access.tests[1]: \"12\": has no \"may\" (SUBJECT [in GROUP, GROUP] may"
                    + " [not] ACTION REPO[:TAG] [from IP] [at DATETIME], or SUBJECT may [not]"
                    + " catalog|admin)",
            ])
    }
}
