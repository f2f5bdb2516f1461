import AuditTrail
import Bytes

/// Records as lines for people. Values stay escaped as they are in the trail, so that nothing in
/// them can move a terminal's cursor.
enum AuditTable {
    /// When, what, how it went, who, and what it was about.
    static func row(of record: RecordLine, in line: borrowing Span<UInt8>) -> ByteString {
        var row: [UInt8] = []
        row.reserveCapacity(256)
        row.append(record, .time, line, width: 27)
        row.append(record, .event, line, width: 18)
        row.append(record, .outcome, line, width: 11)
        row.append(contentsOf: padded(person(of: record, in: line), to: 16))
        appendSubject(of: record, in: line, to: &row)
        if record.has(.was) {
            row += Array(" was ".utf8)
            row.append(record, .was, line)
        }
        if record.has(.count) {
            row += Array(" x".utf8)
            row.append(record, .count, line)
        }
        while row.last == 0x20 { row.removeLast() }
        return ByteString(row)
    }

    /// The user, the claimed one in brackets, or the address.
    static func person(of record: RecordLine, in line: borrowing Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        if record.has(.user) {
            text.append(record, .user, line)
        } else if record.has(.claimedUser) {
            text.append(UInt8(ascii: "("))
            text.append(record, .claimedUser, line)
            text.append(UInt8(ascii: ")"))
        } else {
            text.append(record, .address, line)
        }
        return text
    }

    /// `repository:tag@digest`, as far as they are known.
    private static func appendSubject(
        of record: RecordLine,
        in line: borrowing Span<UInt8>,
        to text: inout [UInt8]
    ) {
        text.append(record, .repository, line)
        if record.has(.tag) {
            text.append(UInt8(ascii: ":"))
            text.append(record, .tag, line)
        }
        if record.has(.digest) {
            text.append(UInt8(ascii: "@"))
            text.append(record, .digest, line)
        }
    }

    static func padded(_ text: [UInt8], to width: Int) -> [UInt8] {
        text + Array(repeating: 0x20, count: max(1, width - text.count + 1))
    }
}

extension [UInt8] {
    /// Appends a value as it stands in the line.
    ///
    /// - Parameter width: what it is filled up to with blanks, and one more.
    mutating func append(
        _ record: RecordLine,
        _ key: RecordLine.Key,
        _ line: borrowing Span<UInt8>,
        width: Int? = nil
    ) {
        let place = record.raw(key)
        append(copying: line.extracting(place))
        guard let width else { return }
        append(contentsOf: repeatElement(0x20, count: Swift.max(1, width - place.count + 1)))
    }
}
