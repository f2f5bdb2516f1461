// Two writers of one trail, as there are during a hand-over.

import Foundation
import Testing

@testable import AuditTrail

@Suite struct CompanyTests {
    /// Long enough for a writer to hear of it; nanoseconds.
    private let patience: Int64 = 60_000_000_000

    private func both(_ folder: TrailFolder) throws -> (before: AuditTrail, after: AuditTrail) {
        let before = try folder.open()
        #expect(before.keep(.successor, within: patience))
        return (before, try folder.open { $0.company = .predecessor })
    }

    @Test("each writes behind what the other has written")
    func turns() async throws {
        let folder = try TrailFolder()
        let (before, after) = try both(folder)
        var maker = RecordMaker()
        for number in 0..<20 {
            #expect(await (number % 3 == 0 ? before : after).commit([maker.push()]))
        }
        before.end()
        #expect(after.keep(.nobody, within: patience))
        after.end()
        let (findings, summary) = try verified(folder.files())
        #expect(findings.isEmpty, "\(findings)")
        #expect(summary.recordCount == 20)
    }

    @Test(
        "whoever is left alone goes on behind the last words of the other",
        arguments: [true, false])
    func lastWords(isPredecessorLeft: Bool) async throws {
        let folder = try TrailFolder()
        let (before, after) = try both(folder)
        var maker = RecordMaker()
        #expect(await after.commit([maker.push()]))
        #expect(await before.commit([maker.push()]))
        let (left, gone) = isPredecessorLeft ? (before, after) : (after, before)
        #expect(await gone.commit([maker.push()]))
        gone.end()
        #expect(left.keep(.nobody, within: patience))
        #expect(await left.commit([maker.push()]))
        left.end()
        let (findings, summary) = try verified(folder.files())
        #expect(findings.isEmpty, "\(findings)")
        #expect(summary.recordCount == 4)
    }

    @Test("what is no record of the trail is not written behind, however often that is tried")
    func foreign() async throws {
        let folder = try TrailFolder()
        let (before, after) = try both(folder)
        var maker = RecordMaker()
        #expect(await after.commit([maker.push()]))
        let whole = try folder.text()
        let file = try FileHandle(forWritingTo: URL(filePath: folder.trail))
        try file.seekToEnd()
        try file.write(contentsOf: Data("nonsense\n".utf8))
        for _ in 0..<2 { #expect(await !after.commit([maker.push()])) }
        #expect(try folder.text() == whole + "nonsense\n")
        try file.truncate(atOffset: UInt64(whole.utf8.count))
        #expect(await before.commit([maker.push()]))
        before.end()
        _ = after.keep(.nobody, within: patience)
        after.end()
        let (findings, summary) = try verified(folder.files())
        #expect(findings.isEmpty, "\(findings)")
        #expect(summary.recordCount == 4, "those that waited came when they could")
    }
}
