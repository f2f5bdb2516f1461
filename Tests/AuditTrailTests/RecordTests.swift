import Bytes
import Foundation
import Logbook
import Testing

@testable import AuditTrail

/// One record is one line of JSON, whatever is in it.
@Suite struct RecordTests {
    private func line(_ record: AuditRecord) -> ByteString {
        let encoder = RecordEncoder(node: "node-1")
        var chain = Chain()
        let lines = Buffer(capacity: 2 * RecordEncoder.lineByteCount)
        chain.seal(encoder.encode(record).span, into: lines)
        return ByteString(copying: lines.bytes.extracting(0..<lines.count - 1))
    }

    private func full(_ text: ByteString, count: Int) -> AuditRecord {
        var record = AuditRecord(.accessDenied, .denied)
        record.who.claimed = text
        record.who.auth = "anonymous"
        record.who.address = text
        record.who.userAgent = text
        record.who.groups = Array(repeating: text, count: count)
        record.what.action = "push"
        record.what.repository = text
        record.what.tag = text
        record.what.digest = text
        record.what.was = text
        record.what.size = .max
        record.what.from = text
        record.why.allow = Array(repeating: text, count: count)
        record.why.deny = Array(repeating: text, count: count)
        record.why.reason = "wrong_password"
        record.why.generation = 3
        record.http = .init(id: RequestIDGenerator().firstForTests)
        record.http?.method = "PUT"
        record.http?.status = 403
        record.http?.nanoseconds = 1_234_567
        record.count = .max
        record.since = .now
        record.notes = Array(repeating: text.description, count: count)
        return record
    }

    @Test func nothingOfARecordIsLeftInTheNext() {
        let encoder = RecordEncoder(node: "node-1")
        let short = AuditRecord(.gap)
        let alone = encoder.encode(short)
        let long = encoder.encode(full("text", count: 20))
        #expect(long.count > alone.count)
        #expect(encoder.encode(short) == alone)
    }

    @Test("hostile bytes stay inside their strings, and the line within 8 KiB")
    func hostile() throws {
        var texts = (0...255).map { ByteString(Array(repeating: UInt8($0), count: 3)) }
        texts += [ByteString(Array(repeating: 0x80, count: 5000)), "a\"b\\c\u{2028}\u{202E}é"]
        texts.append(ByteString(Array(repeating: UInt8(ascii: "a"), count: 5000)))
        for text in texts {
            for count in [1, 64, 500] {
                let bytes = line(full(text, count: count)).bytes
                #expect(bytes.count < RecordEncoder.lineByteCount)
                #expect(bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
                let object = try JSONSerialization.jsonObject(with: Data(bytes))
                #expect((object as? [String: Any])?["event"] as? String == "access.denied")
                let sequence = LineFrame(of: bytes.span)?.sequence
                #expect(sequence == 1)
                let isRecord = RecordLine(bytes.span) != nil
                #expect(isRecord)
            }
        }
    }

    @Test func membersAreFoundAgain() throws {
        let bytes = line(full("x\"y", count: 2)).bytes
        guard let record = RecordLine(bytes.span) else {
            Issue.record("no record")
            return
        }
        let repository = record.text(.repository, in: bytes.span)
        #expect(repository == "x\"y")
        let numbers = [
            record.number(.status, in: bytes.span), record.number(.size, in: bytes.span),
        ]
        #expect(numbers == [403, .max])
        let event = record.text(.event, in: bytes.span)
        #expect(event == "access.denied")
        #expect(!record.has(.user))
        let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
        #expect((object?["http"] as? [String: Any])?["ms"] as? Double == 1.234)
        #expect((object?["who"] as? [String: Any])?["groups"] as? [String] == ["x\"y", "x\"y"])
    }

    @Test func absentPartsAreLeftOut() {
        let text = line(AuditRecord(.serverStarted)).description
        #expect(text.hasSuffix(#""event":"server.started","outcome":"done"}"#))
    }

    @Test("no prefix of a line is a record")
    func prefixes() {
        let bytes = line(full("x", count: 2)).bytes
        for length in 0..<bytes.count {
            let prefix = Array(bytes[..<length])
            let isRecord = RecordLine(prefix.span) != nil
            #expect(!isRecord, "\(length)")
        }
    }

    @Test(
        "moments are read in the forms of RFC 3339",
        arguments: [
            ("1970-01-01", 0), ("1970-01-01T00:00:01Z", 1), ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-25T08:00:00+01:00", 1_795_590_000),
            ("2026-11-25T07:00:00.000Z", 1_795_590_000),
            ("1969-12-31T23:59:59Z", -1),
        ]
    )
    func moments(text: String, seconds: Int64) {
        let nanoseconds = WallTime(text: Array(text.utf8).span)?.nanoseconds
        #expect(nanoseconds == seconds * 1_000_000_000)
    }

    @Test(
        "what is no moment is refused",
        arguments: [
            "", "2026", "2026-13-01", "2026-02-29", "2026-00-10", "2026-01-01T",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00.Z",
            "+026-01-01", "2026-01-01 00:00:00Z", "2026-1-1", "2026-01-01T00:00:00+24:00",
        ]
    )
    func noMoments(text: String) {
        let time = WallTime(text: Array(text.utf8).span)
        #expect(time == nil)
    }

    @Test func compactMomentsComeBack() {
        for nanoseconds in [0, 1_795_590_000_123_456_000, 1_000] as [Int64] {
            let time = WallTime(nanoseconds: nanoseconds)
            #expect(WallTime(compactText: Array(time.compactText.utf8)) == time)
        }
    }
}

extension RequestIDGenerator {
    fileprivate var firstForTests: RequestID {
        var generator = self
        return generator.next(at: .now)
    }
}
