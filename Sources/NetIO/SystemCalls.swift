// The unsafe room of this module: every system call with a pointer in it has its Swift twin here.

import CLinux
import Glibc

enum SystemCalls {
    static func makePoller() throws(SystemError) -> Int32 {
        let fd = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard fd >= 0 else { throw SystemError(call: "epoll_create1", code: errno) }
        return fd
    }

    static func makeWakeup() throws(SystemError) -> Int32 {
        let fd = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard fd >= 0 else { throw SystemError(call: "eventfd", code: errno) }
        return fd
    }

    static func giveFreeMemoryBack() { memory_give_back() }
    static func mapBlocks(from byteCount: Int32) { memory_map_blocks_from(byteCount) }

    static func raise(wakeup fd: Int32) {
        var one: UInt64 = 1
        // SAFETY: write(2) reads the eight bytes of `one` during the call.
        _ = unsafe write(fd, &one, 8)
    }

    static func clear(wakeup fd: Int32) {
        var count: UInt64 = 0
        // SAFETY: read(2) writes the eight bytes of `count` during the call.
        _ = unsafe read(fd, &count, 8)
    }

    static func now() -> Instant {
        var time = timespec()
        // SAFETY: the call fills `time`.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(
            nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
        )
    }

    /// - Returns: the limit from now on.
    static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        // SAFETY: both calls use the structure during the call only.
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return 0 }
        let granted = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        let isRaised = unsafe setrlimit(resource, &limit) == 0
        return Int(clamping: isRaised ? limit.rlim_max : granted)
    }

    static var processNumber: Int32 { getpid() }

    /// One datagram to a unix socket; lost where it cannot be sent at once.
    static func send(_ bytes: [UInt8], to address: SocketAddress) {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = socket(AF_UNIX, kind, 0)
        guard fd >= 0 else { return }
        defer { close(fd) }
        // SAFETY: the call reads the bytes and the address while it runs.
        _ = unsafe address.withPointer { pointer, size in
            unsafe bytes.withUnsafeBytes { bytes in
                let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
                return unsafe sendto(fd, bytes.baseAddress, bytes.count, flags, pointer, size)
            }
        }
    }

    /// strerror(3) in a form that threads may share.
    static func message(for code: Int32) -> String {
        // SAFETY: strerror_r ends the text that it puts into the room, which lives through the
        // closure.
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { room in
            guard let base = room.baseAddress else { return "error \(code)" }
            return unsafe strerror_r(code, base, room.count) == 0
                ? String(cString: base) : "error \(code)"
        }
    }

    /// Starts a thread that runs `body` to its end.
    /// - Returns: false if the system has no thread to give (RLIMIT_NPROC).
    static func startThread(
        named name: String,
        _ body: @escaping @Sendable () -> Void
    ) -> Bool {
        final class Start {
            let name: String
            let body: @Sendable () -> Void

            init(name: String, body: @escaping @Sendable () -> Void) {
                self.name = name
                self.body = body
            }

            func run() {
                unsafe name_this_thread(name)
                body()
            }
        }
        var thread = pthread_t()
        let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        // SAFETY: the new thread takes over the reference that was retained for it.
        let result = unsafe pthread_create(
            &thread,
            nil,
            { argument in
                if let argument = unsafe argument {
                    unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            },
            start.toOpaque()
        )
        guard result == 0 else {
            unsafe start.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}

extension SystemError {
    static func message(for code: Int32) -> String { SystemCalls.message(for: code) }
}

/// The events of one wait, in memory that is allocated once.
@safe final class PollEvents {
    private let events: UnsafeMutablePointer<epoll_event>
    static let capacity = 256

    init() { unsafe events = .allocate(capacity: Self.capacity) }
    deinit { unsafe events.deallocate() }

    /// Waits at most `milliseconds` and gives each event's tag and kinds to `body`.
    func wait(on poller: Int32, milliseconds: Int32, _ body: (UInt64, UInt32) -> Void) {
        // SAFETY: epoll_wait fills at most `capacity` events and returns how many.
        let count = unsafe epoll_wait(poller, events, Int32(Self.capacity), milliseconds)
        for index in 0..<Int(max(count, 0)) {
            let event = unsafe events[index]
            unsafe body(event.data.u64, event.events)
        }
    }
}
