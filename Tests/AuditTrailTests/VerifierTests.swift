import Bytes
import Foundation
import Secrets
import Testing

@testable import AuditTrail

/// Whatever is done to a trail afterwards is found, with its place.
@Suite struct VerifierTests {
    /// A trail of 30 records in several files, the older ones compressed, and its public key.
    private func sealed() throws -> TrailFolder {
        let folder = try TrailFolder()
        let key = try signingKey(7)
        var maker = RecordMaker()
        let trail = try folder.open {
            $0.signingKey = key
            $0.checkpointInterval = 10
        }
        for _ in 0..<30 { trail.add(maker.push()) }
        trail.end()
        return folder
    }

    private func tampered(
        _ change: (inout [String]) -> Void
    ) throws -> [TrailVerifier.Finding] {
        let folder = try sealed()
        var lines = try folder.lines()
        change(&lines)
        try folder.write(lines.joined(separator: "\n") + "\n")
        return try verified(folder.files()).findings
    }

    @Test func nothingIsFoundInAWholeTrail() throws {
        let folder = try sealed()
        let (findings, summary) = try verified(folder.files())
        #expect(findings.isEmpty)
        #expect(summary.recordCount == 33)
        #expect(summary.lostCount == 0)
        #expect(summary.lastCode.count == 44)
    }

    @Test("an edited line is found", arguments: 0..<32)
    func edited(index: Int) throws {
        let findings = try tampered { lines in
            lines[index] = lines[index].replacingOccurrences(of: "node-1", with: "node-2")
        }
        #expect(findings.first?.line == index + 1)
        #expect(findings.first?.sequence == index + 1)
    }

    @Test("a dropped line is found", arguments: 1..<32)
    func dropped(index: Int) throws {
        let findings = try tampered { $0.remove(at: index) }
        #expect(findings.first?.line == index + 1)
        #expect(findings.first?.reason == "before it, \(index + 1) is missing")
    }

    @Test("two swapped lines are found", arguments: 1..<31)
    func swapped(index: Int) throws {
        let findings = try tampered { $0.swapAt(index, index + 1) }
        #expect(findings.first?.line == index + 1)
    }

    @Test("a cut line is found", arguments: [1, 10, 60, 200])
    func cut(length: Int) throws {
        let findings = try tampered { $0[15] = String($0[15].prefix(length)) }
        #expect(findings.first?.line == 16)
    }

    @Test func aDoubledLineIsFound() throws {
        let findings = try tampered { $0.insert($0[5], at: 6) }
        #expect(findings.first?.line == 7)
    }

    @Test func aCutTailIsFoundByItsHead() throws {
        let folder = try sealed()
        let whole = try verified(folder.files()).summary
        let head = TrailVerifier.Head(sequence: whole.lastSequence, code: whole.lastCode)
        #expect(try verified(folder.files(), head: head).findings.isEmpty)
        let lines = try folder.lines()
        try folder.write(lines.dropLast(2).joined(separator: "\n") + "\n")
        #expect(try verified(folder.files()).findings.isEmpty)
        let findings = try verified(folder.files(), head: head).findings
        #expect(findings.map(\.reason) == ["the trail ends before 33"])
    }

    /// Whoever can write the files can compute codes, but has no key.
    @Test func aRecomputedChainIsFoundByItsKey() throws {
        let folder = try sealed()
        let key = try signingKey(7)
        #expect(try verified(folder.files(), key: key.publicKey).findings.isEmpty)
        let forger = try signingKey(9)
        for signer in [nil, forger] {
            let forged = try TrailFolder()
            var maker = RecordMaker()
            let trail = try forged.open {
                $0.signingKey = signer
                $0.checkpointInterval = 10
            }
            for _ in 0..<30 { trail.add(maker.push()) }
            trail.end()
            #expect(try verified(forged.files()).findings.isEmpty)
            #expect(!(try verified(forged.files(), key: key.publicKey).findings.isEmpty))
        }
    }

    /// Keeping one true checkpoint does not let a forger go on without the key.
    @Test func recordsWithoutCheckpointsAfterATrueOneAreFound() async throws {
        let folder = try sealed()
        let key = try signingKey(7)
        var maker = RecordMaker()
        let forged = try folder.open()
        for _ in 0..<11 { forged.add(maker.push()) }
        forged.end()
        #expect(try verified(folder.files()).findings.isEmpty)
        let findings = try verified(folder.files(), key: key.publicKey).findings
        #expect(findings.count == 1)
    }

    @Test("a changed byte anywhere before the newest checkpoint is found")
    func everyByte() throws {
        let folder = try sealed()
        let bytes = Array(try folder.text().utf8)
        let last = bytes.dropLast().lastIndex(of: 0x0A)!
        for index in stride(from: 0, to: last, by: 37) {
            var changed = bytes
            changed[index] = changed[index] == 0x41 ? 0x42 : 0x41
            try Data(changed).write(to: URL(fileURLWithPath: folder.trail))
            #expect(!(try verified(folder.files()).findings.isEmpty), "byte \(index)")
        }
    }

    @Test func aDamagedCompressedFileIsAnError() throws {
        let folder = try sealed()
        let target = folder.path + "/audit-x.log.gz"
        try Gzip.compress(folder.trail, to: target)
        #expect(try verified([target]).findings.isEmpty)
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: target)))
        bytes.removeLast(bytes.count / 2)
        try Data(bytes).write(to: URL(fileURLWithPath: target))
        #expect(throws: AuditError.damagedCompression(path: target)) {
            _ = try verified([target])
        }
    }
}
