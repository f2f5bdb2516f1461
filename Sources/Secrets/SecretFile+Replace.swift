import Glibc

// Replacing a file with secrets in one step; an unsafe room.

extension SecretFile {
    /// Reads the file, lets `edit` make new contents, and puts them in its place: a reader sees the
    /// old file or the new one, whole, also after a crash.
    ///
    /// Links are followed; owner and mode stay; a new file gets mode 0600. Callers exclude each
    /// other by a lock on the directory, so no change is lost.
    ///
    /// - Parameter edit: gets `nil` if there is no file, and answers `nil` to leave all as it is.
    public static func update(
        path: String,
        limit: Int,
        edit: (SecretBytes?) -> [UInt8]?
    ) throws(SecretFileError) {
        let target = resolved(path)
        let directory = try lockedDirectory(target.directory)
        defer { close(directory) }
        let file = unsafe openat(
            directory, target.name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        if file < 0, errno != ENOENT { throw .system(call: "open", code: errno) }
        defer { if file >= 0 { close(file) } }
        var old: SecretBytes?
        var status: stat?
        if file >= 0 {
            status = try checkedStatus(of: file)
            old = try contents(of: file, limit: limit)
        }
        guard let new = edit(old) else { return }
        guard new.count <= limit else { throw .tooLarge(limit: limit) }
        try replace(target.name, in: directory, with: new, like: status)
    }

    private static func replace(
        _ name: String,
        in directory: Int32,
        with bytes: [UInt8],
        like status: stat?
    ) throws(SecretFileError) {
        let temporary = try temporaryName(for: name)
        let file = unsafe openat(
            directory,
            temporary,
            O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
            0o600
        )
        guard file >= 0 else { throw .system(call: "create", code: errno) }
        do throws(SecretFileError) {
            defer { close(file) }
            try writeAll(bytes, to: file)
            if let status { try adopt(status, for: file) }
            guard fsync(file) == 0 else { throw .system(call: "fsync", code: errno) }
            guard unsafe renameat(directory, temporary, directory, name) == 0 else {
                throw .system(call: "rename", code: errno)
            }
        } catch {
            unsafe unlinkat(directory, temporary, 0)
            throw error
        }
        guard fsync(directory) == 0 else { throw .system(call: "fsync", code: errno) }
    }

    /// Gives the new file the owner and the mode of the old one.
    private static func adopt(_ old: stat, for file: Int32) throws(SecretFileError) {
        var new = stat()
        // SAFETY: the status lives through the call.
        guard unsafe fstat(file, &new) == 0 else { throw .system(call: "fstat", code: errno) }
        if new.st_uid != old.st_uid || new.st_gid != old.st_gid {
            guard fchown(file, old.st_uid, old.st_gid) == 0 else {
                throw .system(call: "chown", code: errno)
            }
        }
        guard fchmod(file, old.st_mode & 0o7777) == 0 else {
            throw .system(call: "chmod", code: errno)
        }
    }

    private static func writeAll(_ bytes: [UInt8], to file: Int32) throws(SecretFileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            // SAFETY: the pointer stays inside the closure and has `count` bytes.
            let done = unsafe rest.withUnsafeBytes { rest in
                unsafe write(file, rest.baseAddress, rest.count)
            }
            if done < 0, errno == EINTR { continue }
            if done < 0 { throw .system(call: "write", code: errno) }
            rest.removeFirst(done)
        }
    }

    private static func lockedDirectory(_ path: String) throws(SecretFileError) -> Int32 {
        let directory = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .system(call: "open", code: errno) }
        while flock(directory, LOCK_EX) != 0 {
            guard errno == EINTR else {
                let code = errno
                close(directory)
                throw .system(call: "flock", code: code)
            }
        }
        return directory
    }

    /// Beside the file, so that rename(2) stays in one file system.
    private static func temporaryName(for name: String) throws(SecretFileError) -> String {
        do {
            let random = try RandomBytes.make(count: 8)
            return ".\(name)." + random.map { String($0, radix: 16) }.joined()
        } catch {
            throw .noRandomness
        }
    }

    private static func resolved(_ path: String) -> (directory: String, name: String) {
        var path = path
        // SAFETY: realpath(3) returns memory that is ours to free, ended by NUL.
        if let real = unsafe realpath(path, nil) {
            path = unsafe String(cString: real)
            unsafe free(real)
        }
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        let directory = slash == path.startIndex ? "/" : String(path[..<slash])
        return (directory, String(path[path.utf8.index(after: slash)...]))
    }
}
