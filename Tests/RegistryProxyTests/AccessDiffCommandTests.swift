import Foundation
import Testing

@testable import RegistryProxy

@Suite struct AccessDiffCommandTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("registry-proxy-diff-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func write(_ text: String, _ name: String) throws -> String {
        let path = folder.appendingPathComponent(name).path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func run(_ words: [String]) throws -> CommandOutcome {
        guard case .accessDiff(let options) = try Command(parsing: ["access", "diff"] + words)
        else {
            throw UsageError(message: "no diff", topic: .access)
        }
        return accessDiff(options)
    }

    private static let old = """
        listen: [{ address: 127.0.0.1:0 }]
        upstream: { url: http://127.0.0.1:5000 }
        access:
          rules:
            - { id: all, who: ["user:ann", "user:bob"], repos: ["team/**"], allow: [push] }
        """

    private static let new = """
        rules:
          - { id: all, who: ["user:ann"], repos: ["team/**"], allow: [push] }
          - { id: read, who: ["user:bob"], repos: ["team/**"], allow: [pull] }
        """

    @Test("past requests whose answer changes are counted, the most frequent first")
    func log() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = [try write(Self.old, "old.yaml"), try write(Self.new, "new.yaml")]
        func line(_ user: String?, _ operation: String, _ reference: String) -> String {
            #"{"ts":"2026-01-02T03:04:05.678901Z","id":"01","client":"10.0.0.1","#
                + (user.map { #""user":"\#($0)","auth":"htpasswd","# } ?? #""auth":"anonymous","#)
                + #""operation":"\#(operation)","repository":"team/a","reference":"\#(reference)","#
                + #""status":200}"# + "\n"
        }
        let log = try write(
            line("bob", "manifest.put", "v1") + line("bob", "manifest.put", "v2")
                + line("bob", "manifest.get", "v1") + line("bob", "upload.patch", "u")
                + line("ann", "manifest.put", "v1") + line(nil, "manifest.get", "v1")
                + "not json\n" + #"{"operation":"base"}"# + "\n",
            "access.log"
        )
        let outcome = try run(paths + ["--log", log])
        #expect(outcome.exitCode == .done)
        let lines = outcome.standardOutput.split(separator: "\n").map(String.init)
        #expect(
            lines == [
                "user bob loses push on team/** (as team/x)",
                "of 6 logged requests 3 differ",
                "2 times manifest.put: user bob loses push on team/a "
                    + "(first 2026-01-02T03:04:05.678901Z 01 v1)",
                "1 times upload.patch: user bob loses create on team/a "
                    + "(first 2026-01-02T03:04:05.678901Z 01 u)",
            ])
        let json = try run(paths + ["--json", "--log", log]).standardOutput
        let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        let requests = try #require(object?["requests"] as? [String: Any])
        #expect(requests["changed"] as? Int == 3)
        #expect(
            (object?["changes"] as? [[String: Any]])?.first?["subject"] as? String == "user bob")
    }

    @Test("the exit status tells about differences only if it was asked for")
    func status() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let old = try write(Self.old, "old.yaml")
        let new = try write(Self.new, "new.yaml")
        #expect(try run([old, new]).exitCode == .done)
        #expect(try run([old, new, "--exit-code"]).exitCode == .no)
        let same = try run([old, old, "--exit-code"])
        #expect(same == CommandOutcome(standardOutput: "nobody gains or loses anything\n"))
        let bad = try run([old, try write("rules: 1", "bad.yaml")])
        #expect(bad.exitCode == .wrongConfiguration)
        #expect(bad.standardError.contains("bad.yaml:1:8: access.rules: is one value"))
        let missing = try run([old, new, "--log", "/nonexistent"])
        #expect(missing.exitCode == .unavailable)
    }
}
