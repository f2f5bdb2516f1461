import Bytes
import HTTPWire
import Testing

@Suite struct ChunkedDecoderTests {
    /// What a body decodes to: its content, how many bytes it took, and whether it ended.
    struct Decoded: Equatable {
        var content: [UInt8] = []
        var byteCount = 0
        var isComplete = false
    }

    /// Hands over the pieces between `cuts` one by one, each alone: what was passed is forgotten.
    private func decode(_ bytes: [UInt8], cuts: [Int] = []) -> Result<Decoded, WireError> {
        var decoder = ChunkedDecoder()
        var decoded = Decoded()
        do throws(WireError) {
            var start = 0
            for cut in cuts + [bytes.count] {
                let piece = Array(bytes[start..<cut])
                start = cut
                try take(piece, from: &decoder, into: &decoded)
            }
            return .success(decoded)
        } catch {
            return .failure(error)
        }
    }

    private func take(
        _ piece: [UInt8],
        from decoder: inout ChunkedDecoder,
        into decoded: inout Decoded
    ) throws(WireError) {
        var position = 0
        while true {
            switch try decoder.next(piece.span, from: &position) {
            case .data(let place):
                #expect(!place.isEmpty && Int(place.end) == position)
                decoded.content += piece[place.range]
            case .needMore:
                #expect(position == piece.count)
                decoded.byteCount += position
                return
            case .end:
                decoded.isComplete = true
                decoded.byteCount += position
                return
            }
        }
    }

    static let bodies = [
        ("0\r\n\r\n", ""), ("000\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("00005\r\nhello\r\n00\r\n\r\n", "hello"), ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a\r\n0123456789\r\n1\r\n\r\r\n2\r\n\r\n\r\n0\r\n\r\n", "0123456789\r\r\n"),
        ("1;a\r\nx\r\n0;b=c\r\n\r\n", "x"), ("1;a=\"b;\\\"\t\"\r\nx\r\n0\r\n\r\n", "x"),
        ("1;a;b=1;c=\"\"\r\nx\r\n0\r\n\r\n", "x"), ("1\r\nx\r\n0\r\nA: 1\r\nB:\r\n\r\n", "x"),
        ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n"),
        ("0\r\nContent-Length: 5\r\nX:\t\u{E9} \r\n\r\n", ""),
    ]

    @Test("a body is decoded at every split", arguments: bodies)
    func everySplit(written: String, content: String) {
        let bytes = Array(written.utf8)
        let expected = Decoded(
            content: Array(content.utf8),
            byteCount: bytes.count,
            isComplete: true
        )
        #expect(decode(bytes) == .success(expected))
        #expect(decode(bytes, cuts: Array(1..<bytes.count)) == .success(expected))
        for first in 0...bytes.count {
            for second in first...bytes.count
            where decode(bytes, cuts: [first, second]) != .success(expected) {
                Issue.record("cut at \(first) and \(second)")
            }
        }
    }

    @Test("every proper prefix asks for more", arguments: bodies)
    func everyPrefix(written: String, content: String) throws {
        let bytes = Array(written.utf8)
        for count in 0..<bytes.count {
            let decoded = try decode(Array(bytes[..<count])).get()
            #expect(!decoded.isComplete, "\(count) bytes")
            #expect(Array(content.utf8).starts(with: decoded.content))
        }
    }

    @Test("what follows the body is left alone, and the end stays the end")
    func following() throws {
        let bytes = Array("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n".utf8)
        var decoder = ChunkedDecoder()
        var position = 0
        #expect(try decoder.next(array: bytes, from: &position) == .data(Place(3, 4)))
        #expect(try decoder.next(array: bytes, from: &position) == .end)
        #expect(position == 11)
        #expect(try decoder.next(array: bytes, from: &position) == .end)
        #expect(position == 11)
    }

    static let refusals: [Case] = [
        Case("no size: 9112 7.1", "\r\nhello", .chunkSizeMalformed),
        Case("a blank before the size", " 5\r\nhello", .chunkSizeMalformed),
        Case("a tab before the size", "\t5\r\nhello", .chunkSizeMalformed),
        Case("a sign", "+5\r\nhello", .chunkSizeMalformed),
        Case("a minus", "-5\r\nhello", .chunkSizeMalformed),
        Case("a prefix", "0x5\r\nhello", .chunkSizeMalformed),
        Case("an underscore", "5_0\r\nhello", .chunkSizeMalformed),
        Case("no hexadecimal digit", "g\r\nhello", .chunkSizeMalformed),
        Case("a wide digit", "\u{FF15}\r\nhello", .chunkSizeMalformed),
        Case("a blank behind the size", "5 \r\nhello", .chunkSizeMalformed),
        Case("a tab behind the size", "5\t\r\nhello", .chunkSizeMalformed),
        Case("a blank in the size", "5 0\r\nhello", .chunkSizeMalformed),
        Case("a comma behind the size", "5,\r\nhello", .chunkSizeMalformed),
        Case("NUL behind the size", "5\0\r\nhello", .chunkSizeMalformed),
        Case("a size without line", "hello", .chunkSizeMalformed),
        Case("a quote for a size", "\"5\"\r\nhello", .chunkSizeMalformed),
        Case("LF behind the size: CVE-2025-22871", "5\nhello", .bareLineFeed),
        Case("LF for the last chunk", "0\n\n", .bareLineFeed),
        Case("CR behind the size", "5\rhello", .bareCarriageReturn),
        Case("CR CR LF behind the size", "5\r\r\nhello", .bareCarriageReturn),
        Case("LF before the size", "\n5\r\nhello", .bareLineFeed),
        Case("16 digits", "0000000000000005\r\nhello", .chunkSizeTooLarge),
        Case("a size of 2^60", "1000000000000000\r\n", .chunkSizeTooLarge),
        Case("a size of 2^64 + 5", "10000000000000005\r\nhello", .chunkSizeTooLarge),
        Case("a size of -1", "FFFFFFFFFFFFFFFF\r\n", .chunkSizeTooLarge),
        Case("zeros without end", String(repeating: "0", count: 100), .chunkSizeTooLarge),
        Case("a chunk longer than its size", "4\r\nhello\r\n", .chunkUnterminated),
        Case("a chunk shorter than its size", "6\r\nhello\r\n0\r\n\r\n", .chunkUnterminated),
        Case("LF behind a chunk", "5\r\nhello\n0\r\n\r\n", .chunkUnterminated),
        Case("CR behind a chunk", "5\r\nhello\r0\r\n\r\n", .chunkUnterminated),
        Case("nothing behind a chunk", "5\r\nhello0\r\n\r\n", .chunkUnterminated),
        Case("an empty extension: 9112 7.1.1", "1;\r\nx", .chunkExtensionMalformed),
        Case("two semicolons", "1;;a\r\nx", .chunkExtensionMalformed),
        Case("a semicolon behind", "1;a;\r\nx", .chunkExtensionMalformed),
        Case("a value without name", "1;=b\r\nx", .chunkExtensionMalformed),
        Case("a name without value", "1;a=\r\nx", .chunkExtensionMalformed),
        Case("two values", "1;a=b=c\r\nx", .chunkExtensionMalformed),
        Case("a blank before a name", "1; a\r\nx", .chunkExtensionMalformed),
        Case("a blank behind a name", "1;a \r\nx", .chunkExtensionMalformed),
        Case("a blank before the semicolon", "1 ;a\r\nx", .chunkSizeMalformed),
        Case("an open quote", "1;a=\"b\r\nx", .chunkExtensionMalformed),
        Case("a word behind a quote", "1;a=\"b\"c\r\nx", .chunkExtensionMalformed),
        Case("a control byte in quotes", "1;a=\"\u{01}\"\r\nx", .chunkExtensionMalformed),
        Case("NUL in quotes", "1;a=\"\0\"\r\nx", .chunkExtensionMalformed),
        Case("CR in quotes", "1;a=\"\r\"\r\nx", .chunkExtensionMalformed),
        Case("an escaped CR", "1;a=\"\\\r\n\"\r\nx", .chunkExtensionMalformed),
        Case("LF behind an extension", "1;a\nx\r\n", .bareLineFeed),
        Case("LF in quotes", "1;a=\"\n\"\r\nx", .bareLineFeed),
        Case("CR behind an extension", "1;a\rx\r\n", .bareCarriageReturn),
        Case(
            "a long extension", "1;" + String(repeating: "a", count: 300) + "\r\nx",
            .chunkExtensionTooLong),
        Case(
            "many extensions for little content: CVE-2023-39326",
            String(repeating: "1;" + String(repeating: "a", count: 250) + "\r\nx\r\n", count: 90),
            .chunkExtensionTooLong),
        Case("a folded trailer: 9112 5.2", "0\r\nA: 1\r\n 2\r\n\r\n", .foldedLine),
        Case("a blank before the first trailer", "0\r\n A: 1\r\n\r\n", .foldedLine),
        Case("a trailer without colon", "0\r\nA\r\n\r\n", .fieldWithoutColon),
        Case("a request for a trailer", "0\r\nGET / HTTP/1.1\r\n\r\n", .fieldNameBlank),
        Case("a trailer without name", "0\r\n: 1\r\n\r\n", .fieldNameEmpty),
        Case("a trailer with a blank before the colon", "0\r\nA : 1\r\n\r\n", .fieldNameBlank),
        Case("a trailer with underscore", "0\r\nA_B: 1\r\n\r\n", .fieldNameUnderscore),
        Case("a trailer with a wrong name", "0\r\nA(: 1\r\n\r\n", .fieldNameMalformed),
        Case(
            "a long trailer name", "0\r\n" + String(repeating: "a", count: 65) + ": 1\r\n\r\n",
            .fieldNameTooLong),
        Case("a trailer with NUL", "0\r\nA: \0\r\n\r\n", .fieldValueNUL),
        Case("a trailer with a control byte", "0\r\nA: \u{1B}\r\n\r\n", .fieldValueControl),
        Case("a trailer that ends with LF", "0\r\nA: 1\n\r\n", .bareLineFeed),
        Case("a trailer with CR", "0\r\nA: 1\rB: 2\r\n\r\n", .bareCarriageReturn),
        Case("LF for the empty line", "0\r\n\n", .bareLineFeed),
        Case("CR CR LF for the empty line", "0\r\n\r\r\n", .bareCarriageReturn),
        Case("CR and a byte for the empty line", "0\r\n\rX", .bareCarriageReturn),
        Case("a chunk behind the last", "0\r\n5\r\nhello\r\n", .fieldWithoutColon),
        Case(
            "a long trailer section",
            "0\r\n" + String(repeating: "A: 1234567890\r\n", count: 600), .trailerTooLong),
    ]

    @Test("a body with two readings is refused, at every split", arguments: refusals)
    func refused(_ case: Case) throws {
        let error = try #require(`case`.error)
        let bytes = `case`.bytes
        #expect(decode(bytes) == .failure(error))
        #expect(decode(bytes, cuts: Array(1..<bytes.count)) == .failure(error))
        for cut in 0..<min(bytes.count, 64) {
            #expect(decode(bytes, cuts: [cut]) == .failure(error), "cut at \(cut)")
        }
    }

    @Test("a size holds hexadecimal digits, and ends at CR or semicolon")
    func everyByteInSize() {
        for byte in UInt8.min...UInt8.max {
            let isDigit = Array("0123456789abcdefABCDEF".utf8).contains(byte)
            let isStart = if case .success = decode([byte]) { true } else { false }
            let isNext = if case .success = decode([0x31, byte]) { true } else { false }
            #expect(isStart == isDigit, "byte \(byte)")
            #expect(isNext == (isDigit || byte == 0x0D || byte == 0x3B), "byte \(byte)")
        }
    }

    @Test("a chunk ends with CRLF and no other bytes")
    func everyByteBehindChunk() {
        let start = Array("1\r\nx".utf8)
        let end = Array("0\r\n\r\n".utf8)
        for byte in UInt8.min...UInt8.max {
            if byte != 0x0D {
                #expect(decode(start + [byte, 0x0A] + end) == .failure(.chunkUnterminated))
            }
            if byte != 0x0A {
                #expect(decode(start + [0x0D, byte] + end) == .failure(.chunkUnterminated))
            }
        }
    }

    @Test("extensions that their content pays for may go on")
    func extensionsWithContent() throws {
        let content = String(repeating: "x", count: 0x40)
        let chunk = "40;signature=" + String(repeating: "a", count: 100) + "\r\n\(content)\r\n"
        let body = String(repeating: chunk, count: 1000) + "0\r\n\r\n"
        #expect(try decode(Array(body.utf8)).get().content.count == 64_000)
    }

    @Test("the largest size is read without overflow")
    func largestSize() throws {
        var decoder = ChunkedDecoder()
        let bytes = Array("FFFFFFFFFFFFFFF\r\nabc".utf8)
        var position = 0
        #expect(try decoder.next(array: bytes, from: &position) == .data(Place(17, 20)))
        #expect(try decoder.next(array: bytes, from: &position) == .needMore)
    }
}
