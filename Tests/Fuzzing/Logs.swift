import Bytes
import Foundation
import Logbook

extension FuzzTarget {
    /// A record makes one line, whatever is in it: JSON without anything that a terminal obeys, no
    /// longer than promised.
    static let accessLine = FuzzTarget("access-line") { bytes throws(Finding) in
        let third = bytes.count / 3
        var record = AccessRecord(time: WallTime(nanoseconds: 1), id: requestID)
        record.method = Place(0, third)
        record.path = Place(third, 2 * third)
        record.query = Place(2 * third, bytes.count)
        record.userAgent = Place(0, bytes.count)
        record.client = ByteString(bytes)
        record.user = ByteString(Array(bytes[..<third]))
        record.claimedUser = ByteString(bytes)
        record.repository = ByteString(bytes)
        record.reference = ByteString(Array(bytes[third...]))
        record.rules = Array(repeating: ByteString(bytes), count: 20)
        for format in AccessLineEncoder.Format.allCases {
            let line = encoded(record, bytes, format)
            try expect(line.count <= AccessLineEncoder.maximumLineLength, "\(line.count) bytes")
            try expect(line.last == 0x0A, "no newline at the end")
            try expect(
                !line.dropLast().contains { $0 < 0x20 || $0 == 0x7F },
                "a control byte: \(shown(line))"
            )
            let text = String(decoding: line, as: UTF8.self)
            try expect(Array(text.utf8) == line, "no UTF-8: \(shown(line))")
            try expect(
                !text.unicodeScalars.contains { obeyed.contains($0.value) },
                "something that a terminal obeys: \(shown(line))"
            )
            guard format == .json else { continue }
            let object = try? JSONSerialization.jsonObject(with: Data(line))
            try expect(object is [String: Any], "no JSON: \(shown(line))")
        }
    }

    private static let requestID: RequestID = {
        var generator = RequestIDGenerator()
        return generator.next(at: WallTime(nanoseconds: 1))
    }()

    /// C1 controls, line separators and what turns the direction of writing.
    private static let obeyed = Set<UInt32>(0x80...0x9F)
        .union([0x2028, 0x2029]).union(0x202A...0x202E).union(0x2066...0x2069)

    private static func encoded(
        _ record: AccessRecord,
        _ head: [UInt8],
        _ format: AccessLineEncoder.Format
    ) -> [UInt8] {
        var encoder = AccessLineEncoder(format)
        let buffer = Buffer(capacity: AccessLineEncoder.maximumLineLength)
        encoder.append(record, head: head.span, to: buffer)
        return ByteString(copying: buffer.bytes).bytes
    }
}
