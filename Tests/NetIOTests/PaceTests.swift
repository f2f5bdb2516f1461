import Testing

@testable import NetIO

@Suite struct PaceTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    /// What the two sockets swallow says nothing about the reader.
    @Test func gathersMoreAsThePeerTakesMore() {
        var pace = Pace()
        #expect(pace.size == .small)
        send(Pace.warmingByteCount + 999, to: &pace)
        #expect(size(of: &pace, queued: 1000) == .small)
        #expect(size(of: &pace, queued: 999) == .medium)
        send(Pace.trialByteCount - Pace.warmingByteCount, to: &pace)
        #expect(size(of: &pace, queued: 1000) == .medium)
        #expect(size(of: &pace, queued: 999) == .large)
    }

    @Test func aFastPeerIsNotAskedAbout() {
        var pace = Pace()
        send(Pace.trialByteCount, to: &pace)
        pace.review(0)
        pace.review(fail("asked for nothing"))
        #expect(pace.size == .large)
    }

    @Test func gathersLittleWhileMuchWaitsInTheKernel() {
        var pace = Pace()
        send(Pace.trialByteCount, to: &pace)
        #expect(size(of: &pace, queued: Pace.crowdedByteCount - 1) == .medium)
        #expect(size(of: &pace, queued: Pace.crowdedByteCount) == .small)
        #expect(size(of: &pace, queued: 1) == .medium)
    }

    @Test func gathersLittleAgainAfterABlockThatTookTooLong() {
        var pace = Pace()
        send(Pace.trialByteCount, to: &pace)
        pace.review(0)
        pace.begin(at: start)
        pace.sent(1000, at: start.advanced(by: Pace.patience))
        #expect(pace.size == .large)
        pace.sent(1000, at: start.advanced(by: Pace.patience + 1))
        #expect(pace.size == .small)
        // From here on it has to show anew that it is fast.
        send(Pace.trialByteCount - 1, to: &pace)
        #expect(size(of: &pace, queued: 0) == .medium)
    }

    private func size(of pace: inout Pace, queued: Int) -> BufferPool.Size {
        pace.review(queued)
        return pace.size
    }

    private func send(_ byteCount: Int, to pace: inout Pace) {
        pace.begin(at: start)
        pace.sent(byteCount, at: start)
    }

    private func fail(_ words: Comment) -> Int {
        Issue.record(words)
        return 0
    }
}

@Suite struct InstantTests {
    @Test func neverStaysNever() {
        #expect(Instant.never.advanced(by: 1) == .never)
        #expect(Instant(nanoseconds: .max - 1).advanced(by: 2) == .never)
    }

    @Test func theEarlierDeadlineKeepsItsName() {
        let near = Deadline(name: .idle, instant: Instant(nanoseconds: 1))
        let far = Deadline(name: .stall, instant: Instant(nanoseconds: 2))
        #expect(near.earlier(of: far).name == .idle)
        #expect(far.earlier(of: near).name == .idle)
    }
}
