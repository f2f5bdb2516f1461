import Glibc

// Files and environment variables with secrets in them: keys, passwords, password files (product.md
// section 3); an unsafe room.

/// Why a file with secrets was not read or not replaced, or a variable not read.
public enum SecretFileError: Error, Equatable, CustomStringConvertible {
    /// A system call failed; its name and errno.
    case system(call: String, code: Int32)
    case notRegular
    case foreignOwner(UInt32)
    case openToOthers(mode: UInt32)
    case tooLarge(limit: Int)
    /// It was written to while it was read.
    case changedMeanwhile
    case noRandomness
    case notAPassword
    /// There is no such environment variable.
    case unset
    case empty

    /// Whether there is no such file at all.
    public var isAbsence: Bool { self == .system(call: "open", code: ENOENT) }

    /// What is wrong, and in brackets what is allowed.
    public var description: String {
        switch self {
        case .system(let call, let code):
            // SAFETY: strerror(3) of glibc is safe among threads and ends its text in NUL.
            "\(call): \(unsafe String(cString: strerror(code)))"
        case .notRegular:
            "is not a regular file (a regular file, or a link to one)"
        case .foreignOwner(let owner):
            "belongs to user \(owner) (root or the user of this process)"
        case .openToOthers(let mode):
            "has mode 0\(String(mode, radix: 8)) (nothing for others, no write for the group)"
        case .tooLarge(let limit):
            "is too large (\(limit) bytes at most)"
        case .changedMeanwhile:
            "changed while it was read"
        case .noRandomness:
            RandomnessError().description
        case .unset:
            "is not set (an environment variable of the process)"
        case .empty:
            "is empty (an environment variable with the secret in it)"
        case .notAPassword:
            "is no password (1 to 1024 bytes without control bytes, a line break at its end)"
        }
    }
}

/// Reading and replacing files with secrets.
///
/// Such a file is regular (after following links), belongs to root or to the own user, and neither
/// gives anything to others nor write to the group. Others are refused, because whoever can write
/// them decides who may log in, and whoever can read them knows.
public enum SecretFile {
    /// The whole file.
    ///
    /// - Parameter limit: bytes; a larger file is refused.
    public static func read(
        path: String,
        limit: Int = 64 * 1024
    ) throws(SecretFileError) -> SecretBytes {
        // Without O_NONBLOCK, opening a FIFO would wait for a writer.
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard file >= 0 else { throw .system(call: "open", code: errno) }
        defer { close(file) }
        return try contents(of: file, limit: limit)
    }

    static func contents(of file: Int32, limit: Int) throws(SecretFileError) -> SecretBytes {
        let before = try checkedStatus(of: file)
        guard before.st_size <= limit else { throw .tooLarge(limit: limit) }
        let byteCount = Int(before.st_size)
        let bytes = try unsafe SecretBytes(count: byteCount) { (room) throws(SecretFileError) in
            // SAFETY: `room` has `byteCount` bytes.
            try unsafe readAll(file, into: room, count: byteCount)
        }
        let after = try checkedStatus(of: file)
        guard after.st_size == before.st_size,
            after.st_mtim.tv_sec == before.st_mtim.tv_sec,
            after.st_mtim.tv_nsec == before.st_mtim.tv_nsec
        else { throw .changedMeanwhile }
        return bytes
    }

    /// The file's status, if it may hold secrets.
    static func checkedStatus(of file: Int32) throws(SecretFileError) -> stat {
        var status = stat()
        // SAFETY: the status lives through the call.
        guard unsafe fstat(file, &status) == 0 else {
            throw .system(call: "fstat", code: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            throw .foreignOwner(status.st_uid)
        }
        guard status.st_mode & 0o027 == 0 else {
            throw .openToOthers(mode: status.st_mode & 0o7777)
        }
        return status
    }

    private static func readAll(
        _ file: Int32,
        into room: UnsafeMutablePointer<UInt8>,
        count: Int
    ) throws(SecretFileError) {
        var done = 0
        while done < count {
            // SAFETY: `done` is less than `count`, the size of the room.
            let got = unsafe Glibc.read(file, room + done, count - done)
            if got < 0, errno == EINTR { continue }
            if got < 0 { throw .system(call: "read", code: errno) }
            if got == 0 { throw .changedMeanwhile }
            done += got
        }
    }
}

/// Secrets in environment variables. Whoever may look into the process sees them there for as long
/// as it runs.
public enum SecretVariable {
    /// The variable's whole text.
    ///
    /// - Parameter limit: bytes; a longer one is refused.
    public static func read(
        _ name: String,
        limit: Int = 64 * 1024
    ) throws(SecretFileError) -> SecretBytes {
        // SAFETY: nothing in this program changes its environment, so the text stays where it is.
        guard let text = unsafe getenv(name) else { throw .unset }
        let byteCount = unsafe strlen(text)
        guard byteCount > 0 else { throw .empty }
        guard byteCount <= limit else { throw .tooLarge(limit: limit) }
        return try unsafe SecretBytes(count: byteCount) { (room) throws(SecretFileError) in
            // SAFETY: `room` has `byteCount` bytes, and so has the text.
            _ = unsafe memcpy(room, text, byteCount)
        }
    }
}
