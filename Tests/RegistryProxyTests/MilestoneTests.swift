import Foundation
import Glibc
import NetIO
import Testing

@testable import RegistryProxy

@Suite struct MilestoneTests {
    @Test func aWakeUpForAnotherReasonIsNotIt() throws {
        let signals = try SignalQueue([])
        let milestone = Milestone(among: signals)
        let other = Milestone(among: signals)
        other.reach()
        #expect(!milestone.wait(within: 1_000_000))
        #expect(other.wait(within: 0))
        // The same on the way to it.
        let thread = Thread {
            for _ in 0..<1000 { signals.wake() }
            milestone.reach()
        }
        thread.start()
        #expect(milestone.wait(within: 60_000_000_000))
    }

    @Test func oneThatWasReachedBeforeIsNotWaitedFor() throws {
        let signals = try SignalQueue([])
        let milestone = Milestone(among: signals)
        milestone.reach()
        #expect(signals.wait(milliseconds: 0) == .woken)
        #expect(milestone.wait(within: 0))
    }
}
