import Testing

@testable import NetIO

@Suite struct PaceTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    /// What the two sockets swallow says nothing about the reader.
    @Test func gathersLittleUntilThePeerHasShownToBeFast() {
        var pace = Pace()
        #expect(pace.size == .medium)
        pace.begin(at: start)
        pace.sent(Pace.trialByteCount - 1, isDone: true, at: start)
        #expect(pace.size == .medium)
        pace.begin(at: start)
        pace.sent(1, isDone: true, at: start)
        #expect(pace.size == .large)
    }

    @Test func gathersLittleAgainAfterABlockThatTookTooLong() {
        var pace = Pace()
        pace.begin(at: start)
        pace.sent(Pace.trialByteCount, isDone: true, at: start)
        pace.begin(at: start)
        pace.sent(1000, isDone: false, at: start.advanced(by: Pace.patience + 1))
        #expect(pace.size == .medium)
        pace.sent(1000, isDone: true, at: start.advanced(by: Pace.patience + 2))
        #expect(pace.size == .medium)
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
