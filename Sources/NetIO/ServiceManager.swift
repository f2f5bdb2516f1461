/// Whoever started the process and wants to hear how it does: systemd, as sd_notify(3) describes
/// it. Nobody waits for an answer, and what cannot be told is not told.
public struct ServiceManager: Sendable {
    private let address: SocketAddress
    /// A process that is silent for so long counts as hung; nanoseconds. `nil`: for ever.
    public let patience: Int64?

    /// - Parameters:
    ///   - socket: the value of `NOTIFY_SOCKET`, a path or `@` and an abstract name.
    ///   - patience: the value of `WATCHDOG_USEC`, in microseconds.
    ///   - process: the value of `WATCHDOG_PID`, whom `patience` is for.
    /// - Returns: `nil` if nobody wants to hear anything.
    public init?(socket: String?, patience: String?, process: String?) {
        guard let socket,
            let address = socket.utf8.first == UInt8(ascii: "@")
                ? SocketAddress(abstractName: String(socket.dropFirst()))
                : SocketAddress(unixPath: socket)
        else { return nil }
        self.address = address
        let isOurs = process.map { $0 == "\(SystemCalls.processNumber)" } ?? true
        let microseconds = isOurs ? patience.flatMap { Int64($0) } : nil
        self.patience = microseconds.flatMap {
            (1...Int64.max / 1000).contains($0) ? $0 * 1000 : nil
        }
    }

    public enum News: Sendable, Equatable {
        /// Requests are served.
        case ready
        /// The same, by this process instead of the one that the manager knows.
        case tookOver
        /// Another process does instead of this one. A manager that only believes the main process
        /// hears it from nobody else.
        case succeeded(by: Int32)
        /// The configuration is read anew; `ready` follows.
        case reloading
        /// It ends, within so many nanoseconds.
        case stopping(within: Int64)
        /// It does not hang.
        case alive

        /// As the manager reads it; times in microseconds.
        func text(now: Instant) -> String {
            switch self {
            case .ready: "READY=1\nSTATUS=taking connections"
            case .tookOver:
                "MAINPID=\(SystemCalls.processNumber)\nREADY=1\nSTATUS=taking connections"
            case .succeeded(let process): "MAINPID=\(process)"
            case .reloading:
                "RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1000)"
            case .stopping(let nanoseconds):
                "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=\(nanoseconds / 1000)"
            case .alive: "WATCHDOG=1"
            }
        }
    }

    public func tell(_ news: News) {
        SystemCalls.send(Array(news.text(now: .now).utf8), to: address)
    }
}
