import Bytes
import Foundation
import Logbook
import Secrets
import Synchronization
import TestSupport
import Testing

@testable import AuditTrail

/// Writing a trail, and going on with it.
@Suite struct TrailTests {
    @Test func aCommitIsOnTheDiskWhenItReturns() async throws {
        let folder = try TrailFolder()
        let trail = try folder.open()
        var maker = RecordMaker()
        #expect(await trail.commit([maker.push()]))
        let lines = try folder.lines()
        #expect(lines.count == 1)
        #expect(lines[0].hasPrefix(#"{"v":1,"seq":1,"prev":"","ts":"20"#))
        #expect(lines[0].contains(#""event":"manifest.create","outcome":"done""#))
        #expect(trail.fsyncCount == 1)
        trail.end()
    }

    @Test("the last records, and the seal on them, wait for the disk once")
    func oneFsyncAtTheEnd() throws {
        let folder = try TrailFolder()
        var settings = AuditTrail.Settings(path: folder.trail, node: "node-1")
        settings.signingKey = try signingKey(7)
        let figures = AuditFigures()
        var scribe = try Scribe(settings, OperatorLog(.error), figures)
        var maker = RecordMaker()
        let last = [maker.push(), maker.pull()]
        #expect(scribe.write(AuditBatch(entries: last, isLast: true)) == nil)
        #expect(figures.fsyncs.load(ordering: .relaxed) == 1)
        let lines = try folder.lines()
        #expect(lines.count == 3)
        #expect(lines.last?.contains(#""event":"checkpoint""#) == true)
    }

    @Test("whose time is over writes all, promises nothing, and does not wait for the disk")
    func theEndOfOneWhoseTimeIsOver() async throws {
        let folder = try TrailFolder()
        let trail = try folder.open()
        var maker = RecordMaker()
        trail.stopWaitingForDisk()
        #expect(await !trail.commit([maker.push()]))
        trail.add(maker.push())
        trail.end()
        #expect(trail.fsyncCount == 0)
        #expect(try folder.lines().count == 2)
        #expect(try verified(folder.files()).findings.isEmpty)
    }

    @Test func aCommitOfSeveralIsWhole() async throws {
        let folder = try TrailFolder()
        let trail = try folder.open()
        var maker = RecordMaker()
        #expect(await trail.commit([maker.push(), maker.pull(), maker.push()]))
        #expect(try folder.lines().count == 3)
        trail.end()
    }

    @Test("many commits at the same moment cost few fsyncs")
    func groupCommit() async throws {
        let folder = try TrailFolder()
        let trail = try folder.open()
        let encoder = Locked(RecordMaker())
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 {
                let entry = encoder.change { $0.push() }
                group.addTask { await trail.commit([entry]) }
            }
            for await isDone in group { #expect(isDone) }
        }
        #expect(trail.fsyncCount < 40)
        trail.end()
        #expect(try folder.lines().count == 200)
        #expect(try verified(folder.files()).findings.isEmpty)
    }

    @Test("the first record, the first change and a full batch wake the writer, and nothing else")
    func wakes() {
        var maker = RecordMaker()
        var queue = AuditQueue()
        let (pull, push) = (maker.pull(), maker.push())
        func wakes(_ entry: AuditEntry) -> Bool { queue.add(entry, isWritable: true) }
        let first = [wakes(pull), wakes(pull), wakes(push), wakes(push), wakes(pull)]
        #expect(first == [true, false, true, false, false])
        while queue.entries.count < AuditQueue.fullBatch - 1 { #expect(!wakes(pull)) }
        #expect([wakes(pull), wakes(pull)] == [true, false])
    }

    @Test func numbersAndCodesGoOnAfterARestart() async throws {
        let folder = try TrailFolder()
        var maker = RecordMaker()
        for _ in 0..<3 {
            let trail = try folder.open()
            trail.add(maker.pull())
            trail.add(maker.push())
            trail.end()
        }
        let (findings, summary) = try verified(folder.files())
        #expect(findings.isEmpty)
        #expect(summary.lastSequence == 6)
    }

    @Test("a line that a crash tore is set aside, and is no fault", arguments: [1, 40, 9000])
    func tornLine(length: Int) async throws {
        let folder = try TrailFolder()
        var maker = RecordMaker()
        let first = try folder.open()
        first.add(maker.push())
        first.add(maker.push())
        first.end()
        let torn = String(repeating: "x", count: length)
        try folder.write(folder.text() + torn)
        let second = try folder.open()
        #expect(await second.commit([maker.push()]))
        second.end()
        #expect(try verified(folder.files()).findings.isEmpty)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let aside = try #require(names.first { $0.hasPrefix("audit.log.torn-") })
        #expect(try folder.text(aside) == torn)
    }

    @Test func aFileThatIsNoTrailIsNotContinued() throws {
        let folder = try TrailFolder()
        try folder.write("something else\n")
        #expect(throws: AuditError.notATrail(path: folder.trail)) { _ = try folder.open() }
    }

    @Test func aSecondWriterIsRefused() throws {
        let folder = try TrailFolder()
        let trail = try folder.open()
        #expect(throws: AuditError.inUse(path: folder.trail)) { _ = try folder.open() }
        trail.end()
    }

    @Test("a full file is closed, compressed, and the chain goes on in the next")
    func rotation() async throws {
        let folder = try TrailFolder()
        let trail = try folder.open { $0.rotateSize = 2000 }
        var maker = RecordMaker()
        for _ in 0..<40 { #expect(await trail.commit([maker.push()])) }
        trail.end()
        // The next start looks after what the first left.
        let again = try folder.open { $0.rotateSize = 2000 }
        _ = try eventually("all old files are compressed") {
            try folder.files().contains { $0.hasSuffix("Z.log") } ? nil : true
        }
        again.end()
        let files = try folder.files()
        #expect(files.filter { $0.hasSuffix("Z.log.gz") }.count >= 3)
        let (findings, summary) = try verified(files.shuffled())
        #expect(findings.isEmpty, "\(findings)")
        #expect(summary.recordCount == 40)
        #expect(summary.firstSequence == 1)
    }

    @Test("files go when their newest record is older than keep periods, and no sooner")
    func retention() async throws {
        let folder = try TrailFolder()
        let day: Int64 = 86_400_000_000_000
        for age in [1, 89, 91, 400] {
            let time = WallTime.now.daysBefore(age)
            try folder.write("", to: "audit-\(time.compactText).log.gz")
        }
        try folder.write("", to: "audit-notes.log")
        let trail = try folder.open {
            $0.rotateAge = day
            $0.keep = 90
        }
        _ = try eventually("two files are gone") {
            try folder.files().filter { $0.hasSuffix(".gz") }.count == 2 ? true : nil
        }
        trail.end()
        #expect(try folder.files().contains { $0.hasSuffix("audit-notes.log") })
    }

    @Test func aRenamedFileIsFollowedByANewOne() async throws {
        let folder = try TrailFolder()
        let trail = try folder.open()
        var maker = RecordMaker()
        #expect(await trail.commit([maker.push()]))
        let moved = folder.path + "/audit.log.1.log"
        try FileManager.default.moveItem(atPath: folder.trail, toPath: moved)
        trail.reopen()
        #expect(await trail.commit([maker.push()]))
        trail.end()
        #expect(try folder.lines().count == 1)
        #expect(try verified([folder.trail, moved]).findings.isEmpty)
    }

    @Test("checkpoints seal the records, also those before a restart")
    func checkpoints() async throws {
        let folder = try TrailFolder()
        let key = try signingKey(7)
        var maker = RecordMaker()
        for _ in 0..<2 {
            let trail = try folder.open {
                $0.signingKey = key
                $0.checkpointInterval = 10
            }
            for _ in 0..<25 { #expect(await trail.commit([maker.push()])) }
            trail.end()
        }
        let (findings, summary) = try verified(folder.files(), key: key.publicKey)
        #expect(findings.isEmpty, "\(findings)")
        #expect(summary.checkpointCount >= 5)
        #expect(summary.unsealedCount == 0)
        let other = try signingKey(8).publicKey
        #expect(try verified(folder.files(), key: other).findings.count >= 5)
    }
}
