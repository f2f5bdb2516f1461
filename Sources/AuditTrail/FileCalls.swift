// The unsafe room of this module for files: every call into the C library is here.

import Bytes
import Glibc
import Logbook

/// A file of the trail that is written to: always at its end, each batch whole or not at all.
final class TrailFile {
    let path: String
    private let descriptor: Int32
    /// Bytes of whole lines.
    private(set) var byteCount: Int

    /// Opens the file, and makes it with mode 0640, less the umask, if there is none.
    init(appendingTo path: String) throws(AuditError) {
        let flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        descriptor = unsafe open(path, flags, 0o640)
        self.path = path
        byteCount = 0
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        var status = stat()
        // SAFETY: fstat fills the struct it is given.
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .system(call: "fstat", path: path, code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .system(call: "open (a regular file)", path: path, code: EINVAL)
        }
        byteCount = Int(status.st_size)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Appends all of `lines`, or cuts off what there was room for and appends nothing.
    ///
    /// - Returns: the errno value if it failed.
    func append(_ lines: borrowing Span<UInt8>) -> Int32? {
        var done = 0
        while done < lines.count {
            // SAFETY: the pointer stays inside the closure; write(2) reads at most `count` bytes.
            let written = unsafe lines.extracting(done..<lines.count).withUnsafeBufferPointer {
                unsafe write(descriptor, $0.baseAddress, $0.count)
            }
            if written > 0 {
                done += written
            } else if written == 0 || errno != EINTR {
                let code = written == 0 ? ENOSPC : errno
                _ = truncate(to: byteCount)
                return code
            }
        }
        byteCount += done
        return nil
    }

    /// Cuts off what is behind the first `count` bytes.
    ///
    /// - Returns: the errno value if it failed.
    func truncate(to count: Int) -> Int32? {
        guard ftruncate(descriptor, count) == 0 else { return errno }
        byteCount = count
        return nil
    }

    /// Keeps other processes that write to the file out, until `unlock`.
    func lock() throws(AuditError) {
        let deadline = Clock.monotonic + Self.longestLock
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR, Clock.monotonic < deadline else {
                throw .system(call: "flock", path: path, code: errno)
            }
            // For a millisecond.
            poll(nil, 0, 1)
        }
    }

    /// For what another process writes and brings to the disk at once; nanoseconds.
    private static let longestLock: Int64 = 10_000_000_000

    func unlock() { flock(descriptor, LOCK_UN) }

    /// Whether another file has taken its place under its name. One that was only moved away has
    /// not been replaced.
    var isReplaced: Bool {
        var mine = stat()
        var other = stat()
        // SAFETY: both calls fill the struct they are given; the path lives through the call.
        guard unsafe fstat(descriptor, &mine) == 0, unsafe stat(path, &other) == 0 else {
            return false
        }
        return mine.st_ino != other.st_ino || mine.st_dev != other.st_dev
    }

    /// Takes what others have appended for its own, if `accept` does not throw at it.
    func takeGrowth(_ accept: (TrailFile) throws(AuditError) -> Void) throws(AuditError) {
        let known = byteCount
        byteCount = max(known, try size())
        guard byteCount > known else { return }
        do throws(AuditError) {
            try accept(self)
        } catch {
            byteCount = known
            throw error
        }
    }

    private func size() throws(AuditError) -> Int {
        var status = stat()
        // SAFETY: fstat fills the struct it is given.
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .system(call: "fstat", path: path, code: errno)
        }
        return Int(status.st_size)
    }

    /// Returns when all that was appended is on the disk (fdatasync(2)).
    ///
    /// - Returns: the errno value if it failed.
    func synchronize() -> Int32? { fdatasync(descriptor) == 0 ? nil : errno }

    /// Up to `count` bytes from `offset` on; fewer at the end of the file.
    func read(_ count: Int, at offset: Int) throws(AuditError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            // SAFETY: pread(2) writes at most `count - done` bytes behind the first `done`.
            let got = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe pread(descriptor, room.baseAddress! + done, count - done, offset + done)
            }
            if got < 0, errno == EINTR { continue }
            if got < 0 { throw .system(call: "pread", path: path, code: errno) }
            if got == 0 { break }
            done += got
        }
        return Array(bytes[..<done])
    }
}

/// A file that is read from its begin to its end.
final class PlainFile {
    private let descriptor: Int32
    private let path: String

    init(reading path: String) throws(AuditError) {
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        self.path = path
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Appends what comes next, as much as there is room for.
    ///
    /// - Returns: how many bytes; 0 at the end of the file.
    func read(into buffer: Buffer) throws(AuditError) -> Int {
        while true {
            // SAFETY: read(2) writes at most as many bytes as are offered.
            let count = unsafe buffer.fill { room, count in
                unsafe Glibc.read(descriptor, room, count)
            }
            if count >= 0 { return count }
            if errno != EINTR { throw .system(call: "read", path: path, code: errno) }
        }
    }
}

/// Other small files.
public enum AuditFile {
    /// - Parameter limit: bytes; what is behind them is not read.
    public static func contents(of path: String, limit: Int) throws(AuditError) -> [UInt8] {
        let file = try PlainFile(reading: path)
        let contents = Buffer(capacity: limit)
        while contents.room > 0, try file.read(into: contents) > 0 {}
        return ByteString(copying: contents.bytes).bytes
    }
}

/// Keeps other processes from writing to the same trail, as long as it lives.
final class TrailLock {
    private let descriptor: Int32

    init(_ path: TrailPath) throws(AuditError) {
        let file = path.lockFile
        // SAFETY: open(2) reads the path during the call.
        descriptor = unsafe open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o640)
        guard descriptor >= 0 else { throw .system(call: "open", path: file, code: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw errno == EWOULDBLOCK
                ? .inUse(path: path.current) : .system(call: "flock", path: file, code: errno)
        }
    }

    deinit {
        guard descriptor >= 0 else { return }
        // Not by close alone: a child between fork and exec holds the same open file (flock(2)).
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}

/// What is done to files by their names.
enum Files {
    /// The names in a directory, without `.` and `..`; an empty path is the working directory.
    static func names(in directory: String) throws(AuditError) -> [String] {
        let path = directory.isEmpty ? "." : directory
        guard let stream = unsafe opendir(path) else {
            throw .system(call: "opendir", path: path, code: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            // SAFETY: the entry's name is terminated, and stays until the next call.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func rename(_ old: String, to new: String) throws(AuditError) {
        // SAFETY: both paths live through the call; so below.
        guard unsafe Glibc.rename(old, new) == 0 else {
            throw .system(call: "rename", path: old, code: errno)
        }
    }

    /// - Returns: the errno value if it failed; a file that is not there is no failure.
    static func remove(_ path: String) -> Int32? {
        unsafe unlink(path) == 0 || errno == ENOENT ? nil : errno
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Makes new names in the directory outlive a crash of the machine.
    static func synchronize(directory: String) {
        let path = directory.isEmpty ? "." : directory
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        close(descriptor)
    }

    /// Writes a file that must not be there yet.
    static func write(_ bytes: [UInt8], to path: String) throws(AuditError) {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            // SAFETY: write(2) reads at most the bytes behind the first `done`.
            let written = unsafe bytes.withUnsafeBytes { source in
                unsafe Glibc.write(descriptor, source.baseAddress! + done, source.count - done)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw .system(call: "write", path: path, code: errno) }
            done += written
        }
    }
}

extension Span<UInt8> {
    /// As `firstIndex(of:)`, from `start` on, at the speed of memchr(3).
    func firstNewline(from start: Int) -> Int? {
        guard start < count else { return nil }
        return unsafe withUnsafeBufferPointer { source -> Int? in
            guard let base = source.baseAddress,
                // SAFETY: `count - start` bytes are behind `start`.
                let found = unsafe memchr(base + start, 0x0A, count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }
}
