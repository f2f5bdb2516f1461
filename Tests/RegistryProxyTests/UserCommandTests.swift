import Bytes
import Foundation
import Secrets
import Testing

@testable import RegistryProxy

@Suite struct UserCommandTests {
    private let folder = TemporaryFolder()
    private var file: String { folder.path + "/users" }

    /// Runs `user ACTION` with `password` from standard input, or typed.
    private func run(
        _ action: UserOptions.Action,
        _ name: String? = nil,
        password: String = "",
        typed: [String]? = nil
    ) -> CommandOutcome {
        let options = UserOptions(
            action: action,
            file: file,
            name: name,
            readsStandardInput: typed == nil
        )
        let keyboard = Keyboard(typed ?? [])
        let input = PasswordInput(
            terminal: { (_) throws(PasswordInputError) in try keyboard.next() },
            standardInput: { secret(password) }
        )
        return UserCommand(options: options, passwords: input).run()
    }

    private var text: String { (try? String(contentsOfFile: file, encoding: .utf8)) ?? "" }

    @Test("a user is added, verified, changed, listed and removed")
    func life() throws {
        #expect(run(.set, "ann", password: "one").standardOutput == "\(file): user \"ann\" added\n")
        #expect(text.hasPrefix("ann:$2y$10$"))
        #expect(run(.verify, "ann", password: "one").exitCode == .done)
        #expect(run(.verify, "ann", password: "two").exitCode == .no)
        #expect(run(.verify, "bob", password: "one").exitCode == .no)
        #expect(run(.set, "bob", typed: ["b", "b"]).exitCode == .done)
        #expect(
            run(.set, "ann", password: "two").standardOutput == "\(file): user \"ann\" changed\n")
        #expect(run(.verify, "ann", password: "two").exitCode == .done)
        #expect(run(.verify, "bob", typed: ["b"]).exitCode == .done)
        #expect(run(.list).standardOutput == "ann\nbob\n")
        #expect(run(.remove, "ann").exitCode == .done)
        #expect(run(.remove, "ann").exitCode == .no)
        #expect(run(.list).standardOutput == "bob\n")
    }

    @Test("what could never log in is refused before the file is touched")
    func refusedPasswords() {
        let long = String(repeating: "x", count: 73)
        for password in ["", "a\tb", "a\u{0}b", "a\n", long] {
            let outcome = run(.set, "ann", password: password)
            #expect(outcome.exitCode == .wrongUsage)
            #expect(password.isEmpty || !outcome.standardError.contains(password))
        }
        #expect(run(.set, "ann", typed: ["a", "b"]).exitCode == .wrongUsage)
        for name in ["", "a:b", "anyone", "anonymous", "authenticated", "a\nb", "#a", " a"] {
            let outcome = run(.set, name, password: "p")
            #expect(outcome.exitCode == .wrongUsage, "\(name)")
            #expect(outcome.standardError.split(separator: "\n").count == 1)
        }
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test("other lines and the file's mode stay as they were")
    func otherLines() throws {
        try "# team\nzoe:$2y$broken\n".write(toFile: file, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: file)
        #expect(run(.set, "ann", password: "p").exitCode == .done)
        #expect(text.hasPrefix("# team\nzoe:$2y$broken\nann:$2y$10$"))
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect(attributes[.posixPermissions] as? Int == 0o640)
        #expect(run(.verify, "ann", password: "p").exitCode == .wrongConfiguration)
    }

    @Test("who cannot log in is not listed, and standard error says why")
    func listOfFaults() throws {
        #expect(run(.set, "ann", password: "p").exitCode == .done)
        try (text + "zoe:$apr1$x$y\n").write(toFile: file, atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        let accepted = "(bcrypt $2a$ $2b$ $2y$, $5$, $6$, $y$)"
        #expect(
            run(.list)
                == CommandOutcome(
                    standardOutput: "ann\n",
                    standardError: "\(file):2: Apache MD5 ($apr1$) is not accepted \(accepted)\n"
                )
        )
        #expect(run(.remove, "zoe").exitCode == .done)
        #expect(run(.list) == CommandOutcome(standardOutput: "ann\n"))
    }

    @Test("a file or terminal that is not there is unavailable")
    func unavailable() {
        #expect(run(.list).exitCode == .unavailable)
        #expect(run(.verify, "ann", password: "p").exitCode == .unavailable)
        #expect(run(.set, "ann", typed: []).exitCode == .unavailable)
    }

    @Test("a typed line ends at Enter, and can be corrected")
    func typedLine() throws {
        #expect(try typed("abc\n") == Array("abc".utf8))
        #expect(try typed("ab\u{7F}c\r") == Array("ac".utf8))
        #expect(try typed("a\u{E9}\u{8}b\n") == Array("ab".utf8))
        #expect(try typed("\u{7F}\u{7F}a\n") == Array("a".utf8))
        #expect(try typed("wrong\u{15}right\n") == Array("right".utf8))
        #expect(try typed(String(repeating: "x", count: 256) + "\n")?.count == 256)
        #expect(throws: PasswordInputError.tooLong) {
            try typed(String(repeating: "x", count: 257) + "\n")
        }
        #expect(throws: PasswordInputError.cancelled) { try typed("a\u{3}") }
        #expect(throws: PasswordInputError.cancelled) { try typed("\u{4}") }
    }

    private func typed(_ keys: String) throws -> [UInt8]? {
        var line = TypedLine()
        for byte in keys.utf8 {
            if let secret = try line.take(byte) { return ByteString(copying: secret.bytes).bytes }
        }
        return nil
    }
}

private func secret(_ text: String) -> SecretBytes {
    SecretBytes(copying: Array(text.utf8).span)
}

/// Answers each question with the next line; without lines there is no terminal.
// SAFETY: used by one test at a time.
private final class Keyboard: @unchecked Sendable {
    // One test's one thread.
    private var lines: [String]

    init(_ lines: [String]) { self.lines = lines }

    func next() throws(PasswordInputError) -> SecretBytes {
        guard !lines.isEmpty else { throw .noTerminal }
        return secret(lines.removeFirst())
    }
}
