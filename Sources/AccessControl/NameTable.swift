import Bytes

/// Names to values, for what is looked up for each of somebody's groups in every decision: there a
/// `Dictionary`, with its keyed hash, would be most of the decision. The names in it are those in
/// the rules, so nobody else can choose ones that collide.
struct NameTable<Value: Sendable>: Sendable {
    private struct Slot {
        var hash: UInt32 = 0
        /// Of `names` and `values`; -1: the slot is free.
        var index: Int32 = -1
    }

    /// Open addressing; at least half of them are free.
    private var slots = Array(repeating: Slot(), count: 2)
    private var names: [ByteString] = []
    private var values: [Value] = []

    subscript(name: ByteString) -> Value? {
        if names.isEmpty { return nil }
        let slot = slots[place(of: name, Self.hash(name.span))]
        return slot.index < 0 ? nil : values[Int(slot.index)]
    }

    subscript(name: ByteString, default fallback: @autoclosure () -> Value) -> Value {
        get { self[name] ?? fallback() }
        set {
            let hash = Self.hash(name.span)
            let place = place(of: name, hash)
            if slots[place].index >= 0 {
                values[Int(slots[place].index)] = newValue
                return
            }
            slots[place] = Slot(hash: hash, index: Int32(names.count))
            names.append(name)
            values.append(newValue)
            if names.count * 2 > slots.count { grow() }
        }
    }

    /// The slot that has `name`, or the free one where it belongs.
    private func place(of name: ByteString, _ hash: UInt32) -> Int {
        var place = first(for: hash)
        while slots[place].index >= 0 {
            if slots[place].hash == hash, names[Int(slots[place].index)] == name { break }
            place = (place + 1) & (slots.count - 1)
        }
        return place
    }

    private func first(for hash: UInt32) -> Int { Int(hash) & (slots.count - 1) }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(), count: old.count * 2)
        for slot in old where slot.index >= 0 {
            var place = first(for: slot.hash)
            while slots[place].index >= 0 { place = (place + 1) & (slots.count - 1) }
            slots[place] = slot
        }
    }

    /// Fowler, Noll and Vo's, folded: short names do not pay for more.
    private static func hash(_ name: borrowing Span<UInt8>) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in name.indices { hash = (hash ^ UInt64(name[index])) &* 0x100_0000_01B3 }
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }
}
