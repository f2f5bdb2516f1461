import Bytes
import HTTPWire

/// What a decoder makes of a body: payload, where it ends, and the error, if any.
private struct Decoded: Equatable {
    var payload: [UInt8] = []
    var end: Int?
    var error: WireError?

    /// Hands the bytes over in pieces of `step`, each beginning where the last one was left.
    init(_ bytes: [UInt8], step: Int) {
        var decoder = ChunkedDecoder()
        var start = 0
        var available = 0
        do throws(WireError) {
            repeat {
                available = min(bytes.count, available + step)
                let piece = Array(bytes[start..<available])
                var position = 0
                decoding: while true {
                    switch try decoder.next(piece.span, from: &position) {
                    case .data(let place): payload += piece[place.range]
                    case .needMore: break decoding
                    case .end:
                        end = start + position
                        return
                    }
                }
                start += position
            } while available < bytes.count
        } catch {
            self.error = error
        }
    }
}

extension Decoded {
    /// As a reader takes it that reads content without the decoder.
    init(passing bytes: [UInt8]) {
        var decoder = ChunkedDecoder()
        var position = 0
        do throws(WireError) {
            while position < bytes.count {
                let content = min(decoder.remainingContent, bytes.count - position)
                if content > 0 {
                    payload += bytes[position..<position + content]
                    decoder.passContent(content)
                    position += content
                } else {
                    var place = 0
                    let isEnd = try decoder.next([bytes[position]].span, from: &place) == .end
                    position += place
                    if isEnd {
                        end = position
                        return
                    }
                }
            }
        } catch {
            self.error = error
        }
    }
}

extension FuzzTarget {
    /// A chunked body is the same however it is cut, and the same again when it is written anew.
    static let chunked = FuzzTarget("chunked") { bytes throws(Finding) in
        let whole = Decoded(bytes, step: max(bytes.count, 1))
        for step in [1, 2, 7] {
            let cut = Decoded(bytes, step: step)
            try expect(cut == whole, "in pieces of \(step): \(cut), at once: \(whole)")
        }
        let passed = Decoded(passing: bytes)
        try expect(passed == whole, "content passed: \(passed), at once: \(whole)")
        try expect(whole.payload.count <= bytes.count, "more came out than went in")
        guard let end = whole.end else { return }
        try expect(
            Decoded(bytes + [0x58], step: bytes.count + 1) == whole,
            "what follows the body was looked at"
        )
        try expect(
            Decoded(Array(bytes[..<(end - 1)]), step: end).end == nil,
            "a prefix of the body is complete"
        )
        let written = Buffer(capacity: 2 * whole.payload.count + 64)
        if !whole.payload.isEmpty {
            written.reserveFront(longestChunkHead)
            written.append(whole.payload)
            written.wrapAsChunk()
        }
        written.appendLastChunk()
        let copy = ByteString(copying: written.bytes).bytes
        let again = Decoded(copy, step: copy.count)
        try expect(again.payload == whole.payload && again.end == copy.count, "rewritten: \(again)")
    }
}
