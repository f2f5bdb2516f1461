/// A table of bounded size that forgets: each entry at its expiry, and the least used when it is
/// full.
///
/// Replacement is CLOCK: an entry that was found since the hand last passed stays for one more
/// round. A flood of entries that nobody asks for again therefore pushes out itself. Pure: time
/// comes from the caller, in nanoseconds of any clock that never goes back.
struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Slot: Sendable {
        var key: Key
        var value: Value
        var expiry: Int64
        var wasFound = false
    }

    let capacity: Int
    private var slots: [Slot] = []
    private var positions: [Key: Int] = [:]
    private var hand = 0

    init(capacity: Int) {
        precondition(capacity > 0)
        self.capacity = capacity
    }

    var count: Int { slots.count }

    /// The value and when it expires; `nil` from its expiry on.
    mutating func entry(for key: Key, now: Int64) -> (value: Value, expiry: Int64)? {
        guard let position = positions[key], now < slots[position].expiry else { return nil }
        slots[position].wasFound = true
        return (slots[position].value, slots[position].expiry)
    }

    mutating func insert(_ value: Value, for key: Key, expiry: Int64, now: Int64) {
        let slot = Slot(key: key, value: value, expiry: expiry)
        if let position = positions[key] {
            slots[position] = slot
        } else if slots.count < capacity {
            positions[key] = slots.count
            slots.append(slot)
        } else {
            let position = victim(now: now)
            let old = slots[position].key
            if positions[old] == position { positions[old] = nil }
            positions[key] = position
            slots[position] = slot
        }
    }

    mutating func remove(_ key: Key) {
        guard let position = positions.removeValue(forKey: key) else { return }
        // The place stays and is the next to be taken: its key is nobody's any more.
        slots[position].expiry = .min
        slots[position].wasFound = false
    }

    mutating func removeAll() { self = BoundedTable(capacity: capacity) }

    /// Ends after one round at the latest: then every mark has been taken away.
    private mutating func victim(now: Int64) -> Int {
        while true {
            let position = hand
            hand = (hand + 1) % slots.count
            guard slots[position].wasFound, now < slots[position].expiry else { return position }
            slots[position].wasFound = false
        }
    }
}
