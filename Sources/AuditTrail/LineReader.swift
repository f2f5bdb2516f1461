import Bytes

/// Reads a file of the trail line by line, compressed or not, in constant memory.
struct LineReader: ~Copyable {
    private enum Source {
        case plain(PlainFile)
        case gzip(GzipFile)
    }

    let path: String
    /// Of the line that was read last, from 1.
    private(set) var number = 0
    private let source: Source
    private let piece = Buffer(capacity: 512 * 1024)
    /// How many bytes at the front of `piece` are the line that was read last.
    private var consumed = 0
    private var isAtEnd = false

    init(_ path: String) throws(AuditError) {
        self.path = path
        source =
            try Gzip.isCompressed(path)
            ? .gzip(GzipFile(reading: path)) : .plain(PlainFile(reading: path))
    }

    enum Line {
        /// So many bytes at the front of `bytes`; the newline is not counted.
        case whole(Int)
        /// The end of the file, without a newline.
        case torn(Int)
        /// More bytes than any record has.
        case tooLong
        case end
    }

    /// Takes up the next line; the one before it is gone.
    mutating func next() throws(AuditError) -> Line {
        piece.consume(consumed)
        consumed = 0
        var searched = 0
        while true {
            if let newline = piece.bytes.firstNewline(from: searched) {
                number += 1
                consumed = newline + 1
                return .whole(newline)
            }
            searched = piece.count
            if searched > RecordEncoder.lineByteCount {
                number += 1
                return .tooLong
            }
            if isAtEnd {
                guard searched > 0 else { return .end }
                number += 1
                consumed = searched
                return .torn(searched)
            }
            piece.compact()
            let count =
                switch source {
                case .plain(let file): try file.read(into: piece)
                case .gzip(let file): try file.read(into: piece)
                }
            isAtEnd = count == 0
        }
    }

    /// The bytes from the begin of the current line on.
    var bytes: Span<UInt8> {
        @_lifetime(borrow self) get { piece.bytes }
    }
}
