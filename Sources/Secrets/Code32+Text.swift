// What a code is turned into: text, or a key of its own.

import Bytes

extension Code32 {
    /// The byte at `index`, 0 to 31.
    public func byte(at index: Int) -> UInt8 {
        let word =
            switch index >> 3 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return UInt8(truncatingIfNeeded: word >> (UInt64(index & 7) * 8))
    }

    /// 64 lower-case digits.
    public var hexadecimal: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for index in 0..<32 {
            text.append((byte(at: index) >> 4).hexadecimalDigit)
            text.append((byte(at: index) & 15).hexadecimalDigit)
        }
        return text
    }

    /// - Returns: `nil` for anything but 64 lower-case digits.
    public init?(hexadecimal text: borrowing Span<UInt8>) {
        guard text.count == 64 else { return nil }
        var all: [UInt64] = [0, 0, 0, 0]
        for index in 0..<64 {
            let digit = text[index]
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x61...0x66: value = digit - 0x57
            default: return nil
            }
            let shift = UInt64((index >> 1 & 7) * 8 + (index & 1 == 0 ? 4 : 0))
            all[index >> 4] |= UInt64(value) << shift
        }
        self.init(words: (all[0], all[1], all[2], all[3]))
    }

    /// Whether these are the 32 bytes, in a time that does not depend on which differ.
    public func equals(_ bytes: borrowing Span<UInt8>) -> Bool {
        guard bytes.count == 32 else { return false }
        var difference: UInt8 = 0
        for index in 0..<32 { difference |= bytes[index] ^ byte(at: index) }
        return difference == 0
    }
}

extension SecretBytes {
    /// A key that was made from another one.
    public convenience init(_ code: Code32) {
        let room = SecretBuffer(capacity: 32)
        for index in 0..<32 { room.append(code.byte(at: index)) }
        self.init(copying: room.bytes)
    }
}
