// Questions about single bytes and short runs of them. Everything that faces the network is decided
// on bytes: letter case is ASCII's alone, and no byte over 0x7F has a case, a class or a value.

extension UInt8 {
    @inlinable public var isASCIIDigit: Bool { self &- 0x30 < 10 }
    @inlinable public var isASCIIUppercase: Bool { self &- 0x41 < 26 }
    @inlinable public var isASCIILowercase: Bool { self &- 0x61 < 26 }
    @inlinable public var isASCIILetter: Bool { (self | 0x20) &- 0x61 < 26 }

    /// `A`…`Z` become `a`…`z`; every other byte stays.
    @inlinable public var asciiLowercased: UInt8 { isASCIIUppercase ? self | 0x20 : self }

    /// The lower-case hexadecimal digit of a value below 16.
    @inlinable public var hexadecimalDigit: UInt8 { self &+ (self < 10 ? 0x30 : 0x57) }

    /// Both digits, in lower case, the higher one first.
    @inlinable public var hexadecimalDigits: [UInt8] {
        [(self >> 4).hexadecimalDigit, (self & 15).hexadecimalDigit]
    }

    /// The value of a hexadecimal digit, of either case.
    @inlinable public var hexValue: UInt8? {
        if isASCIIDigit { return self &- 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }
}

extension UInt64 {
    /// Eight bytes at once, each as `UInt8.asciiLowercased` has it.
    fileprivate var asciiLowercased: UInt64 {
        let high: UInt64 = 0x8080_8080_8080_8080
        let low = self & ~high
        // The highest bit of a byte says: at least `A`; beyond `Z`.
        let reachesA = low &+ 0x3F3F_3F3F_3F3F_3F3F
        let passesZ = low &+ 0x2525_2525_2525_2525
        let upper = (reachesA ^ passesZ) & ~self & high
        return self | upper >> 2
    }
}

extension UnsafeRawBufferPointer {
    /// - Parameter ignoresCase: whether our letters count as lower case; those of `other` must be.
    @inline(__always)
    fileprivate func equals(_ other: UnsafeRawBufferPointer, ignoringCase ignoresCase: Bool) -> Bool
    {
        guard count == other.count else { return false }
        // The last word begins as far before the end as it is long; some bytes are in two words.
        if count >= 8 {
            var index = 0
            while index < count - 8 {
                guard unsafe equals(other, UInt64.self, at: index, ignoresCase) else {
                    return false
                }
                index += 8
            }
            return unsafe equals(other, UInt64.self, at: count - 8, ignoresCase)
        }
        if count >= 4 {
            return unsafe equals(other, UInt32.self, at: 0, ignoresCase)
                && equals(other, UInt32.self, at: count - 4, ignoresCase)
        }
        for index in 0..<count {
            guard unsafe equals(other, UInt8.self, at: index, ignoresCase) else { return false }
        }
        return true
    }

    // SAFETY: the callers see to it that both have a whole word at `index`.
    @inline(__always)
    private func equals<Word: FixedWidthInteger>(
        _ other: UnsafeRawBufferPointer,
        _: Word.Type,
        at index: Int,
        _ ignoresCase: Bool
    ) -> Bool {
        let word = unsafe UInt64(loadUnaligned(fromByteOffset: index, as: Word.self))
        let wanted = unsafe UInt64(other.loadUnaligned(fromByteOffset: index, as: Word.self))
        return (ignoresCase ? word.asciiLowercased : word) == wanted
    }
}

extension StaticString {
    // SAFETY: a static string's UTF-8 lives as long as the program and has this many bytes.
    fileprivate var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
    }
}

/// Comparisons, a word at a time: whole tokens and every field's name go through them.
// SAFETY: the pointers stay inside the closures.
extension Span<UInt8> {
    /// Equal byte for byte.
    public func elementsEqual(_ other: borrowing Span<UInt8>) -> Bool {
        let other = copy other
        return unsafe withUnsafeBytes { left in
            unsafe other.withUnsafeBytes { unsafe left.equals($0, ignoringCase: false) }
        }
    }

    /// Equal byte for byte to the UTF-8 of `text`.
    public func elementsEqual(_ text: StaticString) -> Bool {
        unsafe withUnsafeBytes { unsafe $0.equals(text.bytes, ignoringCase: false) }
    }

    /// Equal to `text` where the letters `A`…`Z` count as `a`…`z`. `text` must be lower case.
    public func equalsIgnoringCase(_ text: StaticString) -> Bool {
        unsafe withUnsafeBytes { unsafe $0.equals(text.bytes, ignoringCase: true) }
    }

    /// Equal to `other` where the letters `A`…`Z` count as `a`…`z`. `other` must be lower case.
    public func equalsIgnoringCase(lowered other: Span<UInt8>) -> Bool {
        unsafe withUnsafeBytes { left in
            unsafe other.withUnsafeBytes { unsafe left.equals($0, ignoringCase: true) }
        }
    }
}

extension Span<UInt8> {
    public func starts(with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        return count >= length && extracting(0..<length).elementsEqual(text)
    }

    /// `text` must be lower case.
    public func starts(withIgnoringCase text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        return count >= length && extracting(0..<length).equalsIgnoringCase(text)
    }

    public func firstIndex(of byte: UInt8) -> Int? {
        for index in 0..<count where self[index] == byte { return index }
        return nil
    }

    public func lastIndex(of byte: UInt8) -> Int? {
        var index = count
        while index > 0 {
            index -= 1
            if self[index] == byte { return index }
        }
        return nil
    }

    /// The value of one or more ASCII digits and nothing else; no sign, no blank.
    ///
    /// - Returns: `nil` if any byte is no digit, there is none, or the value exceeds `Int.max`.
    public var decimalValue: Int? {
        guard !isEmpty else { return nil }
        var value = 0
        for index in 0..<count {
            guard self[index].isASCIIDigit else { return nil }
            let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = shifted.addingReportingOverflow(Int(self[index] &- 0x30))
            if overflow || carry { return nil }
            value = sum
        }
        return value
    }
}
