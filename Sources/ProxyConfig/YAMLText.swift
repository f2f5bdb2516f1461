import Bytes

/// What must hold of a file's bytes before they may be parsed as YAML.
enum YAMLText {
    /// Largest configuration file. One of a thousand rules is a twentieth of this.
    static let byteCountLimit = 4 * 1024 * 1024

    /// The first rule that `bytes` break: size, byte order mark, NUL, UTF-8; else `nil`.
    static func problem(in bytes: [UInt8]) -> YAMLProblem? {
        func refused(_ message: String, at offset: Int = 0) -> YAMLProblem {
            let mark = mark(ofByte: offset, in: bytes.span)
            return YAMLProblem(mark: mark, path: "", message: message)
        }
        if bytes.count > byteCountLimit { return refused("is too large (at most 4MiB)") }
        for mark in byteOrderMarks where bytes.starts(with: mark) {
            return refused("begins with a byte order mark (UTF-8 without one)")
        }
        if let offset = bytes.firstIndex(of: 0) {
            return refused("contains a NUL byte (UTF-8 text)", at: offset)
        }
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            return refused("is not valid UTF-8 (UTF-8 text)", at: error.byteOffsets.lowerBound)
        }
        return nil
    }

    private static let byteOrderMarks: [[UInt8]] = [
        [0xEF, 0xBB, 0xBF], [0xFE, 0xFF], [0xFF, 0xFE],
    ]

    /// Line and column of the byte at `offset`, in valid UTF-8 before it.
    static func mark(ofByte offset: Int, in bytes: borrowing Span<UInt8>) -> YAMLMark {
        var line = 1
        var column = 1
        for index in 0..<min(offset, bytes.count) {
            if bytes[index] == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if bytes[index] & 0xC0 != 0x80 {
                column += 1
            }
        }
        return YAMLMark(line: line, column: column)
    }

    /// The other way round: where the character at `mark` begins; the end if there is none.
    static func offset(of mark: YAMLMark, in bytes: borrowing Span<UInt8>) -> Int {
        var line = 1
        var column = 1
        for index in 0..<bytes.count where bytes[index] & 0xC0 != 0x80 {
            if line == mark.line, column == mark.column { return index }
            if bytes[index] == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else {
                column += 1
            }
        }
        return bytes.count
    }
}
