import AuditTrail
import Bytes
import Foundation
import Logbook
import Secrets

extension FuzzTarget {
    /// Whatever is in a record, its line is the inside of a JSON object, short enough, and nothing
    /// that a terminal obeys.
    static let auditLine = FuzzTarget("audit-line") { bytes throws(Finding) in
        let text = ByteString(bytes)
        let encoder = RecordEncoder(node: text)
        for event in [AuditRecord.Event.manifestOverwrite, .accessDenied, .gap] {
            var record = AuditRecord(event, .denied, at: WallTime(nanoseconds: 1))
            record.who.user = text
            record.who.claimed = text
            record.who.groups = Array(repeating: text, count: 100)
            record.who.address = text
            record.who.userAgent = text
            record.what.repository = text
            record.what.tag = text
            record.what.digest = text
            record.what.was = text
            record.what.from = text
            record.why.allow = Array(repeating: text, count: 40)
            record.why.deny = Array(repeating: text, count: 40)
            record.notes = [String(decoding: bytes, as: UTF8.self)]
            record.count = bytes.count
            let line = encoder.encode(record).bytes
            try expect(line.count < RecordEncoder.lineByteCount, "\(line.count) bytes")
            try expect(!line.contains { $0 < 0x20 || $0 == 0x7F }, shown(line))
            let shownText = String(decoding: line, as: UTF8.self)
            try expect(Array(shownText.utf8) == line, "no UTF-8: \(shown(line))")
            try expect(!shownText.unicodeScalars.contains(where: obeys), shown(line))
            try expect(isJSON([UInt8(ascii: "{")] + line), "no JSON: \(shown(line))")
        }
    }

    static func isJSON(_ bytes: [UInt8]) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(bytes))) is [String: Any]
    }

    /// C1 controls, line separators and what turns the direction of writing.
    private static func obeys(_ scalar: Unicode.Scalar) -> Bool {
        [0x80...0x9F, 0x2028...0x2029, 0x202A...0x202E, 0x2066...0x2069]
            .contains { $0.contains(scalar.value) }
    }

    /// What leaves the program sealed, the cursor of a page, opens as it was and for its own
    /// reader.
    static let sealed = FuzzTarget("sealed") { bytes throws(Finding) in
        guard let key = sealingKey else { throw Finding("no key") }
        try expect(key.open(bytes, for: [0]) == nil, "what was never sealed opens")
        guard let sealed = try? key.seal(bytes, for: [1, 2]) else { throw Finding("not sealed") }
        try expect(sealed.count == bytes.count + SealingKey.overhead, "\(sealed.count) bytes")
        try expect(key.open(sealed, for: [1, 2]) == bytes, "it does not open")
        try expect(key.open(sealed, for: [1]) == nil, "it opens for another reader")
        var damaged = sealed
        damaged[bytes.count % sealed.count] ^= 1
        try expect(key.open(damaged, for: [1, 2]) == nil, "it opens damaged")
    }

    private static let sealingKey = try? SealingKey()
}
