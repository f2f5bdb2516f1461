public import Bytes

/// Names in one piece of memory, in the order in which they were added: a registry may have very
/// many, and an object for each would cost several times their text.
public struct NameTable: Sendable {
    private var text: [UInt8] = []
    private var places: [Place] = []

    public init() {}

    public var count: Int { places.count }
    public var isEmpty: Bool { places.isEmpty }
    /// How much memory it holds, about.
    public var byteCount: Int { text.count + places.count * MemoryLayout<Place>.stride }

    /// The bytes of one name.
    public subscript(index: Int) -> Span<UInt8> {
        @_lifetime(borrow self) get { text.span.extracting(places[index]) }
    }

    public var last: ByteString? {
        isEmpty ? nil : ByteString(copying: self[count - 1])
    }

    /// - Precondition: less than 4 GiB in all.
    public mutating func append(_ name: borrowing Span<UInt8>) {
        let start = text.count
        let name = copy name
        text.reserveCapacity(start + name.count)
        for index in 0..<name.count { text.append(name[index]) }
        places.append(Place(start, text.count))
    }

    /// Where `name` stands; `nil` if it does not.
    public func firstIndex(of name: borrowing Span<UInt8>) -> Int? {
        let name = copy name
        let all = text.span
        for index in places.indices where places[index].count == name.count {
            if all.extracting(places[index]).elementsEqual(name) { return index }
        }
        return nil
    }
}

extension Span<UInt8> {
    /// Bytewise order, as `ByteString` has it.
    func precedes(_ other: borrowing Span<UInt8>) -> Bool {
        let other = copy other
        let common = Swift.min(count, other.count)
        for index in 0..<common where self[index] != other[index] {
            return self[index] < other[index]
        }
        return count < other.count
    }

    /// Whether `text` stands somewhere in it. Nothing stands everywhere.
    public func contains(_ text: borrowing Span<UInt8>) -> Bool {
        let text = copy text
        guard text.count <= count else { return false }
        for start in 0...(count - text.count)
        where extracting(start..<start + text.count).elementsEqual(text) { return true }
        return false
    }
}
