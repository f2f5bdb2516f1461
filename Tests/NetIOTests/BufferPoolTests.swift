import Bytes
import Testing

@testable import NetIO

@Suite struct BufferPoolTests {
    @Test func aBufferThatComesBackIsTheNextOneTaken() {
        let pool = BufferPool()
        let buffer = pool.take(.large)
        buffer.append("left over")
        pool.give(buffer)
        let next = pool.take(.large)
        #expect(next === buffer)
        #expect(next.isEmpty)
        #expect(pool.lentCount == 1)
    }

    @Test func whatNobodyNeedsBetweenTwoTrimsIsFreed() {
        let pool = BufferPool()
        let busy = (0..<3).map { _ in pool.take(.large) } + [pool.take(.small), pool.take(.medium)]
        for buffer in busy { pool.give(buffer) }
        #expect(pool.keptCount == 5)
        pool.trim()
        #expect(pool.keptCount == 5, "they were needed until now")
        pool.trim()
        #expect(pool.keptCount == 0)
    }

    @Test func whatIsNeededAgainAndAgainStays() {
        let pool = BufferPool()
        for buffer in (0..<4).map({ _ in pool.take(.medium) }) { pool.give(buffer) }
        for _ in 0..<10 {
            let both = (pool.take(.medium), pool.take(.medium))
            pool.give(both.0)
            pool.give(both.1)
            pool.trim()
        }
        #expect(pool.keptCount == 2)
    }

    @Test(arguments: [
        (1, 2 * 1024), (2 * 1024 + 1, 16 * 1024), (16 * 1024 + 1, 64 * 1024),
        (64 * 1024 + 1, 512 * 1024), (512 * 1024 + 1, 512 * 1024 + 1),
    ])
    func aBufferHasRoomForWhatItIsTakenFor(byteCount: Int, room: Int) {
        let pool = BufferPool()
        let buffer = pool.take(holding: byteCount)
        #expect(buffer.room >= room)
        pool.give(buffer)
        #expect(pool.lentCount == 0)
        #expect(pool.keptCount == (room > BufferPool.Size.large.payload ? 0 : 1))
    }
}
