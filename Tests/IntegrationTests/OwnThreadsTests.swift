import Foundation
import Testing

@Suite(.ownThreads) struct OwnThreadsTests {
    @Test("a test of these suites runs on a thread that may wait")
    func ownThread() { #expect(OwnThreads.isWaiting) }
}
