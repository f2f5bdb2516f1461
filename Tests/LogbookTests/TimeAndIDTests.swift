import Bytes
import Foundation
import Testing

@testable import Logbook

@Suite struct TimestampTests {
    private func text(_ nanoseconds: Int64) -> String {
        var timestamp = Timestamp()
        let buffer = Buffer(capacity: Timestamp.byteCount)
        timestamp.append(WallTime(nanoseconds: nanoseconds), to: buffer)
        return ByteString(copying: buffer.bytes).description
    }

    @Test(
        "moments become RFC 3339 text with microseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (1_795_247_763_123_456_789, "2026-11-21T07:56:03.123456Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000Z"),
            (4_107_542_399_999_999_999, "2100-02-28T23:59:59.999999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000Z"),
        ] as [(Int64, String)]
    )
    func knownMoments(nanoseconds: Int64, expected: String) {
        #expect(text(nanoseconds) == expected)
    }

    @Test(
        "moments become dates of HTTP",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_795_247_763, "Sat, 21 Nov 2026 07:56:03 GMT"),
        ] as [(Int64, String)]
    )
    func httpDates(seconds: Int64, expected: String) {
        var date = HTTPDate()
        let buffer = Buffer(capacity: 64)
        for _ in 0..<2 { date.append(WallTime(seconds: seconds, nanoseconds: 5), to: buffer) }
        #expect(ByteString(copying: buffer.bytes).description == expected + expected)
    }

    @Test("every day from 1900 to 2200 agrees with Foundation")
    func everyDay() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try unwrap(TimeZone(identifier: "UTC"))
        for day in -25_567..<84_006 {
            let seconds = day * 86_400 + 45_296
            let civil = CivilTime(secondsSince1970: Int64(seconds))
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second, .weekday],
                from: Date(timeIntervalSince1970: Double(seconds))
            )
            guard civil.year == parts.year, civil.month == parts.month, civil.day == parts.day,
                civil.hour == 12, civil.minute == 34, civil.second == 56,
                civil.weekday + 1 == parts.weekday
            else {
                Issue.record("day \(day): \(civil)")
                return
            }
        }
    }

    @Test("the remembered second is not used for another")
    func cache() {
        var timestamp = Timestamp()
        let buffer = Buffer(capacity: 4 * Timestamp.byteCount)
        for nanoseconds: Int64 in [999_999_999, 1_000_000_000, 1_000_001_000, 0] {
            timestamp.append(WallTime(nanoseconds: nanoseconds), to: buffer)
        }
        let text = ByteString(copying: buffer.bytes).description
        #expect(text.contains("00:00:00.999999Z1970-01-01T00:00:01.000000Z"))
        #expect(text.hasSuffix("00:00:01.000001Z1970-01-01T00:00:00.000000Z"))
    }
}

@Suite struct RequestIDTests {
    @Test("the text is that of a ULID")
    func knownText() {
        var generator = RequestIDGenerator(counter: 0)
        let id = generator.next(at: WallTime(seconds: 1_469_918_176, nanoseconds: 385_000_000))
        #expect(id.description == "01ARYZ6S410000000000000001")
        #expect(RequestID(value: .max).description == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
        #expect(RequestID(value: 0).description == String(repeating: "0", count: 26))
    }

    @Test("each character is the digit of Crockford's alphabet for its five bits")
    func alphabet() {
        let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
        for digit in 0..<32 {
            for position in 0..<25 {
                let id = RequestID(value: UInt128(digit) << UInt128(5 * position))
                #expect(Array(id.description)[25 - position] == alphabet[digit])
            }
        }
    }

    @Test("ids of one generator ascend, also when the clock stands still or goes back")
    func ascending() {
        var generator = RequestIDGenerator()
        var previous = generator.next(at: WallTime(seconds: 1000, nanoseconds: 0))
        for step in [0, 0, 1, -5, 3, 0, -900, 2] {
            let next = generator.next(at: WallTime(seconds: 1000 + Int64(step), nanoseconds: 0))
            #expect(previous < next && previous.description < next.description)
            previous = next
        }
    }

    @Test("many ids of several generators in the same millisecond all differ")
    func unique() {
        var generators = (0..<8).map { _ in RequestIDGenerator() }
        var seen: Set<RequestID> = []
        for _ in 0..<2000 {
            for index in generators.indices {
                seen.insert(generators[index].next(at: SampleRequest.time))
            }
        }
        #expect(seen.count == 16_000)
    }
}
