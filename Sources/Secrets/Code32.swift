/// 32 bytes that came out of SHA-256 or of HMAC-SHA-256, as a value.
///
/// Equality takes the same time whatever differs. The hash value is made from eight of the bytes,
/// which are already spread evenly.
public struct Code32: Sendable {
    /// The bytes in order, eight to a word, the first of each in its lowest bits.
    let words: (UInt64, UInt64, UInt64, UInt64)

    /// The 32 bytes in order.
    public var bytes: [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(32)
        append(words.0)
        append(words.1)
        append(words.2)
        append(words.3)
        return all

        func append(_ word: UInt64) {
            for shift: UInt64 in 0..<8 {
                all.append(UInt8(truncatingIfNeeded: word >> (8 * shift)))
            }
        }
    }
}

extension Code32: Hashable {
    public static func == (left: Code32, right: Code32) -> Bool {
        let difference =
            (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1)
            | (left.words.2 ^ right.words.2) | (left.words.3 ^ right.words.3)
        return difference == 0
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// A code may stand for a password, so none is shown by accident; `bytes` is for those who mean it.
extension Code32: CustomStringConvertible, CustomReflectable {
    public var description: String { "<redacted>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
