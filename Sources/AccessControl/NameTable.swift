import Bytes

/// Names to values, for what is looked up for each of somebody's groups in every decision: there a
/// `Dictionary`, with its keyed hash, would be most of the decision. The names in it are those in
/// the rules, so nobody else can choose ones that collide.
///
/// A value lies in its slot and all names lie in one array, so that a look costs two misses of the
/// processor's cache at most.
struct NameTable<Value: Sendable>: Sendable {
    private struct Slot {
        var hash: UInt32 = 0
        /// Where the name lies in `names`.
        var start: Int32 = 0
        var end: Int32 = 0
        /// `nil`: the slot is free.
        var value: Value?
    }

    /// Open addressing; at least half of them are free.
    private var slots = Array(repeating: Slot(), count: 2)
    private var count = 0
    private var names: [UInt8] = []

    subscript(name: ByteString) -> Value? {
        count == 0 ? nil : slots[place(of: name.span, Self.hash(name.span))].value
    }

    subscript(name: ByteString, default fallback: @autoclosure () -> Value) -> Value {
        get { self[name] ?? fallback() }
        set {
            let hash = Self.hash(name.span)
            let place = place(of: name.span, hash)
            if slots[place].value != nil {
                slots[place].value = newValue
                return
            }
            let start = Int32(names.count)
            names += name.bytes
            slots[place] = Slot(hash: hash, start: start, end: Int32(names.count), value: newValue)
            count += 1
            if count * 2 > slots.count { grow() }
        }
    }

    /// The slot that has `name`, or the free one where it belongs.
    private func place(of name: borrowing Span<UInt8>, _ hash: UInt32) -> Int {
        let names = names.span
        var place = first(for: hash)
        while slots[place].value != nil {
            let slot = slots[place]
            if slot.hash == hash,
                names.extracting(Int(slot.start)..<Int(slot.end)).elementsEqual(name)
            {
                break
            }
            place = (place + 1) & (slots.count - 1)
        }
        return place
    }

    private func first(for hash: UInt32) -> Int { Int(hash) & (slots.count - 1) }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: Slot(), count: old.count * 2)
        for slot in old where slot.value != nil {
            var place = first(for: slot.hash)
            while slots[place].value != nil { place = (place + 1) & (slots.count - 1) }
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
