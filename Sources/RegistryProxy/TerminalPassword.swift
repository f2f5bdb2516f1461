import Bytes
import Glibc
import Secrets

// Where a typed or piped password comes from; an unsafe room for terminal system calls.

/// Why there is no password.
enum PasswordInputError: Error, Equatable {
    case noTerminal
    /// The person pressed ^C or ^D.
    case cancelled
    case tooLong
    case unreadable

    var description: String {
        switch self {
        case .noTerminal: "there is no terminal to ask on (--stdin reads standard input)"
        case .cancelled: "cancelled"
        case .tooLong: "the password is too long (at most 256 bytes)"
        case .unreadable: "the password cannot be read"
        }
    }
}

/// Asks for passwords. A value, so that a test can answer instead.
struct PasswordInput: Sendable {
    /// Shows the prompt on the terminal and reads one line without showing it.
    var terminal: @Sendable (_ prompt: String) throws(PasswordInputError) -> SecretBytes
    /// Reads all of standard input, without one newline at its end.
    var standardInput: @Sendable () throws(PasswordInputError) -> SecretBytes

    /// Whether a person sits at standard input.
    var hasTerminal: @Sendable () -> Bool = { isatty(STDIN_FILENO) == 1 }

    static let real = PasswordInput(terminal: askOnTerminal, standardInput: readStandardInput)

    /// The longest password that a login can have (product.md section 4).
    static let longest = 256
}

private func askOnTerminal(_ prompt: String) throws(PasswordInputError) -> SecretBytes {
    // SAFETY: the path is a C string for the time of the call.
    let terminal = unsafe open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard terminal >= 0 else { throw .noTerminal }
    defer { close(terminal) }
    var before = termios()
    // SAFETY: tcgetattr(3) and tcsetattr(3) use the structure during the call only.
    guard unsafe tcgetattr(terminal, &before) == 0 else { throw .noTerminal }
    var silent = before
    // Neither echo nor signals: a ^C that ended the process here would leave the terminal mute.
    silent.c_lflag &= ~tcflag_t(ECHO | ECHONL | ICANON | ISIG)
    guard unsafe tcsetattr(terminal, TCSAFLUSH, &silent) == 0 else { throw .noTerminal }
    defer {
        unsafe tcsetattr(terminal, TCSAFLUSH, &before)
        show("\n", on: terminal)
    }
    show(prompt, on: terminal)
    return try typedLine(from: terminal)
}

/// Reads up to Enter, with the keys that take back the last character or the line.
private func typedLine(from terminal: Int32) throws(PasswordInputError) -> SecretBytes {
    var line = TypedLine()
    while true {
        var byte: UInt8 = 0
        // SAFETY: read(2) writes at most the one byte.
        let count = unsafe read(terminal, &byte, 1)
        if count < 0, errno == EINTR { continue }
        guard count == 1 else { throw .unreadable }
        if let password = try line.take(byte) { return password }
    }
}

/// A line as it is typed on a terminal that does not edit it.
struct TypedLine {
    private var bytes = SecretBuffer(capacity: PasswordInput.longest)
    private var isTooLong = false

    /// - Returns: the line, when `byte` ends it.
    mutating func take(_ byte: UInt8) throws(PasswordInputError) -> SecretBytes? {
        switch byte {
        case 0x0A, 0x0D:
            if isTooLong { throw .tooLong }
            return SecretBytes(copying: bytes.bytes)
        case 0x03, 0x04: throw .cancelled
        case 0x08, 0x7F: removeLastCharacter()
        case 0x15:
            bytes.wipe()
            isTooLong = false
        default:
            if bytes.count < bytes.capacity { bytes.append(byte) } else { isTooLong = true }
        }
        return nil
    }

    /// A character may be several bytes of UTF-8.
    private mutating func removeLastCharacter() {
        var end = bytes.count
        repeat { end -= 1 } while end > 0 && bytes.bytes[end] & 0xC0 == 0x80
        let kept = SecretBuffer(capacity: bytes.capacity)
        for index in 0..<max(end, 0) { kept.append(bytes.bytes[index]) }
        bytes = kept
    }
}

private func show(_ text: String, on terminal: Int32) {
    let bytes = Array(text.utf8)
    // SAFETY: the pointer stays inside the closure and has `count` bytes.
    _ = unsafe bytes.withUnsafeBytes { unsafe write(terminal, $0.baseAddress, $0.count) }
}

private func readStandardInput() throws(PasswordInputError) -> SecretBytes {
    // One for the newline, one to see that there is more.
    let bytes = SecretBuffer(capacity: PasswordInput.longest + 2)
    while bytes.count < bytes.capacity {
        var byte: UInt8 = 0
        // SAFETY: read(2) writes at most the one byte.
        let count = unsafe read(STDIN_FILENO, &byte, 1)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw .unreadable }
        if count == 0 { break }
        bytes.append(byte)
    }
    let all = bytes.bytes
    let endsInNewline = all.count > 0 && all[all.count - 1] == UInt8(ascii: "\n")
    let password = all.extracting(0..<(endsInNewline ? all.count - 1 : all.count))
    guard password.count <= PasswordInput.longest else { throw .tooLong }
    return SecretBytes(copying: password)
}
