import Glibc

// A file with secrets in it that grows line by line; an unsafe room.

/// A file that several processes append lines to, and read as it grows. It is under the same
/// conditions as every `SecretFile`.
public struct AppendedFile: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    /// How far a reader has come, in which file.
    public struct Place: Sendable, Hashable {
        fileprivate var device: UInt = 0
        fileprivate var node: UInt = 0
        /// Bytes that were read.
        public internal(set) var offset = 0

        public init() {}
    }

    /// What a reader gets.
    public struct Piece: Sendable {
        /// Whole lines.
        public let lines: [UInt8]
        /// Where to go on.
        public let place: Place
        /// Whether it is another file than before, or one that was cut: what was read before is
        /// void.
        public let isAnew: Bool
    }

    /// What was appended behind `place`, as far as the last line break. A missing file is empty.
    public func read(behind place: Place, limit: Int) throws(SecretFileError) -> Piece {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard file >= 0 else {
            guard errno == ENOENT else { throw .system(call: "open", code: errno) }
            return Piece(lines: [], place: Place(), isAnew: place != Place())
        }
        defer { close(file) }
        let status = try SecretFile.checkedStatus(of: file)
        var next = Place()
        next.device = UInt(status.st_dev)
        next.node = UInt(status.st_ino)
        let isSame = next.device == place.device && next.node == place.node
        let isAnew = !isSame || Int(status.st_size) < place.offset
        let start = isAnew ? 0 : place.offset
        let count = Int(status.st_size) - start
        guard count <= limit else { throw .tooLarge(limit: limit) }
        var bytes = try Self.bytes(of: file, from: start, count: count)
        let end = bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        bytes.removeSubrange(end...)
        next.offset = start + end
        return Piece(lines: bytes, place: next, isAnew: isAnew && place != Place())
    }

    /// Appends `line` and a line break, both at once, and waits until they are on the disk. Where a
    /// crash has left the beginning of a line, that becomes a line of its own.
    ///
    /// - Precondition: no line break in it.
    public func append(_ line: [UInt8]) throws(SecretFileError) {
        precondition(!line.contains(0x0A))
        let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        let file = unsafe open(path, flags, 0o600)
        guard file >= 0 else { throw .system(call: "open", code: errno) }
        defer { close(file) }
        _ = try SecretFile.checkedStatus(of: file)
        while flock(file, LOCK_EX) != 0 {
            guard errno == EINTR else { throw .system(call: "flock", code: errno) }
        }
        let size = Int(try SecretFile.checkedStatus(of: file).st_size)
        let last = size == 0 ? [] : try Self.bytes(of: file, from: size - 1, count: 1)
        let prefix: [UInt8] = last == [] || last == [0x0A] ? [] : [0x0A]
        let text = prefix + line + [0x0A]
        // SAFETY: the pointer stays inside the closure and has `count` bytes.
        let done = unsafe text.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
        guard done == text.count else {
            let code = done < 0 ? errno : ENOSPC
            // Half a line is none: nobody was told that it is there.
            _ = ftruncate(file, size)
            throw .system(call: "write", code: code)
        }
        guard fdatasync(file) == 0 else { throw .system(call: "fdatasync", code: errno) }
    }

    private static func bytes(
        of file: Int32,
        from offset: Int,
        count: Int
    ) throws(SecretFileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            // SAFETY: pread(2) writes at most `count - done` bytes behind the first `done`.
            let got = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe pread(file, room.baseAddress! + done, count - done, offset + done)
            }
            if got < 0, errno == EINTR { continue }
            if got < 0 { throw .system(call: "pread", code: errno) }
            if got == 0 { break }
            done += got
        }
        return Array(bytes[..<done])
    }
}
