public import Bytes

// Writing the chunked coding (RFC 9112 section 7.1): no extensions, no trailers, lower-case sizes
// without leading zeros.

/// The most bytes that a chunk head takes: 16 digits and CRLF.
public let longestChunkHead = 18

/// The most bytes that chunked coding adds to one chunk: its head, and CRLF behind it.
public let longestChunkOverhead = longestChunkHead + 2

extension Buffer {
    /// Writes the line in front of a chunk: its size and CRLF.
    ///
    /// The content must follow, and then `appendChunkEnd`.
    /// - Precondition: `byteCount > 0` (an empty chunk would end the body) and room for
    ///   `longestChunkHead` bytes.
    public func appendChunkHead(_ byteCount: Int) {
        precondition(byteCount > 0, "an empty chunk ends the body")
        append(hexadecimal: byteCount)
        appendChunkEnd()
    }

    /// Writes the CRLF behind the content of a chunk.
    public func appendChunkEnd() { append("\r\n" as StaticString) }

    /// Writes the last chunk and an empty trailer section: the body is complete.
    public func appendLastChunk() { append("0\r\n\r\n" as StaticString) }

    /// Makes one chunk of all filled bytes, without moving them.
    ///
    /// - Precondition: the buffer is not empty, has `longestChunkHead` free bytes in front (see
    ///   `reserveFront`) and two behind.
    public func wrapAsChunk() {
        precondition(!isEmpty, "an empty chunk ends the body")
        var head = InlineArray<18, UInt8>(repeating: 0)
        head[16] = .carriageReturn
        head[17] = .lineFeed
        var start = 16
        var rest = count
        repeat {
            start -= 1
            head[start] = UInt8(rest & 15).hexadecimalDigit
            rest >>= 4
        } while rest > 0
        prepend(head.span.extracting(start..<18))
        appendChunkEnd()
    }

    private func append(hexadecimal value: Int) {
        var shift = (63 - value.leadingZeroBitCount) & ~3
        while shift >= 0 {
            append(UInt8(value >> shift & 15).hexadecimalDigit)
            shift -= 4
        }
    }
}
