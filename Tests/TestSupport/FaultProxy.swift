// A relay between two programs that breaks their connections on purpose.

/// What a `FaultProxy` does to the bytes of one direction. `Tests/tools/faultproxy.py` says exactly
/// what each means.
public enum Fault: Sendable {
    case delay(milliseconds: Int)
    case rate(bytesPerSecond: Int)
    /// After so many bytes both sides see the end of the connection (FIN), or a reset (RST).
    case cut(after: Int)
    case reset(after: Int)
    /// After so many bytes this direction ends (FIN); the other goes on.
    case halfClose(after: Int)
    /// After so many bytes nothing passes any more, and nobody is told.
    case blackHole(after: Int)
    case garbage(after: Int)
    case duplicateAnswers

    var mode: String {
        switch self {
        case .delay(let milliseconds): "delay=\(milliseconds)ms"
        case .rate(let bytesPerSecond): "rate=\(bytesPerSecond)B/s"
        case .cut(let count): "cut-after=\(count)"
        case .reset(let count): "rst-after=\(count)"
        case .halfClose(let count): "halfclose-after=\(count)"
        case .blackHole(let count): "blackhole-after=\(count)"
        case .garbage(let count): "garbage-after=\(count)"
        case .duplicateAnswers: "dup-answer"
        }
    }
}

/// A running `faultproxy.py` on a free port of `127.0.0.1`. It takes its faults with it when nobody
/// holds it any more.
public final class FaultProxy {
    private let program: BackgroundProgram
    private let control: HTTPReader

    public let port: Int
    public var url: String { "http://127.0.0.1:\(port)" }

    /// - Parameters:
    ///   - target: a port of `127.0.0.1`.
    ///   - up: faults of what is sent towards the target.
    ///   - down: faults of what the target sends.
    public init(to target: Int, up: [Fault] = [], down: [Fault] = []) throws {
        let modes = up.flatMap { ["--up", $0.mode] } + down.flatMap { ["--down", $0.mode] }
        program = try BackgroundProgram(
            ["python3", "\(Project.tools)/faultproxy.py", "127.0.0.1:0", "127.0.0.1:\(target)"]
                + modes + ["--control"]
        )
        let port = { (word: String, program: BackgroundProgram) in
            try program.waitForLine("its address", within: 60) { line in
                line.hasPrefix(word) ? line.split(separator: ":").last.flatMap { Int($0) } : nil
            }
        }
        self.port = try port("listening ", program)
        let socket = try Socket.connect(port: try port("control ", program))
        control = HTTPReader(socket, within: 60)
    }

    /// Takes these faults instead of the ones before, for open connections as well. Bytes are
    /// counted anew.
    public func set(up: [Fault] = [], down: [Fault] = []) throws {
        try command(["up"] + up.map(\.mode))
        try command(["down"] + down.map(\.mode))
    }

    /// Ends every connection now, in order.
    public func cutAll() throws { try command(["cut"]) }

    /// Ends every connection now, with a reset.
    public func resetAll() throws { try command(["reset"]) }

    public func stop() { program.stop() }

    private func command(_ words: [String]) throws {
        try control.socket.send(Array((words.joined(separator: " ") + "\n").utf8))
        let answer = String(decoding: try control.read(3), as: UTF8.self)
        guard answer == "ok\n" else { throw NeverCameTrue(description: "\(words): \(answer)…") }
    }
}
