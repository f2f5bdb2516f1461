import Bytes

/// The checks that wait for a thread of one provider: who is served next, and who gives way when
/// there is no more room.
///
/// First those who have proven themselves before, then sources without a wrong password, then those
/// that have sent one lately; within each the sources in turn. So whoever guesses, from however
/// many addresses, waits behind whoever does not. Pure.
struct CheckQueue: Sendable {
    /// What speaks for a check, the best first.
    enum Standing: Int, Comparable, CaseIterable, Sendable {
        case proven, clean, suspected

        static func < (left: Standing, right: Standing) -> Bool { left.rawValue < right.rawValue }
    }

    private var queues = [FairQueue<UInt64>](
        repeating: FairQueue(),
        count: Standing.allCases.count
    )

    var isEmpty: Bool { queues.allSatisfy(\.isEmpty) }

    mutating func add(_ id: UInt64, from source: ByteString, _ standing: Standing) {
        queues[standing.rawValue].add(id, from: source)
    }

    mutating func next() -> UInt64? {
        for index in queues.indices {
            if let id = queues[index].next() { return id }
        }
        return nil
    }

    /// Takes one out, whose turn it may not have been.
    mutating func remove(_ id: UInt64, from source: ByteString) {
        for index in queues.indices { queues[index].remove(of: source) { $0 == id } }
    }

    /// The source has sent a wrong password: what else it has waiting comes after the others.
    mutating func demote(_ source: ByteString) {
        let moved = queues[Standing.clean.rawValue].removeAll(of: source)
        queues[Standing.suspected.rawValue].add(moved, from: source)
    }

    /// Takes out the check that should give way to a newcomer: the newest one of a source that has
    /// more waiting than the newcomer would have, or of one that stands worse.
    ///
    /// - Parameter count: how many checks the newcomer's source has already.
    mutating func giveWay(to newcomer: Standing, with count: Int) -> UInt64? {
        for standing in Standing.allCases.reversed() {
            guard let longest = queues[standing.rawValue].longest else { continue }
            if standing > newcomer || longest.count > count + 1 {
                return queues[standing.rawValue].removeLast(of: longest.source)
            }
        }
        return nil
    }
}
