import Glibc

/// Reads files. An unsafe room: system calls.
package enum FileBytes {
    /// - Parameter limit: how many bytes are too many by one.
    /// - Returns: the file's bytes; at most `limit` + 1 of them, so that the caller can tell.
    package static func read(_ path: String, atMost limit: Int) throws(FileError) -> [UInt8] {
        // Not blocking: opening a FIFO would wait for a writer.
        // SAFETY: the path is a C string for the time of the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError(code: errno) }
        defer { close(descriptor) }
        var status = stat()
        // SAFETY: the status lives through the call.
        guard unsafe fstat(descriptor, &status) == 0 else { throw FileError(code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(code: nil) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= limit {
            let wanted = min(chunk.count, limit + 1 - bytes.count)
            // SAFETY: `chunk` has at least `wanted` bytes, and read(2) writes at most as many.
            let count = unsafe chunk.withUnsafeMutableBytes { room in
                unsafe Glibc.read(descriptor, room.baseAddress, wanted)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(code: errno) }
            if count == 0 { break }
            bytes += chunk.prefix(count)
        }
        return bytes
    }
}

/// Reading line by line, however large the file is.
extension FileBytes {
    /// Calls `body` with each line, without its newline. Of a longer line it gets one byte more
    /// than `limit`, so that it can tell.
    package static func eachLine(
        of path: String,
        atMost limit: Int,
        _ body: ([UInt8]) -> Void
    ) throws(FileError) {
        // SAFETY: the path is a C string for the time of the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(code: errno) }
        defer { close(descriptor) }
        var chunk = [UInt8](repeating: 0, count: 256 * 1024)
        var line: [UInt8] = []
        while true {
            // SAFETY: read(2) writes at most as many bytes as `chunk` has.
            let count = unsafe chunk.withUnsafeMutableBytes { room in
                unsafe Glibc.read(descriptor, room.baseAddress, room.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(code: errno) }
            if count == 0 { break }
            var rest = chunk[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                line += rest[..<end].prefix(limit + 1 - line.count)
                body(line)
                line.removeAll(keepingCapacity: true)
                rest = rest[(end + 1)...]
            }
            line += rest.prefix(limit + 1 - line.count)
        }
        if !line.isEmpty { body(line) }
    }
}

/// Why a file could not be read.
package struct FileError: Error {
    /// `errno`; `nil`: it is no regular file.
    package let code: CInt?

    package var description: String {
        guard let code else { return "is not a regular file" }
        // SAFETY: strerror's text lives until the thread's next call, and is copied at once.
        return unsafe "cannot be read: \(String(cString: strerror(code)))"
    }
}
