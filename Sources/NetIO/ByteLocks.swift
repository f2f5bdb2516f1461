import CLinux
import Glibc

/// Locks that processes have in common, each a number: the bytes of a file in memory that one hands
/// to the other (open file description locks, fcntl(2)). Nothing here waits.
///
/// One process is one holder: who of its own requests may go on it has to know itself.
public final class ByteLocks: Sendable {
    let fd: Int32

    public enum Mode: Sendable { case shared, exclusive }

    /// For the first of the processes.
    public init() throws(SystemError) {
        fd = make_memory_file()
        guard fd >= 0 else { throw SystemError(call: "memfd_create", code: errno) }
    }

    /// For the next one.
    ///
    /// - Parameter descriptor: what was inherited. It is opened anew, since locks are those of an
    ///   open file.
    init?(inherited descriptor: Int32) {
        // SAFETY: open(2) reads the path during the call.
        fd = unsafe Glibc.open("/proc/self/fd/\(descriptor)", O_RDWR | O_CLOEXEC)
        Glibc.close(descriptor)
        if fd < 0 { return nil }
    }

    deinit { if fd >= 0 { Glibc.close(fd) } }

    /// - Parameter number: not negative.
    /// - Returns: false if another process has it.
    public func take(_ number: Int64, _ mode: Mode) -> Bool {
        lock_byte(fd, mode == .shared ? BYTE_SHARED : BYTE_ALONE, number)
    }

    public func give(_ number: Int64) { _ = lock_byte(fd, BYTE_FREE, number) }
}
