import AuditTrail
import Bytes
import Testing

@Suite struct UploadAndLoginTests {
    private func upload(_ number: Int) -> UploadLedger.Upload {
        UploadLedger.Upload(repository: "team/app", id: ByteString("u\(number)"))
    }

    @Test("what is known of an upload is taken once")
    func uploads() {
        var ledger = UploadLedger()
        ledger.note(0, of: upload(1))
        ledger.note(500, of: upload(1))
        let other = UploadLedger.Upload(repository: "team/other", id: "u1")
        let taken = [ledger.take(other), ledger.take(upload(1)), ledger.take(upload(1))]
        #expect(taken == [nil, 500, nil])
    }

    @Test("the newest uploads are kept, and not without end")
    func bounds() {
        var ledger = UploadLedger()
        for number in 0..<40_000 { ledger.note(number, of: upload(number)) }
        let all = (0..<40_000).map { ledger.take(upload($0)) }
        let newest = Array(all.suffix(1000))
        #expect(newest == (39_000..<40_000).map { $0 as Int? })
        let kept = all.filter { $0 != nil }.count
        #expect(kept < 16_384)
    }

    @Test("a login is new again after its time, and too many are not kept")
    func logins() {
        var noted = NotedLogins()
        let answers = [0, 5, 9, 10, 15, 20].map { noted.isNew("a", within: 10, at: $0) }
        #expect(answers == [true, false, false, true, false, true])
        let others = (0..<30_000).map { noted.isNew(ByteString("\($0)"), within: 10, at: 30) }
        #expect(!others.contains(false))
        let again = noted.isNew("29999", within: 10, at: 31)
        #expect(!again)
    }
}
