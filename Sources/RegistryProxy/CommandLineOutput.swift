import Bytes
import Glibc
import ProxyConfig

// What a command says and how it ends; an unsafe room for write(2).

/// Exit codes (product.md section 2).
enum ExitCode: Int32 {
    case done = 0
    case no = 1
    case wrongUsage = 2
    case wrongConfiguration = 3
    case unavailable = 4
}

/// All that a short command does to the outside, as a value.
struct CommandOutcome: Equatable {
    var exitCode = ExitCode.done
    var standardOutput = ""
    var standardError = ""

    init(_ exitCode: ExitCode = .done, standardOutput: String = "", standardError: String = "") {
        self.exitCode = exitCode
        self.standardOutput = standardOutput
        self.standardError = standardError
    }

    /// Writes the texts.
    ///
    /// - Returns: the exit code for the process; 4 if standard output could not be written.
    func emit() -> Int32 {
        write(standardError, to: STDERR_FILENO)
        let isWritten = write(standardOutput, to: STDOUT_FILENO)
        return isWritten || exitCode != .done ? exitCode.rawValue : ExitCode.unavailable.rawValue
    }
}

/// Standard output of a command that prints more than fits into memory. One thread.
final class StandardOutput {
    private let descriptor: Int32
    private var waiting: [UInt8] = []
    private var isBroken = false

    private static let piece = 64 * 1024

    /// - Parameter descriptor: another one than 1 in tests; it is not closed.
    init(descriptor: Int32 = STDOUT_FILENO) { self.descriptor = descriptor }

    func write(_ bytes: borrowing Span<UInt8>) {
        waiting.append(copying: bytes)
        if waiting.count >= Self.piece { flush() }
    }

    func write(_ text: String) { write(Array(text.utf8).span) }

    /// - Returns: whether everything so far could be written.
    @discardableResult
    func flush() -> Bool {
        if !isBroken { isBroken = !RegistryProxy.write(waiting[...], to: descriptor) }
        waiting.removeAll(keepingCapacity: true)
        return !isBroken
    }
}

@discardableResult
private func write(_ text: String, to descriptor: Int32) -> Bool {
    write(Array(text.utf8)[...], to: descriptor)
}

private func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
        // SAFETY: the pointer stays inside the closure and has `count` bytes.
        let count = unsafe rest.withUnsafeBytes { bytes in
            unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        rest.removeFirst(count)
    }
    return true
}

func mayColourStandardError() -> Bool { mayColour(STDERR_FILENO) }

/// Whether what is written there may be coloured: a terminal, and `NO_COLOR` unset or empty
/// (no-color.org).
func mayColour(_ descriptor: Int32) -> Bool {
    isatty(descriptor) == 1 && (Environment["NO_COLOR"] ?? "").isEmpty
}

/// What whoever started the program has set for it.
enum Environment {
    /// - Returns: `nil` if it is not set.
    static subscript(name: String) -> String? {
        // SAFETY: nothing in this program changes its environment; the text is copied at once.
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// The path of this program; `nil` if the system does not tell. To be asked at the start: later
    /// another may have taken its place, and then it is that of a file without a name.
    static var program: String? {
        var room = [CChar](repeating: 0, count: Int(PATH_MAX))
        // SAFETY: readlink writes at most as many bytes as it is told that there are.
        let count = unsafe readlink("/proc/self/exe", &room, room.count)
        let bytes = room.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
        return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
}

/// One line per problem, `FILE:LINE:COL: key.path: what is wrong (what is allowed)`.
func lines(of problems: [ConfigurationError], prefix: String = "", isColoured: Bool) -> String {
    problems
        .map { problem in
            let key = problem.key.isEmpty ? "" : "\(problem.key): "
            let place = isColoured ? "\u{1B}[1m\(problem.place):\u{1B}[0m" : "\(problem.place):"
            return "\(prefix)\(place) \(key)\(problem.message)\n"
        }
        .joined()
}
