import CLinux
import Glibc

// A hand-over from one process of the program to the next. The first starts the second with the
// sockets it listens on; when the second serves, it says so, and the first ends what it has begun.
//
// An unsafe room: posix_spawn(3) and what it takes.

/// The process that is to take over from this one.
public final class Successor {
    public let pid: Int32
    /// Where it says that it serves.
    private let news: Int32

    public enum State: Sendable, Equatable {
        case starting
        /// It serves.
        case ready
        /// It has ended. With an exit status or, negative, by a signal.
        case failed(Int32)
    }

    /// Starts `program` with this process's own arguments.
    ///
    /// - Parameter locks: what both of them lock by.
    public static func start(
        _ program: String,
        listening sockets: [BoundSocket],
        locks: ByteLocks
    ) throws(SystemError) -> Successor {
        var reading: Int32 = -1
        var writing: Int32 = -1
        // SAFETY: both are filled during the call.
        guard unsafe make_pipe(&reading, &writing) == 0 else {
            throw SystemError(call: "pipe2", code: errno)
        }
        defer { Glibc.close(writing) }
        let handed = sockets.map(\.fd) + [writing, locks.fd]
        let environment = Predecessor.environment(socketCount: sockets.count)
        do throws(SystemError) {
            let pid = try spawn(program, environment: environment, handing: handed)
            return Successor(pid: pid, news: reading)
        } catch {
            Glibc.close(reading)
            throw error
        }
    }

    private init(pid: Int32, news: Int32) {
        self.pid = pid
        self.news = news
    }

    deinit { Glibc.close(news) }

    /// What has become of it. Does not wait.
    public var state: State {
        var byte: UInt8 = 0
        // SAFETY: read(2) writes at most one byte.
        let count = unsafe Glibc.read(news, &byte, 1)
        if count == 1 { return .ready }
        // The other end is closed with the process.
        return count == 0 ? .failed(reap()) : .starting
    }

    /// Ends it at once, if it has not taken over.
    public func kill() {
        Glibc.kill(pid, SIGKILL)
        _ = reap()
    }

    private func reap() -> Int32 {
        var status: Int32 = 0
        // SAFETY: waitpid fills the status.
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : -signal
    }
}

/// The process that this one takes over from.
public struct Predecessor: Sendable {
    private let pid: Int32
    private let news: Int32
    /// What both of them lock by.
    public let locks: ByteLocks
    let socketCount: Int32

    /// The variable by which it tells of itself.
    public static let variable = "REGISTRY_PROXY_PREDECESSOR"

    /// - Parameter text: the value of `REGISTRY_PROXY_PREDECESSOR`: the process and how many
    ///   sockets it has handed over. Theirs are the first descriptors, then come the news and the
    ///   locks.
    /// - Returns: `nil` if there is none, or it is gone.
    public init?(_ text: String?) {
        let parts = (text ?? "").split(separator: ":").map { Int32($0) }
        guard parts.count == 2, let pid = parts[0], let count = parts[1], pid == getppid(),
            (0...InheritedSockets.most).contains(count)
        else { return nil }
        self.pid = pid
        socketCount = count
        news = InheritedSockets.first + count
        guard SystemCalls.makeOurs(news), let locks = ByteLocks(inherited: news + 1) else {
            return nil
        }
        self.locks = locks
    }

    /// For `Successor`.
    static func environment(socketCount: Int) -> [String] {
        ["LISTEN_FDS=\(socketCount)", "\(variable)=\(getpid()):\(socketCount)"]
    }

    /// Variables that are about one process only.
    static let ownVariables = [
        variable, "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID",
    ]

    /// Says that this process serves now. To be called once.
    public func tellReady() {
        var byte: UInt8 = 1
        // SAFETY: write(2) reads the byte during the call.
        _ = unsafe write(news, &byte, 1)
        Glibc.close(news)
    }

    /// Whether it has ended.
    public var isGone: Bool { getppid() != pid }
}

/// - Parameters:
///   - environment: `NAME=value` beside what this process has.
///   - descriptors: become 3 and those that follow.
private func spawn(
    _ program: String,
    environment: [String],
    handing descriptors: [Int32]
) throws(SystemError) -> Int32 {
    // SAFETY: everything that is made here is destroyed here; the C strings live until then.
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    var signals = sigset_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    // First above all places, so that none is overwritten that is still needed.
    let first = InheritedSockets.first
    let above = descriptors.map { fcntl($0, F_DUPFD_CLOEXEC, first + Int32(descriptors.count)) }
    for (place, descriptor) in above.enumerated() {
        unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, first + Int32(place))
    }
    let variables = unsafe (inheritedEnvironment() + environment).map { unsafe strdup($0) } + [nil]
    defer {
        for descriptor in above where descriptor >= 0 { Glibc.close(descriptor) }
        for index in unsafe variables.indices { unsafe free(variables[index]) }
        unsafe posix_spawn_file_actions_destroy(&actions)
        unsafe posix_spawnattr_destroy(&attributes)
    }
    if above.contains(where: { $0 < 0 }) { throw SystemError(call: "fcntl", code: EMFILE) }
    var pid: pid_t = 0
    let code = unsafe posix_spawn(
        &pid, program, &actions, &attributes, start_arguments(), variables)
    guard code == 0 else { throw SystemError(call: "posix_spawn", code: code) }
    return pid
}

/// This process's variables, without those that are about it alone.
private func inheritedEnvironment() -> [String] {
    var variables: [String] = []
    // SAFETY: the list ends with a null pointer; nothing in this program changes it.
    var place = unsafe environ
    while let variable = unsafe place.pointee {
        variables.append(unsafe String(cString: variable))
        unsafe place += 1
    }
    return variables.filter { variable in
        !Predecessor.ownVariables.contains { variable.hasPrefix("\($0)=") }
    }
}
