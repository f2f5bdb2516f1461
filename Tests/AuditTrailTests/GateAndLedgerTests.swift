import Bytes
import Testing

@testable import AuditTrail

private let second: Int64 = 1_000_000_000

/// What keeps strangers from filling the trail.
@Suite struct FloodGateTests {
    private func refusal(_ user: String = "mallory") -> AuditRecord {
        var record = AuditRecord(.authFailed, .denied)
        record.who.claimed = ByteString(user)
        record.why.reason = "wrong_password"
        return record
    }

    @Test("of equal ones ten pass in a minute; the rest become one with their count")
    func equal() {
        var gate = FloodGate()
        let passed = (0..<1000).filter { gate.passes(refusal(), from: "192.0.2.1", at: Int64($0)) }
        #expect(passed.count == 10)
        let early = gate.due(at: 59 * second)
        #expect(early.isEmpty)
        let due = gate.due(at: 60 * second)
        #expect(due.map(\.count) == [990])
        #expect(due.first?.who.claimed == "mallory")
        let passesAgain = gate.passes(refusal(), from: "192.0.2.1", at: 61 * second)
        #expect(passesAgain)
    }

    @Test func othersAreNotHeldUp() {
        var gate = FloodGate()
        for _ in 0..<50 { _ = gate.passes(refusal(), from: "192.0.2.1", at: 0) }
        let otherPasses = gate.passes(refusal(), from: "192.0.2.2", at: 0)
        #expect(otherPasses)
        let evePasses = gate.passes(refusal("eve"), from: "192.0.2.1", at: 0)
        #expect(evePasses)
    }

    @Test("no crowd of sources writes more than 100 a second, and everything is counted")
    func crowd() {
        var gate = FloodGate()
        var written = 0
        let total = 20_000
        for index in 0..<total {
            let network = ByteString("n\(index % 7000)")
            if gate.passes(refusal("u\(index)"), from: network, at: Int64(index) * 1_000_000) {
                written += 1
            }
        }
        #expect(written <= 21 * 100)
        let counted = gate.flush().reduce(0) { $0 + ($1.count ?? 1) }
        #expect(written + counted == total)
    }

    @Test func whatIsHeldBackLongIsNotLostToTheLimit() {
        var gate = FloodGate()
        for index in 0..<300 {
            for _ in 0..<11 {
                _ = gate.passes(refusal("u\(index)"), from: "n", at: Int64(index / 8) * second)
            }
        }
        var counted = 0
        for minute in 1...20 {
            counted += gate.due(at: Int64(minute) * 60 * second).reduce(0) { $0 + ($1.count ?? 0) }
        }
        #expect(counted >= 300)
        let left = gate.flush()
        #expect(left.isEmpty)
    }
}

/// What a pull is.
@Suite struct PullLedgerTests {
    private let puller = PullLedger.Puller(who: "alice", isAnonymous: false, repository: "a/b")

    private func manifest(_ digest: String) -> AuditRecord {
        var record = AuditRecord(.manifestPull)
        record.what.digest = ByteString(digest)
        record.what.size = 100
        return record
    }

    @Test func blobsAreCountedToTheManifest() {
        var ledger = PullLedger()
        let before = ledger.add(manifest("m"), by: puller, at: 0)
        #expect(before == nil)
        ledger.blobBegan(by: puller, at: 1)
        ledger.blobBegan(by: puller, at: 1)
        ledger.blobEnded(1000, by: puller, at: 2)
        // The other one is still on its way.
        let whileRunning = ledger.due(at: 100 * second)
        #expect(whileRunning.isEmpty)
        ledger.blobEnded(2000, by: puller, at: 100 * second)
        let tooSoon = ledger.due(at: 100 * second)
        #expect(tooSoon.isEmpty)
        let due = ledger.due(at: 101 * second)
        #expect(due.map(\.what.size) == [3100])
        let left = ledger.flush()
        #expect(left.isEmpty)
    }

    @Test func aSecondManifestEndsTheFirst() {
        var ledger = PullLedger()
        let none = ledger.add(manifest("index"), by: puller, at: 0)
        #expect(none == nil)
        let ended = ledger.add(manifest("image"), by: puller, at: 1)
        #expect(ended?.what.digest == "index")
        let open = ledger.flush()
        #expect(open.map(\.what.digest) == ["image"])
    }

    @Test func blobsOnTheirWayHoldTheNextManifestOpen() {
        var ledger = PullLedger()
        let none = ledger.add(manifest("index"), by: puller, at: 0)
        #expect(none == nil)
        ledger.blobBegan(by: puller, at: 0)
        _ = ledger.add(manifest("image"), by: puller, at: 1)
        let whileRunning = ledger.due(at: 100 * second)
        #expect(whileRunning.isEmpty)
        ledger.blobEnded(10, by: puller, at: 100 * second)
        let due = ledger.due(at: 101 * second)
        #expect(due.map(\.what.digest) == ["image"])
        #expect(due.map(\.what.size) == [110])
    }

    @Test func blobsWithoutAManifestAreNothing() {
        var ledger = PullLedger()
        ledger.blobBegan(by: puller, at: 0)
        ledger.blobEnded(10, by: puller, at: 0)
        let left = ledger.flush()
        #expect(left.isEmpty)
    }

    @Test func beyondTheLimitEachIsARecordAtOnce() {
        var ledger = PullLedger()
        for index in 0..<PullLedger.limit {
            let other = PullLedger.Puller(
                who: ByteString("u\(index)"), isAnonymous: false, repository: "a/b")
            let kept = ledger.add(manifest("m"), by: other, at: 0)
            #expect(kept == nil)
        }
        let atOnce = ledger.add(manifest("last"), by: puller, at: 0)
        #expect(atOnce?.what.digest == "last")
        let over = ledger.due(at: 2 * second)
        #expect(over.count == PullLedger.limit)
    }
}

extension PullLedger {
    /// - Returns: the record to be written now, if there is one.
    fileprivate mutating func add(
        _ record: AuditRecord,
        by puller: Puller,
        at now: Int64
    ) -> AuditRecord? {
        var record = record
        return swapIn(&record, by: puller, at: now) ? record : nil
    }
}
