import Foundation
import Testing

@testable import RegistryProxy

@Suite struct ExplainCommandTests {
    private let folder: URL
    private let configuration: String

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("registry-proxy-explain-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        configuration = folder.appendingPathComponent("c.yaml").path
        let text = """
            listen: [{ address: 127.0.0.1:0 }]
            upstream: { url: http://127.0.0.1:5000 }
            access:
              groups:
                platform: { users: [ann] }
              rules:
                - { id: read, who: [anyone], repos: ["public/**"], allow: [pull] }
                - { id: ops, who: ["group:platform"], repos: ["**"], allow: [all] }
                - id: frozen
                  who: [authenticated]
                  except: ["group:platform"]
                  repos: ["**"]
                  deny: [overwrite]
                  because: "tags do not move"
                - id: bygone
                  who: ["user:eve"]
                  repos: ["old/**"]
                  allow: [pull]
                  when: { until: 2020-01-01 }
              server:
                - { who: ["group:platform"], allow: [catalog] }
              shadow: next.yaml
            """
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        try "rules: [{ id: none, who: [anyone], repos: [\"**\"], deny: [all] }]"
            .write(
                toFile: folder.appendingPathComponent("next.yaml").path,
                atomically: true,
                encoding: .utf8
            )
    }

    private func run(_ words: String...) throws -> CommandOutcome {
        let all = ["explain"] + words + ["--config", configuration]
        guard case .explain(let options) = try Command(parsing: all) else {
            throw UsageError(message: "no explain", topic: .explain)
        }
        return explain(options)
    }

    @Test("of a push that is denied in part and never allowed, the verdict says both")
    func partlyDenied() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let text = try run("bob", "push", "public/a:v2").standardOutput
        #expect(text.hasSuffix("denied: no rule allows create; tags do not move\n"), "\(text)")
        let move = try run("bob", "overwrite", "public/a:v2").standardOutput
        #expect(move.hasSuffix("denied: tags do not move\n"), "\(move)")
    }

    @Test("the object has the keys of the contract, in their order")
    func json() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let denied = try run("bob", "overwrite", "public/a:v1", "--json", "--from", "10.0.0.1")
        let at = { (line: Int) in "\(configuration):\(line)" }
        #expect(denied.exitCode == .no)
        #expect(
            denied.standardOutput
                == #"{"allowed":false,"user":"bob","action":"overwrite","repository":"public/a","#
                + #""tag":"v1","from":"10.0.0.1","groups":[],"allow":[],"#
                + #""deny":[{"id":"frozen","at":"\#(at(9))"}],"#
                + #""near_misses":[{"id":"ops","at":"\#(at(8))","#
                + #""reason":"who is group:platform, which bob is not"}],"#
                + #""because":"tags do not move","generation":1}"# + "\n"
        )
        let allowed = try run("ann", "all", "x", "--json", "--group", "extra")
        #expect(allowed.exitCode == .done)
        #expect(
            allowed.standardOutput.contains(
                #""groups":[{"name":"platform","source":"config"},"#
                    + #"{"name":"extra","source":"argument"}]"#
            )
        )
        #expect(allowed.standardOutput.contains(#""tag":null,"from":null"#))
    }

    @Test("a near miss says what it would do, and so does a rule about other actions")
    func verbs() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let text = try run("bob", "delete", "public/a:v1").standardOutput
        #expect(text.contains("ops (\(configuration):8): allows, but who is group:platform"))
        #expect(text.contains("read (\(configuration):7): allows other actions"))
        #expect(text.contains("frozen (\(configuration):9): denies other actions"))
    }

    @Test("another time than now can be asked about")
    func time() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(try run("eve", "pull", "old/a").exitCode == .no)
        #expect(try run("eve", "pull", "old/a", "--at", "2020-01-01T23:59:59Z").exitCode == .done)
        #expect(try run("eve", "pull", "old/a", "--at", "2020-01-02").exitCode == .no)
        let text = try run("eve", "pull", "old/a", "--at", "2020-01-01").standardOutput
        #expect(text.contains("question   pull old/a at 2020-01-01T00:00:00Z\n"))
        let json = try run("eve", "pull", "old/a", "--at", "2020-01-01", "--json").standardOutput
        #expect(json.contains(#""from":null,"at":"2020-01-01T00:00:00Z","groups":[]"#), "\(json)")
    }

    @Test("a user whom the only file of users does not have is pointed out")
    func unknownUser() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let rules = try String(contentsOfFile: configuration, encoding: .utf8)
        let users = folder.appendingPathComponent("users").path
        func use(_ login: String, mode: Int = 0o600) throws {
            try (rules + "\nauth: { htpasswd: { file: users }\(login) }\n")
                .write(toFile: configuration, atomically: true, encoding: .utf8)
            try "ann:$2y$10$/2i63v4panZzjnVIyY0bnuuBzfxTKktz/1fZ3qyJEjvDvFltnj0Wa\n"
                .write(toFile: users, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: users)
        }
        let note = "users      \(users) has no user \"eve\"\n"
        try use("")
        let unknown = try run("eve", "pull", "public/a")
        #expect(unknown.exitCode == .done)
        #expect(unknown.standardOutput.contains("groups     none\n\(note)allows     read"))
        #expect(try !run("ann", "pull", "public/a").standardOutput.contains("users   "))
        #expect(try !run("anonymous", "pull", "public/a").standardOutput.contains("users   "))
        // Others may know the user, or nobody can tell.
        try use(", client_certificates: { user: cn }")
        #expect(try !run("eve", "pull", "public/a").standardOutput.contains("users   "))
        try use("", mode: 0o666)
        let unreadable = try run("eve", "pull", "public/a")
        #expect(unreadable.exitCode == .done)
        #expect(!unreadable.standardOutput.contains("users   "))
    }

    @Test("the exit status is the answer")
    func status() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(try run("anonymous", "pull", "public/a").exitCode == .done)
        #expect(try run("anonymous", "push", "public/a").exitCode == .no)
        #expect(try run("ann", "push", "public/a:v1").exitCode == .done)
        #expect(try run("bob", "push", "public/a:v1", "--group", "platform").exitCode == .done)
        #expect(try run("ann", "catalog").exitCode == .done)
        #expect(try run("ann", "admin").exitCode == .no)
        #expect(try run("bob", "catalog").exitCode == .no)
        #expect(try run("ann", "pull", "public/a", "--shadow").exitCode == .no)
        try "nonsense: 1".write(toFile: configuration, atomically: true, encoding: .utf8)
        #expect(try run("ann", "pull", "public/a").exitCode == .wrongConfiguration)
    }

    @Test(
        "what makes no sense is wrong usage",
        arguments: [
            "", "ann", "ann pull", "ann fly x", "ann pull UPPER", "ann pull a:b:c", "ann catalog x",
            "anyone pull x", "ann pull x --from here", "anonymous pull x --group g", "ann pull x y",
            "ann pull x --at noon", "ann pull x --at 2020-02-30",
            "ann pull x@sha256:12", "user:ann pull x", "group:platform pull x",
        ])
    func usage(words: String) {
        #expect(throws: UsageError.self) {
            try Command(parsing: ["explain"] + words.split(separator: " ").map(String.init))
        }
    }

    @Test("colour is there only if it may be")
    func colour() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let words = ["explain", "ann", "pull", "a", "--config", configuration]
        guard case .explain(let options) = try Command(parsing: words) else { return }
        #expect(explain(options, isColoured: true).standardOutput.contains("\u{1B}[1;32mallowed"))
        #expect(!explain(options).standardOutput.contains("\u{1B}"))
    }
}
