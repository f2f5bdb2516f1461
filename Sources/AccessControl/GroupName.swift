import Bytes

extension ByteString {
    /// Whether the name of a group subject stands for more than one group.
    var hasWildcard: Bool { span.firstIndex(of: UInt8(ascii: "*")) != nil }

    /// Whether `name` matches these bytes, in which `*` stands for any number of bytes.
    ///
    /// Goes back to the last `*` only, so the work is at most the product of both lengths.
    func matchesGroup(_ name: borrowing Span<UInt8>) -> Bool {
        let pattern = span
        var position = 0
        var index = 0
        var retry: (position: Int, index: Int)?
        while index < name.count {
            if position < pattern.count, pattern[position] == UInt8(ascii: "*") {
                position += 1
                retry = (position, index)
            } else if position < pattern.count, pattern[position] == name[index] {
                position += 1
                index += 1
            } else if let last = retry {
                position = last.position
                index = last.index + 1
                retry = (position, index)
            } else {
                return false
            }
        }
        while position < pattern.count, pattern[position] == UInt8(ascii: "*") { position += 1 }
        return position == pattern.count
    }
}
