import Foundation
import TestSupport
import Testing

/// What a service manager hears and hands over.
@Suite(.ownThreads) struct ServiceTests {
    /// A manager that listens, and the environment that says where.
    private struct Manager {
        let program: BackgroundProgram
        let environment: [String: String]
        private let directory: TemporaryDirectory

        init(patience: Int) throws {
            directory = try TemporaryDirectory("manager")
            let path = directory.file("notify")
            program = try BackgroundProgram(["python3", "\(Project.tools)/notified.py", path])
            _ = try program.waitForLine("the manager") { $0 == "listening" ? true : nil }
            environment = ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "\(patience)"]
        }

        /// Waits until it has heard a line that begins so, more than `count` times.
        func hears(_ beginning: String, after count: Int = 0) throws {
            _ = try program.waitForLines(beginning) { lines in
                lines.count { $0.hasPrefix(beginning) } > count ? true : nil
            }
        }

        /// How many lines that begin so it has heard.
        func count(of beginning: String) -> Int {
            program.errorLines.count { $0.hasPrefix(beginning) }
        }
    }

    private func managed(
        by manager: Manager,
        _ registry: RecordingUpstream
    ) throws -> ProxyProcess {
        var settings = ProxySettings(upstream: registry.url)
        settings.environment = manager.environment
        let proxy = try ProxyProcess(settings)
        try manager.hears("READY=1")
        return proxy
    }

    @Test("the manager hears of the start, a life, a reload and the end")
    func news() throws {
        let manager = try Manager(patience: 300_000)
        let registry = try RecordingUpstream()
        let proxy = try managed(by: manager, registry)
        try manager.hears("WATCHDOG=1", after: 2)
        proxy.program.signal(SIGHUP)
        try manager.hears("RELOADING=1 MONOTONIC_USEC=")
        try manager.hears("READY=1", after: 1)
        proxy.program.signal(SIGTERM)
        try manager.hears("STOPPING=1")
        #expect(try proxy.program.waitForExit() == 0)
    }

    @Test("the manager hears from a process that takes over that it is the main one now")
    func succession() throws {
        let manager = try Manager(patience: 300_000)
        let registry = try RecordingUpstream()
        let proxy = try managed(by: manager, registry)
        proxy.program.signal(SIGUSR2)
        let ready = try proxy.waitForEvent("ready", after: 1)
        let pid = Int32(try #require(ready.number("pid")))
        defer { kill(pid, SIGKILL) }
        try manager.hears("MAINPID=\(pid) READY=1")
        #expect(try proxy.program.waitForExit() == 0)
        try manager.hears("WATCHDOG=1", after: manager.count(of: "WATCHDOG=1"))
        #expect(manager.count(of: "STOPPING=1") == 0, "of a process that is not the main one")
        kill(pid, SIGTERM)
        try manager.hears("STOPPING=1")
    }

    @Test("a socket that was handed over is listened on")
    func activation() throws {
        let registry = try RecordingUpstream()
        let proxy = try activated(registry) { text in
            // The second listener: the one without TLS.
            let parts = text.components(separatedBy: "address: 127.0.0.1:0")
            return parts[0] + "address: 127.0.0.1:0" + parts[1] + "address: 127.0.0.1:@PORT@"
                + parts[2...].joined(separator: "address: 127.0.0.1:0")
        }
        #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200)
        let environment = try Data(contentsOf: URL(filePath: "/proc/\(proxy.pid)/environ"))
        let variables = String(decoding: environment, as: UTF8.self).split(separator: "\0")
        #expect(variables.contains("SOCKET_PORT=\(proxy.plainPort)"))
    }

    @Test("a socket that nobody asked for is an error at the start")
    func unasked() throws {
        let registry = try RecordingUpstream()
        let failure = #expect(throws: (any Error).self) { try activated(registry) { $0 } }
        #expect("\(failure, default: "")".contains("is no listen[].address"))
    }

    private func activated(
        _ registry: RecordingUpstream,
        _ change: (String) -> String
    ) throws -> ProxyProcess {
        var settings = ProxySettings(upstream: registry.url)
        settings.launcher = ["python3", "\(Project.tools)/activate.py", "registry-proxy.yaml"]
        return try ProxyProcess(settings) { directory in
            let name = "registry-proxy.yaml"
            try directory.write(change(try directory.read(name)), to: name)
        }
    }
}
