// The unsafe room of this module: every call into the C library, and every pointer, is here.

import Bytes
import Glibc

/// Why a log could not be set up. What happens later (a full disk, a reader that stops) is no
/// error: the writer counts, reports and goes on.
public enum LogbookError: Error, Equatable, CustomStringConvertible {
    /// open(2) of the log file failed with this errno value.
    case cannotOpen(path: String, code: Int32)
    /// pthread_create(3) failed with this error number.
    case cannotStartThread(code: Int32)

    public var description: String {
        switch self {
        case .cannotOpen(let path, let code): "cannot open \(path): \(systemErrorText(code))"
        case .cannotStartThread(let code): "cannot start a thread: \(systemErrorText(code))"
        }
    }
}

/// The system's words for an errno value (strerror(3)).
public func systemErrorText(_ code: Int32) -> String {
    // SAFETY: glibc returns a terminated string that this thread alone may overwrite, later.
    unsafe String(cString: strerror(code))
}

// MARK: - Clocks

public enum Clock {
    /// CLOCK_REALTIME, in nanoseconds since 1970. No system call on Linux (vDSO).
    public static var realtime: Int64 { read(CLOCK_REALTIME) }
    /// CLOCK_MONOTONIC, in nanoseconds.
    public static var monotonic: Int64 { read(CLOCK_MONOTONIC) }
    /// Processor time of all threads, in nanoseconds.
    static var processorTime: Int64 { read(CLOCK_PROCESS_CPUTIME_ID) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // SAFETY: clock_gettime fills the struct it is given; these clocks always exist.
        _ = unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

// MARK: - Descriptors

/// What a single write(2) came to. EINTR is retried and never seen.
enum WriteOutcome: Equatable {
    /// So many bytes are out; at least one.
    case wrote(Int)
    /// EAGAIN: nothing can be taken now.
    case wouldBlock
    /// Nothing was written, for this errno value.
    case failed(Int32)
}

/// Writes once. May block where the descriptor does; `isWritable` tells.
func writeOnce(_ bytes: borrowing Span<UInt8>, to descriptor: Int32) -> WriteOutcome {
    while true {
        // SAFETY: the pointer stays inside the closure; write(2) reads at most `count` bytes.
        let count = unsafe bytes.withUnsafeBufferPointer { source in
            unsafe write(descriptor, source.baseAddress, source.count)
        }
        if count > 0 { return .wrote(count) }
        if count == 0 { return .failed(EIO) }
        switch errno {
        case EINTR: continue
        case EAGAIN: return .wouldBlock
        case let code: return .failed(code)
        }
    }
}

/// Whether poll(2) says that a pipe, socket or terminal takes bytes. A regular file always does,
/// and so does a descriptor in an error state: the write will tell which.
func isWritable(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    // SAFETY: one entry, and poll writes only to it.
    return unsafe poll(&entry, 1, milliseconds) > 0
}

/// An open log: a descriptor that is closed when its owner lets go of it.
struct LogDescriptor: ~Copyable {
    let number: Int32
    /// A regular file: writes neither block nor mix. All else is written in small pieces.
    let isRegularFile: Bool
    private let isOwned: Bool

    /// A descriptor that stays open, such as standard output.
    init(borrowing descriptor: Int32) {
        number = descriptor
        isRegularFile = Self.isRegular(descriptor)
        isOwned = false
    }

    /// Opens `path` for appending and creates it with mode 0640, less the umask.
    ///
    /// Never waits: a FIFO that nobody reads is opened for both directions (fifo(7)).
    init(appendingTo path: String) throws(LogbookError) {
        let flags = O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        var descriptor = unsafe open(path, O_WRONLY | flags, 0o640)
        if descriptor < 0 && errno == ENXIO {
            descriptor = unsafe open(path, O_RDWR | flags, 0o640)
        }
        guard descriptor >= 0 else { throw .cannotOpen(path: path, code: errno) }
        number = descriptor
        isRegularFile = Self.isRegular(descriptor)
        isOwned = true
    }

    deinit { if isOwned { close(number) } }

    private static func isRegular(_ descriptor: Int32) -> Bool {
        var status = stat()
        // SAFETY: fstat fills the struct it is given.
        return unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
}

/// The last byte of a regular file; `nil` if it is empty, unreadable or something else.
func lastByte(ofFile path: String) -> UInt8? {
    let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    // SAFETY: fstat fills the struct it is given, pread the one byte it is given.
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
        status.st_size > 0
    else { return nil }
    var byte: UInt8 = 0
    return unsafe pread(descriptor, &byte, 1, status.st_size - 1) == 1 ? byte : nil
}

/// Everything that a small file of /proc holds; empty if it cannot be read.
func contents(ofProcFile path: String) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var contents: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
        // SAFETY: read(2) writes at most `count` bytes to the array's own memory.
        let count = unsafe piece.withUnsafeMutableBytes { room in
            unsafe read(descriptor, room.baseAddress, room.count)
        }
        guard count > 0 else { return contents }
        contents.append(contentsOf: piece[..<count])
    }
}

/// How many names a directory has, without `.` and `..`; `nil` if it cannot be read.
func entryCount(ofDirectory path: String) -> Int? {
    guard let directory = unsafe opendir(path) else { return nil }
    defer { unsafe closedir(directory) }
    var count = 0
    // SAFETY: the stream is open until the end of this function; the entries are not looked at.
    while unsafe readdir(directory) != nil { count += 1 }
    return max(0, count - 2)
}

/// Bytes of one page of memory.
var pageByteCount: Int { sysconf(Int32(_SC_PAGESIZE)) }
/// Clock ticks per second in /proc (proc_pid_stat(5)).
var ticksPerSecond: Int { sysconf(Int32(_SC_CLK_TCK)) }

// MARK: - Threads

private final class ThreadWork {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Runs `body` on a thread of its own, which takes no signals (so neither SIGPIPE nor a signal that
/// the main thread waits for can hit it).
public func startThread(_ body: @escaping @Sendable () -> Void) throws(LogbookError) {
    var every = sigset_t()
    var previous = sigset_t()
    var thread = pthread_t()
    let work = unsafe Unmanaged.passRetained(ThreadWork(body))
    // SAFETY: the signal sets are our own. The new thread takes over the one reference that was
    // retained for it; if there is no new thread, it is given back here.
    unsafe sigfillset(&every)
    unsafe pthread_sigmask(SIG_SETMASK, &every, &previous)
    let code = unsafe pthread_create(
        &thread,
        nil,
        { argument in
            unsafe Unmanaged<ThreadWork>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        },
        work.toOpaque()
    )
    unsafe pthread_sigmask(SIG_SETMASK, &previous, nil)
    guard code == 0 else {
        unsafe work.release()
        throw .cannotStartThread(code: code)
    }
    pthread_detach(thread)
}

/// A value behind a lock, whose changes other threads can wait for.
///
/// Swift's `Mutex` has no condition to wait on; this is pthread's pair of the two.
// SAFETY: `value` is touched only while the mutex is held. Both C objects live at addresses of
// their own from `init` to `deinit`.
@safe public final class Monitor<Value: Sendable>: @unchecked Sendable {
    private var value: Value
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    public init(_ value: Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(condition, &attributes)
        unsafe pthread_condattr_destroy(&attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Changes that nobody waits for may be made here: those who wait do not hear of them.
    public func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body(&value)
    }

    /// As `withLock`, and wakes everybody who waits.
    public func change<Result>(_ body: (inout Value) -> Result) -> Result {
        defer { wakeAll() }
        return withLock(body)
    }

    /// Has everybody who waits look again.
    public func wakeAll() { unsafe pthread_cond_broadcast(condition) }

    /// Waits until `attempt` gives a value, trying again after each change.
    ///
    /// - Parameter deadline: monotonic nanoseconds; `Int64.max` for none.
    /// - Returns: `nil` when the deadline has passed.
    public func wait<Result>(until deadline: Int64, _ attempt: (inout Value) -> Result?) -> Result?
    {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        var time = timespec()
        time.tv_sec = Int(deadline / 1_000_000_000)
        time.tv_nsec = Int(deadline % 1_000_000_000)
        while true {
            if let result = attempt(&value) { return result }
            if deadline == .max {
                unsafe pthread_cond_wait(condition, mutex)
            } else if unsafe pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT {
                return attempt(&value)
            }
        }
    }
}

extension LogWriter {
    /// Whether the file at `path` can be appended to or, if there is none, made. Makes nothing.
    public static func mayAppend(to path: String) -> Bool {
        // SAFETY: access(2) reads the path during the call, as below.
        if unsafe access(path, F_OK) == 0 { return unsafe access(path, W_OK) == 0 }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let folder = parts.isEmpty ? "." : parts.joined(separator: "/") + "/"
        return unsafe access(folder, W_OK) == 0
    }
}
