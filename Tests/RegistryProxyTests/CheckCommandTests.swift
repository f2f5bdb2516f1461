import Foundation
import ProxyConfig
import Testing

@testable import RegistryProxy

@Suite struct CheckCommandTests {
    private let folder = TemporaryFolder()

    private func options(_ text: String, isStrict: Bool = false, isJSON: Bool = false) throws
        -> CheckOptions
    {
        let path = try folder.write(text, to: "c.yaml")
        return CheckOptions(configuration: path, isStrict: isStrict, isJSON: isJSON)
    }

    private let right = """
        listen: [{ address: "127.0.0.1:0" }]
        upstream: { url: "http://127.0.0.1:5000" }
        auth: { htpasswd: { file: users } }
        access: { rules: [{ id: r, who: [anyone], repos: ["**"], allow: [pull] }] }
        log: { audit: { path: audit.log } }

        """

    @Test("a right file is said to be right")
    func rightFile() throws {
        let options = try options(right)
        let outcome = check(options, [], [])
        #expect(outcome.exitCode == .done)
        #expect(outcome.standardOutput == "\(options.configuration): nothing is wrong\n")
        #expect(outcome.standardError == "")
    }

    @Test(
        "how many rule tests hold is said",
        arguments: [
            ("ann may pull x", ", and the rule test holds"),
            ("ann may pull x, ann may not push x", ", and all 2 rule tests hold"),
        ]
    )
    func ruleTests(tests: String, words: String) throws {
        let tested = right.replacing("[pull] }] }", with: "[pull] }], tests: [\(tests)] }")
        let options = try options(tested)
        let holds: ConfigurationCheck = { $0.access.failingTests(of: $0.access.policy) }
        let said = check(options, [holds], []).standardOutput
        #expect(said == "\(options.configuration): nothing is wrong\(words)\n")
    }

    @Test("every error is printed, as a line or as JSON")
    func errors() throws {
        let text = right + "limits: { manifest: 1 }\nidle: 1s\n"
        let plain = try options(text)
        let outcome = check(plain, [], [])
        #expect(outcome.exitCode == .wrongConfiguration)
        #expect(outcome.standardOutput == "")
        let path = plain.configuration
        let size = "a size in B, KiB, MiB or GiB like 32KiB, from 1KiB … 64MiB"
        #expect(
            outcome.standardError == """
                \(path):6:21: limits.manifest: "1" has no unit (\(size))
                \(path):7:1: idle: is not a known key (did you mean timeouts.idle?)

                """
        )
        let json = check(try options(text, isJSON: true), [], []).standardOutput
        #expect(
            json == "{\"errors\":[{\"at\":\"\(path):6:21\",\"key\":\"limits.manifest\","
                + "\"message\":\"\\\"1\\\" has no unit (\(size))\"},"
                + "{\"at\":\"\(path):7:1\",\"key\":\"idle\","
                + "\"message\":\"is not a known key (did you mean timeouts.idle?)\"}],"
                + "\"warnings\":[],\"tests\":{\"passed\":0,\"failed\":0}}\n"
        )
        #expect(try JSONSerialization.jsonObject(with: Data(json.utf8)) is [String: Any])
    }

    @Test("a warning fails only a strict check")
    func warnings() throws {
        let text = right.replacing("access:", with: "access: {}\n#")
        let outcome = check(try options(text), [], [])
        #expect(outcome.exitCode == .done)
        #expect(outcome.standardError.hasPrefix("warning: "))
        #expect(check(try options(text, isStrict: true), [], []).exitCode == .wrongConfiguration)
    }

    @Test("what the validators find counts like what the file says")
    func validators() throws {
        let missing: ConfigurationCheck = { [$0.auth.htpasswd!.file.error("is missing (a file)")] }
        let options = try options(right)
        let outcome = check(options, [missing], [])
        #expect(outcome.exitCode == .wrongConfiguration)
        #expect(
            outcome.standardError
                == "\(options.configuration):3:27: auth.htpasswd.file: is missing (a file)\n"
        )
        #expect(check(options, [], [missing]).exitCode == .done)
    }

    @Test("rule tests that a wrong key keeps from being run are not passed over in silence")
    func testsNotRun() throws {
        let tested = right.replacing("[pull] }] }", with: "[pull] }], tests: [ann may pull x] }")
        let note = ": access.tests: were not run (mend the errors first)\n"
        let outcome = check(try options(tested + "idle: 1s\n"), [], [])
        #expect(outcome.exitCode == .wrongConfiguration)
        #expect(outcome.standardError.contains("did you mean timeouts.idle?"))
        #expect(outcome.standardError.hasSuffix(note), "\(outcome.standardError)")
        let whole = check(try options(tested), [], [])
        #expect(!whole.standardError.contains(note))
        let untested = check(try options(right + "idle: 1s\n"), [], [])
        #expect(!untested.standardError.contains(note))
    }

    @Test("users whom nobody knows are doubted also where a rule test fails")
    func doubtsBesideErrors() throws {
        let hash = "$2y$10$/2i63v4panZzjnVIyY0bnuuBzfxTKktz/1fZ3qyJEjvDvFltnj0Wa"
        let users = try folder.write("ann:\(hash)\n", to: "users")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: users)
        let text = right.replacing("[anyone]", with: "[\"user:amm\"]")
            .replacing("[pull] }] }", with: "[pull] }], tests: [ann may pull x] }")
        let outcome = check(try options(text), [Assembly.problems], [Assembly.warnings])
        #expect(outcome.exitCode == .wrongConfiguration)
        #expect(
            outcome.standardError.contains("\"ann may pull x\" fails: no rule allows pull\n"))
        #expect(
            outcome.standardError.contains("no user \"amm\", and only the users' file has users"))
    }

    /// It holds for everybody who is nobody.
    @Test("a test that something is forbidden to a name nearly somebody's is doubted")
    func misspeltUserOfATest() throws {
        let hash = "$2y$10$/2i63v4panZzjnVIyY0bnuuBzfxTKktz/1fZ3qyJEjvDvFltnj0Wa"
        let users = try folder.write("carl:\(hash)\n", to: "users")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: users)
        let tests = "[carll may not push x, stranger may not push x, carl may not push x]"
        let text = right.replacing("[pull] }] }", with: "[pull] }], tests: \(tests) }")
        let outcome = check(try options(text), [Assembly.problems], [Assembly.warnings])
        #expect(outcome.exitCode == .done, "\(outcome.standardError)")
        let doubts = outcome.standardError.split(separator: "\n").filter { $0.contains("tests[") }
        #expect(doubts.count == 1, "\(outcome.standardError)")
        #expect(doubts.first?.hasSuffix("no user \"carll\" (did you mean \"carl\"?)") == true)
    }

    @Test("so is one for members of a group of nearly a rule's name")
    func misspeltGroupOfATest() throws {
        let rules = """
            rules: [{ id: r, who: ["group:devs", "group:team-*"], repos: ["**"], allow: [pull] }]
            """
        let tests = """
            tests: ["ann in devz may not push x", "ann in devs may not push x", \
            "ann in team-web, others may not push x", "ann in devs may pull x"]
            """
        let access = "access: { \(rules), \(tests) }"
        let lines = right.split(separator: "\n").map { $0.hasPrefix("access:") ? access : "\($0)" }
        let text = lines.joined(separator: "\n") + "\n"
        let outcome = check(try options(text), [], [Assembly.warnings])
        #expect(outcome.exitCode == .done, "\(outcome.standardError)")
        let doubts = outcome.standardError.split(separator: "\n").filter { $0.contains("tests[") }
        #expect(doubts.count == 1, "\(outcome.standardError)")
        let reason = "no rule names the group \"devz\" (did you mean \"devs\"?)"
        #expect(doubts.first?.hasSuffix(reason) == true, "\(outcome.standardError)")
    }

    @Test("colour marks the place and nothing else")
    func colour() throws {
        let options = try options("{}")
        let plain = check(options, [], []).standardError
        let coloured = check(options, [], [], isColoured: true).standardError
        #expect(coloured != plain)
        #expect(
            coloured.replacing("\u{1B}[1m", with: "").replacing("\u{1B}[0m", with: "") == plain
        )
    }
}

/// A folder that goes when the test does.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.path + "/rp-\(UUID().uuidString)"
        try? FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        return file
    }
}
