// Starting programs with posix_spawn(3). Foundation's Process is not safe to use from several
// threads at once, and its children inherit the signal mask of whatever thread started them.

import Foundation
import Glibc
import NetIO

/// A call of the system that failed.
public struct SystemCallFailed: Error, CustomStringConvertible {
    let call: String
    let code: Int32
    // SAFETY: strerror gives a static, terminated string.
    public var description: String { unsafe "\(call): \(String(cString: strerror(code)))" }
}

enum Spawn {
    /// Held while a descriptor exists that is not yet closed on exec, so that no child inherits it.
    /// The value means nothing; one of no size would seem to the thread sanitizer to lie where the
    /// mutex lies.
    static let lock = Locked(false)

    /// The environment of the tests, with the directories where daemons are.
    static let environment: [String: String] = {
        // A child that ends early must not end the tests by SIGPIPE.
        _ = signal(SIGPIPE, SIG_IGN)
        var all = ProcessInfo.processInfo.environment
        all["PATH", default: "/usr/bin:/bin"] += ":/usr/sbin:/sbin"
        return all
    }()

    /// Both ends of a pipe, closed on exec.
    static func pipe() throws -> (read: Int32, write: Int32) {
        try lock.withLock { _ in
            var ends: [Int32] = [-1, -1]
            guard unsafe Glibc.pipe(&ends) == 0 else {
                throw SystemCallFailed(call: "pipe", code: errno)
            }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return (ends[0], ends[1])
        }
    }

    /// Starts a program, found in PATH, with these descriptors as its standard ones.
    ///
    /// - Returns: its process identifier. Somebody must wait for it.
    static func start(
        _ arguments: [String],
        _ more: [String: String],
        in directory: String?,
        standard descriptors: [Int32]
    ) throws -> pid_t {
        let merged = environment.merging(more) { _, new in new }
        let change = directory.map { ["/usr/bin/env", "--chdir=\($0)"] } ?? ["/usr/bin/env"]
        let words = change + arguments
        let settings = merged.map { "\($0.key)=\($0.value)" }
        // SAFETY: the lists end in nil, and every string in them is freed after the spawn only.
        var argumentList = unsafe words.map { unsafe strdup($0) } + [nil]
        var environmentList = unsafe settings.map { unsafe strdup($0) } + [nil]
        defer {
            for index in unsafe argumentList.indices { unsafe free(argumentList[index]) }
            for index in unsafe environmentList.indices { unsafe free(environmentList[index]) }
        }
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        for (number, descriptor) in descriptors.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
        }
        // Descriptors of other tests are not always closed on exec, and a child that holds one
        // keeps it open. Closing a number that is not in use is no error.
        for number in Int32(3)..<1024 {
            unsafe posix_spawn_file_actions_addclose(&actions, number)
        }
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
        var pid: pid_t = 0
        let code = lock.withLock { _ in
            unsafe posix_spawn(
                &pid, "/usr/bin/env", &actions, &attributes, &argumentList, &environmentList)
        }
        guard code == 0 else { throw SystemCallFailed(call: "posix_spawn", code: code) }
        return pid
    }

    /// Waits for the end of a program.
    ///
    /// - Returns: its exit status, or 128 + the signal that ended it.
    static func waitForEnd(of pid: pid_t) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? status >> 8 & 0xff : 128 + signal
    }

    /// Reads what there is, at most 64 KiB; empty at the end.
    static func read(_ descriptor: Int32) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65536)
        while true {
            // SAFETY: read(2) writes at most `count` bytes to the array's own memory.
            let count = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe Glibc.read(descriptor, room.baseAddress, room.count)
            }
            if count >= 0 { return Array(bytes[0..<count]) }
            if errno != EINTR { return [] }
        }
    }

    /// Writes all of it, or as much as the other end takes.
    static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var done = 0
        while done < bytes.count {
            // SAFETY: write(2) reads at most what is left of the array from `done` on.
            let count = unsafe bytes.withUnsafeBytes { room in
                unsafe Glibc.write(descriptor, room.baseAddress! + done, room.count - done)
            }
            if count < 0 && errno != EINTR { return }
            done += max(count, 0)
        }
    }
}

/// Reads a descriptor to its end beside the test, and closes it.
final class Collector: Sendable {
    private let bytes = Locked<[UInt8]>([])
    private let isDone = DispatchSemaphore(value: 0)

    init(_ descriptor: Int32) {
        let thread = Thread { [self] in
            while true {
                let more = Spawn.read(descriptor)
                if more.isEmpty { break }
                bytes.withLock { $0 += more }
            }
            _ = Glibc.close(descriptor)
            isDone.signal()
        }
        thread.start()
    }

    /// What came, once every writer has closed; at most 5 s after the program itself has ended,
    /// because a program may leave a child that holds the pipe.
    func wait() -> [UInt8] {
        _ = isDone.wait(timeout: .now() + 5)
        return bytes.withLock { $0 }
    }
}
