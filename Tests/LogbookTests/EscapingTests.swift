import Bytes
import Foundation
import Testing

@testable import Logbook

@Suite struct EscapingTests {
    private func escaped(_ bytes: [UInt8]) -> String {
        let buffer = Buffer(capacity: bytes.count * 6)
        buffer.append(jsonEscaped: bytes.span)
        return ByteString(copying: buffer.bytes).description
    }

    /// Whatever byte stands in path, user agent or user, there is one line and it is valid JSON.
    @Test("each byte value gives one valid line and shows as itself")
    func everyByte() throws {
        for byte in UInt8.min...UInt8.max {
            let text = [0x61, byte, 0x62]
            var sample = SampleRequest(
                method: text, path: [0x2F] + text, query: Array("n=".utf8) + text, userAgent: text)
            sample.record.user = ByteString(text)
            sample.record.claimedUser = ByteString(text)
            sample.record.rules = [ByteString(text)]
            let line = sample.line()
            #expect(line.filter { $0 == 0x0A }.count == 1 && line.last == 0x0A)
            #expect(line.dropLast().allSatisfy { $0 >= 0x20 && $0 < 0x7F })
            let object = try parse(line)
            // An invalid byte reads as the character of its value.
            let shown = "a\(Character(Unicode.Scalar(byte)))b"
            #expect(object["user"] as? String == shown)
            #expect(object["user_claimed"] as? String == shown)
            #expect(object["user_agent"] as? String == shown)
            #expect(object["method"] as? String == shown)
            #expect(object["rules"] as? [String] == [shown])
            if byte != 0x3F && byte != 0x23 { #expect(object["path"] as? String == "/" + shown) }
        }
    }

    @Test("no byte value splits or forges a combined line")
    func everyByteCombined() {
        for byte in UInt8.min...UInt8.max {
            let text = [0x61, byte, 0x62]
            var sample = SampleRequest(method: text, path: [0x2F] + text, userAgent: text)
            sample.record.user = ByteString(text)
            let line = sample.line(.combined)
            #expect(line.filter { $0 == 0x0A }.count == 1 && line.last == 0x0A)
            #expect(line.dropLast().allSatisfy { $0 >= 0x20 && $0 < 0x7F })
            #expect(line.filter { $0 == 0x22 }.count == 6)
            let columns = String(decoding: line, as: UTF8.self).split(separator: " [")[0]
            #expect(columns.split(separator: " ").count == 3)
        }
    }

    @Test("a user called - is not taken for nobody")
    func dashUser() {
        var sample = SampleRequest()
        sample.record.user = "-"
        #expect(sample.text(.combined).hasPrefix("- - \\x2D ["))
    }

    @Test(
        "characters that act on a screen are escaped, others stay",
        arguments: [
            (0x85, true), (0x9B, true), (0x80, true), (0x9F, true), (0xA0, false), (0xE9, false),
            (0x061C, true), (0x200D, false), (0x200E, true), (0x200F, true), (0x2027, false),
            (0x2028, true), (0x2029, true), (0x202A, true), (0x202E, true), (0x202F, false),
            (0x2065, false), (0x2066, true), (0x2069, true), (0x206A, false), (0x1F433, false),
            (0x10FFFF, false),
        ] as [(UInt32, Bool)]
    )
    func hiddenCharacters(value: UInt32, isEscaped: Bool) throws {
        let character = String(Character(try unwrap(Unicode.Scalar(value))))
        let text = escaped(Array("a\(character)b".utf8))
        let digits = String(value, radix: 16, uppercase: true)
        let padding = String(repeating: "0", count: max(0, 4 - digits.count))
        #expect(text == (isEscaped ? "a\\u\(padding)\(digits)b" : "a\(character)b"))
    }

    @Test("each valid character of two and three bytes reads back as itself")
    func everyShortCharacter() throws {
        for value in UInt32(0x80)...0xFFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = String(Character(scalar))
            let json = Array("[\"\(escaped(Array(text.utf8)))\"]".utf8)
            let read = try JSONSerialization.jsonObject(with: Data(json)) as? [String]
            #expect(read.map { Array($0[0].utf8) } == Array(text.utf8))
        }
    }

    @Test(
        "bytes that are no UTF-8 are escaped one by one",
        arguments: [
            ([0xC0, 0xAF], "\\u00C0\\u00AF"), ([0xC1, 0xBF], "\\u00C1\\u00BF"),
            ([0xE0, 0x80, 0xAF], "\\u00E0\\u0080\\u00AF"),
            ([0xED, 0xA0, 0x80], "\\u00ED\\u00A0\\u0080"),
            ([0xF0, 0x80, 0x80, 0xAF], "\\u00F0\\u0080\\u0080\\u00AF"),
            ([0xF4, 0x90, 0x80, 0x80], "\\u00F4\\u0090\\u0080\\u0080"),
            ([0xF5, 0x61], "\\u00F5a"), ([0xC3], "\\u00C3"), ([0xE2, 0x82], "\\u00E2\\u0082"),
            ([0xC3, 0x22], "\\u00C3\\\""), ([0x80], "\\u0080"),
            ([0xE2, 0x82, 0x0A], "\\u00E2\\u0082\\u000A"),
        ] as [([UInt8], String)]
    )
    func invalidUTF8(bytes: [UInt8], text: String) {
        #expect(escaped(bytes) == text)
    }
}
