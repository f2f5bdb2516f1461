package import Bytes
import Secrets

/// The end of the chain of records: what the next line must refer to.
///
/// Each line carries the padded base64 of the SHA-256 over the line before it, without its newline;
/// so whoever changes, drops or moves a line has to change all that come after it.
package struct Chain: Sendable, Equatable {
    /// The number of the newest record; 0 before the first.
    private(set) var sequence = 0
    /// The code of the newest line; empty before the first.
    private(set) var previous = ByteString([])

    package init() {}

    /// - Parameter line: the newest record's, without its newline.
    init(after sequence: Int, _ line: borrowing Span<UInt8>) {
        self.sequence = sequence
        previous = Self.code(of: line)
    }

    static func code(of line: borrowing Span<UInt8>) -> ByteString {
        ByteString(SHA256.digest(of: line).bytes.base64)
    }

    /// The same, for many lines.
    static func code(of line: borrowing Span<UInt8>, _ hash: RepeatedSHA256) -> ByteString {
        ByteString(hash.digest(of: line).bytes.base64)
    }

    /// Appends the next line with its newline, and moves on.
    ///
    /// - Parameter inside: as `RecordEncoder` makes it.
    /// - Precondition: room for `RecordEncoder.lineByteCount` bytes.
    package mutating func seal(_ inside: borrowing Span<UInt8>, into lines: Buffer) {
        let start = lines.count
        lines.append("{\"v\":1,\"seq\":")
        lines.append(decimal: sequence + 1)
        lines.append(",\"prev\":\"")
        lines.append(previous.span)
        lines.append("\",")
        lines.append(inside)
        sequence += 1
        previous = Self.code(of: lines.bytes.extracting(start..<lines.count))
        lines.append("\n")
    }
}

/// The frame of a line, taken apart again.
struct LineFrame: Equatable {
    let sequence: Int
    /// Positions in the line.
    let previous: Range<Int>
    /// Where the inside begins.
    let inside: Int

    private static let head: StaticString = "{\"v\":1,\"seq\":"
    private static let middle: StaticString = ",\"prev\":\""
    private static let tail: StaticString = "\",\"ts\":\""

    /// - Returns: `nil` if the line does not begin as every record does, or has no closing brace.
    init?(of line: borrowing Span<UInt8>) {
        guard line.starts(with: Self.head), line.count <= RecordEncoder.lineByteCount,
            line[line.count - 1] == UInt8(ascii: "}")
        else { return nil }
        let digits = Self.head.utf8CodeUnitCount
        var end = digits
        while end < line.count, line[end].isASCIIDigit { end += 1 }
        guard end - digits <= 18, let number = line.extracting(digits..<end).decimalValue,
            number > 0,
            line.extracting(end..<line.count).starts(with: Self.middle)
        else { return nil }
        let start = end + Self.middle.utf8CodeUnitCount
        var quote = start
        while quote < line.count, line[quote] != UInt8(ascii: "\"") { quote += 1 }
        guard quote - start == 0 || quote - start == 44,
            line.extracting(quote..<line.count).starts(with: Self.tail)
        else { return nil }
        sequence = number
        previous = start..<quote
        inside = quote + 2
    }
}

private let base64Alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
)

extension [UInt8] {
    /// Padded base64 (RFC 4648 section 4).
    var base64: [UInt8] {
        let alphabet = base64Alphabet
        var text: [UInt8] = []
        text.reserveCapacity((count + 2) / 3 * 4)
        for start in stride(from: 0, to: count, by: 3) {
            let last = Swift.min(start + 3, count)
            var group = 0
            for index in start..<start + 3 {
                group = group << 8 | (index < last ? Int(self[index]) : 0)
            }
            for digit in 0..<4 {
                let isPadding = digit > last - start
                text.append(
                    isPadding ? UInt8(ascii: "=") : alphabet[group >> (18 - 6 * digit) & 63]
                )
            }
        }
        return text
    }
}
