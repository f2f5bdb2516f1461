import Bytes
import Logbook

/// Where a trail ended that is to be continued.
struct TrailEnd {
    let chain: Chain
    /// When the file's first record was made; `nil` if it has none.
    let begun: WallTime?
    /// The file that a torn last line was moved to.
    let torn: String?

    /// Finds the last record, and sets a torn line behind it aside.
    ///
    /// - Parameter file: the current file; cut to whole lines if need be.
    init(recovering file: TrailFile, _ path: TrailPath) throws(AuditError) {
        let tail = try Tail(of: file)
        if tail.torn.isEmpty {
            torn = nil
        } else {
            let aside = path.torn(at: .now)
            try Files.write(tail.torn, to: aside)
            if let code = file.truncate(to: file.byteCount - tail.torn.count) {
                throw .system(call: "ftruncate", path: file.path, code: code)
            }
            torn = aside
        }
        if tail.line.isEmpty {
            chain = try Self.chain(endingBefore: path)
            begun = nil
        } else {
            guard let frame = LineFrame(of: tail.line.span) else {
                throw .notATrail(path: file.path)
            }
            chain = Chain(after: frame.sequence, tail.line.span)
            begun = Self.time(of: try file.read(RecordEncoder.lineByteCount, at: 0))
        }
    }

    /// The end of the newest file that was rotated away.
    private static func chain(endingBefore path: TrailPath) throws(AuditError) -> Chain {
        let names = try Files.names(in: path.directory)
        for rotated in path.rotatedFiles(among: names).reversed() {
            var reader = try LineReader(rotated.path)
            var last = ByteString([])
            while case .whole(let count) = try reader.next() {
                last = ByteString(copying: reader.bytes.extracting(0..<count))
            }
            guard !last.isEmpty else { continue }
            guard let frame = LineFrame(of: last.span) else {
                throw .notATrail(path: rotated.path)
            }
            return Chain(after: frame.sequence, last.span)
        }
        return Chain()
    }

    /// The time of the record that begins with these bytes.
    private static func time(of bytes: [UInt8]) -> WallTime? {
        let line = Array(bytes.prefix { $0 != 0x0A })
        guard let frame = LineFrame(of: line.span) else { return nil }
        let start = frame.inside + 6
        guard line.count >= start + Timestamp.byteCount else { return nil }
        return WallTime(text: line.span.extracting(start..<start + Timestamp.byteCount))
    }
}

/// The last whole line of a file, and what stands behind it.
private struct Tail {
    var line: [UInt8] = []
    var torn: [UInt8] = []

    init(of file: TrailFile) throws(AuditError) {
        var size = 2 * RecordEncoder.lineByteCount
        while file.byteCount > 0 {
            let start = max(0, file.byteCount - size)
            let bytes = try file.read(file.byteCount - start, at: start)
            guard let end = bytes.lastIndex(of: 0x0A) else {
                torn = bytes
                if start == 0 { return }
                size *= 4
                continue
            }
            torn = Array(bytes[(end + 1)...])
            let before = bytes[..<end].lastIndex(of: 0x0A)
            if before == nil, start > 0 {
                size *= 4
                continue
            }
            line = Array(bytes[(before.map { $0 + 1 } ?? 0)..<end])
            return
        }
    }
}
