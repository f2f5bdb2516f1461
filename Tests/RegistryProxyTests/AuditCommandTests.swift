import AuditTrail
import Bytes
import Foundation
import Logbook
import Testing

@testable import RegistryProxy

/// What `registry-proxy audit` prints about a trail.
@Suite struct AuditCommandTests {
    private let folder = NSTemporaryDirectory() + "audit-" + UUID().uuidString

    /// A trail of two pushes of one tag, a pull, a refusal and a delete.
    private func trail() throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = folder + "/audit.log"
        let trail = try AuditTrail(
            AuditTrail.Settings(path: path, node: "node"),
            operatorLog: OperatorLog(.error)
        )
        let encoder = RecordEncoder(node: "node")
        func add(
            _ event: AuditRecord.Event,
            _ outcome: AuditRecord.Outcome = .done,
            by user: ByteString,
            _ digest: ByteString,
            was: ByteString? = nil
        ) {
            var record = AuditRecord(event, outcome)
            record.who.user = user
            record.what.repository = "team/app"
            record.what.tag = "v1"
            record.what.digest = digest
            record.what.was = was
            trail.add(AuditEntry(record, encoder))
        }
        add(.manifestCreate, by: "alice", "sha256:aa")
        add(.manifestPull, by: "bob", "sha256:aa")
        add(.manifestOverwrite, by: "carol", "sha256:bb", was: "sha256:aa")
        add(.manifestPull, by: "bob", "sha256:aa")
        add(.accessDenied, .denied, by: "bob", "sha256:bb")
        add(.tagDelete, by: "alice", "sha256:bb")
        #expect(trail.close(within: 60_000_000_000))
        return path
    }

    private func run(_ words: [String]) throws -> (code: ExitCode, lines: [String]) {
        guard case .audit(let options) = try Command(parsing: ["audit"] + words) else {
            throw CocoaError(.featureUnsupported)
        }
        let printed = folder + "/printed-" + UUID().uuidString
        _ = FileManager.default.createFile(atPath: printed, contents: nil)
        let handle = try #require(FileHandle(forWritingAtPath: printed))
        let output = StandardOutput(descriptor: handle.fileDescriptor)
        let outcome = AuditCommand(files: options.files, output: output).run(options.action)
        #expect(output.flush())
        try handle.close()
        let text = try String(contentsOfFile: printed, encoding: .utf8)
        return (outcome.exitCode, text.split(separator: "\n").map(String.init))
    }

    @Test func aWholeTrailIsOkAndItsHeadIsPrinted() throws {
        let path = try trail()
        let (code, lines) = try run(["verify", path])
        #expect(code == .done)
        #expect(lines[0].hasPrefix("ok: 6 records, seq 1 to 6, "))
        let head = String(try #require(lines.last).dropFirst("head: ".count))
        #expect(try run(["verify", "--head", head, path]).code == .done)
        let other = "5" + head.dropFirst()
        #expect(try run(["verify", "--head", other, path]).code == .no)
    }

    @Test func anEditedLineIsNamedByFileLineAndNumber() throws {
        let path = try trail()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacingOccurrences(of: "carol", with: "eve")
            .write(toFile: path, atomically: false, encoding: .utf8)
        let (code, lines) = try run(["verify", path])
        #expect(code == .no)
        #expect(lines.count == 1)
        #expect(lines[0].hasPrefix("\(path):3: seq 3: "))
    }

    @Test func aMissingFileIsUnavailable() throws {
        _ = try trail()
        #expect(try run(["verify", folder + "/none.log"]).code == .unavailable)
    }

    @Test(
        "conditions choose records",
        arguments: [
            (["--user", "bob"], 3), (["--event", "manifest.pull"], 2),
            (["--outcome", "denied"], 1),
            (["--repository", "team/*"], 6), (["--repository", "other/**"], 0),
            (["--digest", "sha256:aa"], 4), (["--from", "2000-01-01"], 6),
            (["--to", "2000-01-01"], 0),
            (["--last-pulled"], 1), (["--user", "bob", "--outcome", "done"], 2), ([], 6),
        ]
    )
    func query(conditions: [String], count: Int) throws {
        let path = try trail()
        for format in ["table", "json"] {
            let (code, lines) = try run(["query"] + conditions + ["--format", format, path])
            #expect(code == .done)
            #expect(lines.count == count)
        }
    }

    @Test func theLinesOfJSONAreThoseOfTheTrail() throws {
        let path = try trail()
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(try run(["query", "--format=json", path]).lines == lines.map(String.init))
    }

    @Test func theHistoryTellsWhoMovedATagFromWhatToWhat() throws {
        let lines = try run(["history", "team/app:v1", trail()]).lines
        #expect(lines.count == 3)
        #expect(lines[0].contains("manifest.create"))
        #expect(lines[1].hasSuffix("carol            sha256:aa -> sha256:bb"))
        #expect(lines[2].contains("tag.delete"))
    }

    @Test func whoCountsWhatEachDid() throws {
        let lines = try run(["who", "team/app", trail()]).lines
        #expect(lines.count == 3)
        #expect(lines[0].contains("alice") && lines[0].contains("pushes 1, deletes 1"))
        #expect(lines[1].contains("bob") && lines[1].contains("pulls 2"))
        #expect(lines[1].contains("denied 1"))
    }

    @Test(
        "what cannot be meant is wrong usage",
        arguments: [
            [], ["look"], ["verify"], ["query", "--event", "push", "f"], ["history"],
            ["history", "a:b"], ["query", "--from", "yesterday", "f"],
            ["verify", "--head", "7", "f"],
            ["query", "--format", "xml", "f"],
        ]
    )
    func usage(words: [String]) {
        #expect(throws: UsageError.self) { _ = try Command(parsing: ["audit"] + words) }
    }
}
