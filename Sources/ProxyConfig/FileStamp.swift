import Glibc

/// What tells one state of a file from another without reading it (stat(2)); links are followed.
///
/// An unsafe room: system calls.
public struct FileStamp: Sendable, Hashable {
    private var device: UInt = 0
    private var inode: UInt = 0
    private var byteCount = 0
    private var content = Moment()
    /// Also of changes to owner and mode.
    private var status = Moment()
    /// Why it cannot be looked at; 0 if it can.
    private var code: Int32 = 0

    private struct Moment: Hashable {
        var seconds = 0
        var nanoseconds = 0
    }

    /// Of the file at `path` as it is now, or of there being none.
    public init(ofFile path: String) {
        var found = stat()
        // SAFETY: the path is a C string for the time of the call, and the status lives through it.
        guard unsafe stat(path, &found) == 0 else {
            code = errno
            return
        }
        device = found.st_dev
        inode = found.st_ino
        byteCount = found.st_size
        content = Moment(seconds: found.st_mtim.tv_sec, nanoseconds: found.st_mtim.tv_nsec)
        status = Moment(seconds: found.st_ctim.tv_sec, nanoseconds: found.st_ctim.tv_nsec)
    }
}
