import Testing

@testable import NetIO

@Suite struct PaceTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    /// What the two sockets swallow says nothing about the reader.
    @Test func gathersMuchOnceThePeerHasShownToBeFast() {
        var pace = Pace()
        #expect(pace.size == .medium)
        send(Pace.trialByteCount + 999, of: &pace)
        pace.review(1000)
        #expect(pace.size == .medium)
        pace.review(999)
        #expect(pace.size == .large)
    }

    @Test func aFastPeerIsNotReviewed() {
        var pace = Pace()
        send(Pace.trialByteCount, of: &pace)
        pace.review(0)
        pace.review(fail("asked for nothing"))
        #expect(pace.size == .large)
    }

    @Test func gathersLittleForAPeerThatLeavesMuchInTheKernel() {
        var pace = Pace()
        send(2 * Pace.crowdedByteCount, of: &pace)
        pace.review(Pace.crowdedByteCount - 1)
        #expect(pace.size == .medium)
        pace.review(Pace.crowdedByteCount)
        #expect(pace.size == .small)
        pace.review(0)
        #expect(pace.size == .small)
        send(Pace.trialByteCount, of: &pace)
        pace.review(0)
        #expect(pace.size == .large)
    }

    @Test func gathersLittleAgainAfterABlockThatTookTooLong() {
        var pace = Pace()
        send(Pace.trialByteCount, of: &pace)
        pace.review(0)
        pace.begin(at: start)
        pace.sent(1000, at: start.advanced(by: Pace.patience))
        #expect(pace.size == .large)
        pace.sent(1000, at: start.advanced(by: Pace.patience + 1))
        #expect(pace.size == .small)
        // From here on it has to show anew that it is fast.
        send(Pace.trialByteCount - 1, of: &pace)
        pace.review(0)
        #expect(pace.size == .small)
    }

    private func send(_ byteCount: Int, of pace: inout Pace) {
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
