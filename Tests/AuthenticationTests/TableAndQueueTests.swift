import Bytes
import Secrets
import Testing

@testable import Authentication

@Suite struct BoundedTableTests {
    private func key(_ number: Int) -> Code32 {
        SHA256.digest(of: ByteString("\(number)").span)
    }

    @Test("an entry is found until its expiry, and no longer")
    func expiry() {
        var table = BoundedTable<Code32, Int>(capacity: 4)
        table.insert(1, for: key(1), expiry: 10, now: 0)
        #expect(table.entry(for: key(1), now: 9)?.value == 1)
        #expect(table.entry(for: key(1), now: 10) == nil)
        table.insert(2, for: key(1), expiry: 20, now: 10)
        #expect(table.entry(for: key(1), now: 10)?.value == 2)
        #expect(table.count == 1)
    }

    @Test("a flood of entries that nobody asks for pushes out itself, not the used ones")
    func flood() {
        var table = BoundedTable<Code32, Int>(capacity: 8)
        for number in 0..<4 { table.insert(number, for: key(number), expiry: 1000, now: 0) }
        for number in 100..<1000 {
            for used in 0..<4 { #expect(table.entry(for: key(used), now: 1)?.value == used) }
            table.insert(number, for: key(number), expiry: 1000, now: 1)
            #expect(table.count <= 8)
        }
    }

    @Test("expired entries make room first")
    func expiredFirst() {
        var table = BoundedTable<Code32, Int>(capacity: 2)
        table.insert(1, for: key(1), expiry: 5, now: 0)
        table.insert(2, for: key(2), expiry: 100, now: 0)
        _ = table.entry(for: key(1), now: 1)
        _ = table.entry(for: key(2), now: 1)
        table.insert(3, for: key(3), expiry: 100, now: 6)
        #expect(table.entry(for: key(2), now: 6)?.value == 2)
        #expect(table.entry(for: key(3), now: 6)?.value == 3)
    }

    @Test("a table of one entry works, and an emptied one starts anew")
    func small() {
        var table = BoundedTable<Code32, Int>(capacity: 1)
        for number in 0..<10 {
            table.insert(number, for: key(number), expiry: 9, now: 0)
            #expect(table.entry(for: key(number), now: 0)?.value == number)
        }
        table.removeAll()
        #expect(table.count == 0)
        #expect(table.entry(for: key(9), now: 0) == nil)
    }
}

@Suite struct FairQueueTests {
    @Test("sources are served in turn, each in its own order")
    func turns() {
        var queue = FairQueue<String>()
        for element in ["a1", "a2", "a3", "a4"] { queue.add(element, from: "a") }
        queue.add("b1", from: "b")
        queue.add("b2", from: "b")
        queue.add("c1", from: "c")
        var served: [String] = []
        while let element = queue.next() { served.append(element) }
        #expect(served == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"])
        #expect(queue.isEmpty)
    }

    @Test("a source that comes back after it was served waits for its turn")
    func again() {
        var queue = FairQueue<Int>()
        queue.add(1, from: "a")
        queue.add(2, from: "b")
        #expect(queue.next() == 1)
        queue.add(3, from: "a")
        #expect(queue.next() == 2)
        #expect(queue.next() == 3)
        #expect(queue.next() == nil)
    }
}
