import Foundation
import NetIO
import Testing

@testable import RegistryProxy

/// As `#expect`, which cannot call what changes a value.
private func expect(
    _ isTrue: Bool,
    _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(isTrue, comment, sourceLocation: sourceLocation)
}

@Suite struct AgendaTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)

    private func after(milliseconds: Int64) -> Instant {
        start.advanced(by: milliseconds * 1_000_000)
    }

    @Test("the first signal is obeyed at once, a storm of them ten times a second")
    func storm() {
        var agenda = Agenda(now: start)
        var reloads: [Int64] = []
        for millisecond in Int64(0)..<1000 {
            agenda.wantReload()
            if agenda.takeReload(at: after(milliseconds: millisecond)) {
                reloads.append(millisecond)
                agenda.reloadEnded(at: after(milliseconds: millisecond))
            }
        }
        #expect(reloads == Array(stride(from: 0, to: 1000, by: 100)))
    }

    @Test("the last signal of a storm is not lost")
    func last() {
        var agenda = Agenda(now: start)
        agenda.wantReload()
        expect(agenda.takeReload(at: start))
        agenda.reloadEnded(at: start)
        agenda.wantReload()
        expect(!agenda.takeReload(at: after(milliseconds: 99)))
        #expect(agenda.pause(from: after(milliseconds: 40)) == 60)
        expect(agenda.takeReload(at: after(milliseconds: 100)))
        expect(!agenda.takeReload(at: after(milliseconds: 500)))
    }

    @Test("memory is given back two, four and six seconds after the last of several reloads")
    func tidying() {
        var agenda = Agenda(now: start)
        expect(!agenda.takeTidying(at: after(milliseconds: 10_000)), "nothing was replaced")
        agenda.reloadEnded(at: start)
        agenda.reloadEnded(at: after(milliseconds: 500))
        for second in Int64(0)..<3 {
            expect(!agenda.takeTidying(at: after(milliseconds: 2499 + 2000 * second)))
            expect(agenda.takeTidying(at: after(milliseconds: 2500 + 2000 * second)))
        }
        expect(!agenda.takeTidying(at: after(milliseconds: 60_000)))
    }

    @Test("memory is given back when most of a crowd has left")
    func crowd() {
        var agenda = Agenda(now: start)
        for count in [0, 4000, 9000, 10_000, 5001] {
            agenda.note(connectionCount: count, at: start)
        }
        expect(!agenda.takeTidying(at: after(milliseconds: 60_000)), "more than half are here")
        agenda.note(connectionCount: 5000, at: start)
        expect(!agenda.takeTidying(at: after(milliseconds: 1999)))
        for second in Int64(1)...3 {
            expect(agenda.takeTidying(at: after(milliseconds: 2000 * second)))
        }
        agenda.note(connectionCount: 2501, at: after(milliseconds: 7000))
        expect(!agenda.takeTidying(at: after(milliseconds: 60_000)), "not for the same crowd")
        agenda.note(connectionCount: 0, at: after(milliseconds: 61_000))
        expect(agenda.takeTidying(at: after(milliseconds: 63_000)))
    }

    @Test("a few connections come and go without that", arguments: [1, 100, 499])
    func few(count: Int) {
        var agenda = Agenda(now: start)
        for _ in 0..<10 {
            agenda.note(connectionCount: count, at: start)
            agenda.note(connectionCount: 0, at: start)
        }
        expect(!agenda.takeTidying(at: after(milliseconds: 60_000)))
    }

    @Test("files are looked at twice a second, certificates once a day")
    func looks() {
        var agenda = Agenda(now: start)
        #expect(agenda.pause(from: start) == 500)
        expect(!agenda.takeLook(at: after(milliseconds: 499)))
        expect(agenda.takeLook(at: after(milliseconds: 700)))
        expect(!agenda.takeLook(at: after(milliseconds: 1100)))
        expect(agenda.takeLook(at: after(milliseconds: 1200)))
        expect(!agenda.takeDay(at: after(milliseconds: 86_399_999)))
        expect(agenda.takeDay(at: after(milliseconds: 86_400_000)))
    }
}

@Suite struct ConfigurationFilesTests {
    private let directory: String

    init() throws {
        directory = NSTemporaryDirectory() + "configuration-files-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: directory,
            withIntermediateDirectories: true
        )
        try write(Self.text, to: "c.yaml")
        try write(
            "alice:$2y$10$abcdefghijklmnopqrstuuQ7q1J2d0FZ1pEwT0p9R0lQ9e8kKq2mG\n", to: "users")
    }

    private static let text = """
        listen: [{ address: 127.0.0.1:0 }]
        upstream: { url: http://127.0.0.1:1 }
        auth: { htpasswd: { file: users } }
        access: { rules: [{ id: a, who: [anyone], repos: ["**"], allow: [pull] }] }

        """

    private func write(_ text: String, to name: String) throws {
        let made = FileManager.default.createFile(
            atPath: "\(directory)/\(name)",
            contents: Data(text.utf8),
            attributes: [.posixPermissions: 0o600]
        )
        #expect(made)
    }

    @Test("a change counts once it has lasted from one look to the next, and only once")
    func settling() throws {
        var files = ConfigurationFiles("\(directory)/c.yaml")
        files.accept(try files.readAll())
        expect(!files.haveChanged())
        expect(!files.haveChanged())
        try write(Self.text + "# more\n", to: "c.yaml")
        expect(!files.haveChanged(), "it may still be being written")
        try write(Self.text + "# more and more\n", to: "c.yaml")
        expect(!files.haveChanged())
        expect(files.haveChanged())
        let candidate = try files.readAll()
        #expect(files.rewritten(in: candidate) == [])
        files.accept(candidate)
        expect(!files.haveChanged())
        expect(!files.haveChanged())
    }

    @Test("a broken file is read once; its repair is a change, and so is a file that only it named")
    func broken() throws {
        var files = ConfigurationFiles("\(directory)/c.yaml")
        files.accept(try files.readAll())
        try write(
            Self.text.replacingOccurrences(of: "file: users", with: "file: more"), to: "c.yaml")
        expect(!files.haveChanged())
        expect(files.haveChanged())
        #expect(throws: Assembly.Problems.self) { try files.readAll() }
        expect(!files.haveChanged())
        expect(!files.haveChanged())
        try FileManager.default.copyItem(
            atPath: "\(directory)/users",
            toPath: "\(directory)/more"
        )
        expect(!files.haveChanged())
        expect(files.haveChanged())
        files.accept(try files.readAll())
        try FileManager.default.removeItem(atPath: "\(directory)/users")
        expect(!files.haveChanged())
        expect(!files.haveChanged(), "nobody names it any more")
    }
}
