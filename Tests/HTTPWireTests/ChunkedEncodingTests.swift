import Bytes
import HTTPWire
import Testing

@Suite struct ChunkedEncodingTests {
    private func written(by write: (Buffer) -> Void) -> String {
        let buffer = Buffer(capacity: 256)
        write(buffer)
        return String(decoding: ByteString(copying: buffer.bytes).bytes, as: UTF8.self)
    }

    @Test(
        "a chunk head is the size in hexadecimal digits: 9112 7.1",
        arguments: [
            (1, "1"), (9, "9"), (10, "a"), (15, "f"), (16, "10"), (255, "ff"), (256, "100"),
            (65_536, "10000"), (0xABCD_EF01, "abcdef01"), (Int.max, "7fffffffffffffff"),
        ]
    )
    func chunkHead(byteCount: Int, digits: String) {
        #expect(written { $0.appendChunkHead(byteCount) } == digits + "\r\n")
        #expect(digits.utf8.count + 2 <= longestChunkHead)
    }

    @Test("what was filled becomes one chunk", arguments: [1, 15, 16, 17, 200])
    func wrapped(byteCount: Int) {
        let content = String(repeating: "x", count: byteCount)
        let chunk = written { buffer in
            buffer.reserveFront(longestChunkHead)
            buffer.append(Array(content.utf8))
            buffer.wrapAsChunk()
        }
        #expect(chunk == String(byteCount, radix: 16) + "\r\n" + content + "\r\n")
    }

    @Test("what is written can be read back")
    func roundTrip() throws {
        let body = written { buffer in
            buffer.appendChunkHead(5)
            buffer.append(Array("hello".utf8))
            buffer.appendChunkEnd()
            buffer.appendLastChunk()
        }
        #expect(body == "5\r\nhello\r\n0\r\n\r\n")
        let bytes = Array(body.utf8)
        var decoder = ChunkedDecoder()
        var position = 0
        #expect(try decoder.next(array: bytes, from: &position) == .data(Place(3, 8)))
        #expect(try decoder.next(array: bytes, from: &position) == .end)
    }
}
