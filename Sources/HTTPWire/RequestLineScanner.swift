internal import Bytes

/// Reads a request line (RFC 9112 section 3): method SP target SP version CRLF, and nothing else.
///
/// One empty line before it is skipped (section 2.2); a second one is refused. Goes on where it
/// stopped, like `HeadScanner`.
struct RequestLineScanner {
    private enum Phase { case start, emptyLineFeed, method, target, version, lineEnd, lineFeed }

    /// The first byte not looked at yet.
    private(set) var position = 0
    private(set) var method = Place.none
    private(set) var target = Place.none
    private(set) var minorVersion = 0
    private var phase = Phase.start
    private var version = VersionScanner()
    private var lineStart = 0
    private var partStart = 0

    /// Goes on with the same bytes and more. `true` when the line's CRLF is read.
    mutating func scan(_ bytes: Span<UInt8>, limits: HeadLimits) throws(WireError) -> Bool {
        while position < bytes.count {
            let window = bytes.extracting(0..<min(bytes.count, end(limits)))
            guard position < window.count else { throw .requestLineTooLong }
            switch phase {
            case .start: try begin(window[position])
            case .emptyLineFeed: try finishEmptyLine(window[position])
            case .method: try scanMethod(window)
            case .target: try scanTarget(window)
            case .version: try takeVersion(window[position])
            case .lineEnd: try takeLineEnd(window[position])
            case .lineFeed:
                guard window[position] == .lineFeed else { throw .bareCarriageReturn }
                position += 1
                return true
            }
        }
        if position == end(limits) { throw .requestLineTooLong }
        return false
    }

    /// Where the line must have ended.
    private func end(_ limits: HeadLimits) -> Int { lineStart + limits.requestLine + 2 }

    private mutating func begin(_ byte: UInt8) throws(WireError) {
        if byte == .carriageReturn {
            if lineStart > 0 { throw .emptyLinesBeforeRequest }
            position += 1
            phase = .emptyLineFeed
        } else {
            phase = .method
        }
    }

    private mutating func finishEmptyLine(_ byte: UInt8) throws(WireError) {
        guard byte == .lineFeed else { throw .bareCarriageReturn }
        position += 1
        lineStart = position
        partStart = position
        phase = .start
    }

    private mutating func scanMethod(_ window: Span<UInt8>) throws(WireError) {
        var index = position
        while index < window.count, ByteSet.token.contains(window[index]) { index += 1 }
        position = index
        guard index < window.count else { return }
        if window[index] == .lineFeed { throw .bareLineFeed }
        guard window[index] == .space, index > partStart else { throw .methodMalformed }
        method = Place(partStart, index)
        position += 1
        partStart = position
        phase = .target
    }

    private mutating func scanTarget(_ window: Span<UInt8>) throws(WireError) {
        var index = position
        while index < window.count, window[index].isVisible { index += 1 }
        position = index
        guard index < window.count else { return }
        guard window[index] == .space else { throw .inTarget(window[index]) }
        if index == partStart { throw .targetMissing }
        target = Place(partStart, index)
        position += 1
        phase = .version
    }

    private mutating func takeVersion(_ byte: UInt8) throws(WireError) {
        if let minor = try version.take(byte) {
            minorVersion = minor
            phase = .lineEnd
        }
        position += 1
    }

    private mutating func takeLineEnd(_ byte: UInt8) throws(WireError) {
        if byte == .lineFeed { throw .bareLineFeed }
        guard byte == .carriageReturn else { throw .versionMalformed }
        position += 1
        phase = .lineFeed
    }
}
