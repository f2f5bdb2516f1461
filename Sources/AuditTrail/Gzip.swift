// Compressed files through zlib (RFC 1952); an unsafe room.

import Bytes
import CZlib
import Glibc

/// A compressed file that is read from its begin to its end.
@safe final class GzipFile {
    private let file: gzFile
    private let path: String

    init(reading path: String) throws(AuditError) {
        guard let file = unsafe gzopen(path, "rbe") else {
            throw .system(call: "open", path: path, code: errno)
        }
        unsafe self.file = unsafe file
        self.path = path
        // SAFETY: the handle is open until `deinit`; so below.
        unsafe gzbuffer(file, 256 * 1024)
    }

    deinit { unsafe gzclose(file) }

    /// Appends what comes next, as much as there is room for.
    ///
    /// - Returns: how many bytes; 0 at the end of the file.
    func read(into buffer: Buffer) throws(AuditError) -> Int {
        // SAFETY: gzread writes at most as many bytes as are offered.
        let count = unsafe buffer.fill(atMost: 1 << 30) { room, count in
            Int(unsafe gzread(file, room, UInt32(count)))
        }
        var code: Int32 = 0
        _ = unsafe gzerror(file, &code)
        // A file that ends too early says so only when its end is read.
        guard count >= 0, code == Z_OK || code == Z_STREAM_END else {
            throw .damagedCompression(path: path)
        }
        return count
    }
}

enum Gzip {
    /// Whether the file begins as compressed ones do.
    static func isCompressed(_ path: String) throws(AuditError) -> Bool {
        let head = Buffer(capacity: 2)
        let file = try PlainFile(reading: path)
        while head.count < 2, try file.read(into: head) > 0 {}
        return head.count == 2 && head.bytes[0] == 0x1F && head.bytes[1] == 0x8B
    }

    /// Writes a compressed copy of `source`, on the disk when this returns.
    ///
    /// - Parameter target: overwritten; if this throws, what it holds is worth nothing.
    static func compress(_ source: String, to target: String) throws(AuditError) {
        let input = try PlainFile(reading: source)
        let descriptor = unsafe open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw .system(call: "open", path: target, code: errno) }
        // zlib closes what it is given; the copy lets us ask for the disk afterwards.
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0, let output = unsafe gzdopen(copy, "wb6") else {
            close(descriptor)
            throw .system(call: "gzdopen", path: target, code: errno)
        }
        defer { close(descriptor) }
        let piece = Buffer(capacity: 256 * 1024)
        var isWhole = true
        do throws(AuditError) {
            while isWhole, try input.read(into: piece) > 0 {
                // SAFETY: gzwrite reads the filled bytes during the call.
                let written = unsafe piece.withFilled { bytes, count in
                    unsafe gzwrite(output, bytes, UInt32(count))
                }
                isWhole = Int(written) == piece.count
                piece.clear()
            }
        } catch {
            unsafe gzclose(output)
            throw error
        }
        let code = unsafe gzclose(output)
        guard isWhole, code == Z_OK, fsync(descriptor) == 0 else {
            throw .system(call: "write", path: target, code: errno == 0 ? ENOSPC : errno)
        }
    }
}
