/// Pairs of small numbers to numbers, made once and then only read: for what is looked up so often
/// in one decision that a `Dictionary`, with its keyed hash, would be most of it. The numbers are
/// the program's own, so nobody can choose ones that collide.
struct NumberTable: Sendable {
    struct Key: Hashable {
        fileprivate let value: UInt64

        /// Both below 2^32.
        init(_ first: Int, _ second: Int) { value = UInt64(first) << 32 | UInt64(second) }
    }

    private struct Slot {
        var key: UInt64 = 0
        /// -1: the slot is free.
        var number: Int32 = -1
    }

    /// Open addressing; at least half of them are free.
    private var slots: [Slot]
    private let mask: Int

    /// - Parameters:
    ///   - numbers: each key once.
    ///   - count: how many there are.
    init(_ numbers: some Sequence<(Key, Int)>, count: Int) {
        var size = 2
        while size < count * 2 { size *= 2 }
        slots = Array(repeating: Slot(), count: size)
        mask = size - 1
        for (key, number) in numbers {
            var slot = place(of: key)
            while slots[slot].number >= 0 { slot = (slot + 1) & mask }
            slots[slot] = Slot(key: key.value, number: Int32(number))
        }
    }

    subscript(first: Int, second: Int) -> Int? {
        let key = Key(first, second)
        var slot = place(of: key)
        while slots[slot].number >= 0 {
            if slots[slot].key == key.value { return Int(slots[slot].number) }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// From the high bits of a product with an odd number, which all bits of the key have a part
    /// in.
    private func place(of key: Key) -> Int {
        let mixed = (key.value ^ key.value >> 32) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 32) & mask
    }
}
