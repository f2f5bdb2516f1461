// Which parts of a request target a line may show (security.md LG04).

import Bytes

extension Span<UInt8> {
    /// The path within what a parser, or nobody, took for one.
    ///
    /// A path that passed the parser is shown whole. The target of a refused request may be
    /// anything: what follows `?` or `#` is not shown, and of a target that does not begin with `/`
    /// nothing before its path, since a user and a password may be there
    /// (`http://user:password@host/path`, also with the `@` forgotten).
    func shownPath(in target: Place) -> Range<Int> {
        var start = target.range.lowerBound
        var end = target.range.upperBound
        for index in target.range where self[index] == 0x3F || self[index] == 0x23 {
            end = index
            break
        }
        let isAsterisk = extracting(start..<end).elementsEqual("*")
        guard start < end, self[start] != 0x2F, !isAsterisk else { return start..<end }
        if let at = extracting(start..<end).lastIndex(of: 0x40) { start += at + 1 }
        var previous: UInt8 = 0x3A
        while start < end {
            // The slashes of `://` begin no path.
            if self[start] == 0x2F, previous != 0x3A, previous != 0x2F { break }
            previous = self[start]
            start += 1
        }
        return start..<end
    }

    /// The next `key` or `key=value` of a query whose key may be shown, from `position` on.
    ///
    /// Keys are compared byte for byte: one that is spelled with `%` or capitals is not shown.
    func nextShownParameter(from position: inout Int) -> Range<Int>? {
        while position < count {
            let start = position
            var end = start
            while end < count && self[end] != 0x26 { end += 1 }
            position = end + 1
            let parameter = extracting(start..<end)
            let keyCount = parameter.firstIndex(of: 0x3D) ?? parameter.count
            if parameter.extracting(0..<keyCount).isShownKey { return start..<end }
        }
        return nil
    }

    private var isShownKey: Bool {
        elementsEqual("n") || elementsEqual("last") || elementsEqual("mount")
            || elementsEqual("from") || elementsEqual("digest") || elementsEqual("tag")
    }
}
