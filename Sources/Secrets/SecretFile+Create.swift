import Glibc

// A new file with a secret in it; an unsafe room.

extension SecretFile {
    /// Makes a new file with mode 0600, durably, unless there is one already, which stays. Others
    /// see it whole or not at all.
    ///
    /// - Returns: whether it was made.
    @discardableResult
    public static func create(path: String, _ bytes: [UInt8]) throws(SecretFileError) -> Bool {
        let random: [UInt8]
        do throws(RandomnessError) {
            random = try RandomBytes.make(count: 8)
        } catch {
            throw .noRandomness
        }
        let temporary = path + "." + random.map { String($0, radix: 16) }.joined()
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let file = unsafe open(temporary, flags, 0o600)
        guard file >= 0 else { throw .system(call: "create", code: errno) }
        defer {
            close(file)
            unsafe unlink(temporary)
        }
        // SAFETY: the pointer stays inside the closure and has `count` bytes.
        let done = unsafe bytes.withUnsafeBytes { unsafe write(file, $0.baseAddress, $0.count) }
        guard done == bytes.count else {
            throw .system(call: "write", code: done < 0 ? errno : ENOSPC)
        }
        guard fsync(file) == 0 else { throw .system(call: "fsync", code: errno) }
        if unsafe link(temporary, path) == 0 { return true }
        guard errno == EEXIST else { throw .system(call: "link", code: errno) }
        return false
    }
}
