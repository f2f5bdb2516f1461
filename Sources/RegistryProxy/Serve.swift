import Authentication
import Glibc
import Logbook
import NetIO
import NetTLS
import ProxyConfig
import ProxyServer
import Secrets
import Synchronization

/// `registry-proxy serve`: starts the server and does what signals say until it has ended.
struct Serve {
    private let configuration: Configuration
    private let log: OperatorLog
    private let signals: SignalQueue
    private let logins: LoginDesk?
    private let logWriter: LogWriter
    private let server: Server

    /// Ends the process once the server has stopped.
    /// - Returns: the exit code, if it could not start.
    static func run(_ configuration: Configuration) -> ExitCode {
        let log = OperatorLog(.init(configuration.log.level))
        do {
            let serve = try Serve(configuration, log)
            // Here and not by the caller: the loops turn until the very end and need their server.
            exit(try serve.run().rawValue)
        } catch let error as Server.StartFailure {
            return report(error, to: log)
        } catch {
            log.log(.error, "start.failed", "\(error)")
            return .unavailable
        }
    }

    private init(_ configuration: Configuration, _ log: OperatorLog) throws {
        self.configuration = configuration
        self.log = log
        // Before any thread exists: all of them inherit which signals are blocked.
        signals = try SignalQueue([SIGTERM, SIGINT, SIGHUP, SIGUSR1])
        TLSContext.placeRecordBuffers()
        logins = try Assembly.logins(from: configuration)
        logWriter = try LogWriter(.init(configuration.log.access.path), operatorLog: log)
        guard let settings = Assembly.settings(from: configuration) else {
            preconditionFailure("the configuration reader let an address through")
        }
        server = try Server(
            settings,
            Server.Parts(
                logins: logins,
                logWriter: logWriter,
                logFormat: .init(configuration.log.access.format),
                operatorLog: log
            )
        )
    }

    private func run() throws -> ExitCode {
        try server.start(whenStopped: { [signals] in signals.wake() })
        announce()
        while true {
            switch signals.wait() {
            case .signal(SIGHUP): reload()
            case .signal(SIGUSR1): reopenLogs()
            case .signal(SIGTERM), .signal(SIGINT): return drain()
            case .signal, .woken, .timedOut: break
            }
        }
    }

    private func announce() {
        var details: [(StaticString, OperatorLog.Value)] = [
            ("listen", .stringArray(server.listenURLs))
        ]
        if let admin = server.adminURL { details.append(("admin", .string(admin))) }
        details.append(("pid", .int(Int(getpid()))))
        log.log(.info, "ready", "taking connections", details)
    }

    private static func report(_ failure: Server.StartFailure, to log: OperatorLog) -> ExitCode {
        switch failure {
        case .address(let address, let error):
            log.log(
                .error,
                "start.failed", "cannot listen on \(address.authority): \(error)"
            )
            return .unavailable
        case .certificate(let files, let error):
            log.log(.error, "start.failed", "\(files.chain): \(error)")
            return .wrongConfiguration
        case .system(let error):
            log.log(.error, "start.failed", "\(error)")
            return .unavailable
        }
    }
}

/// What the signals ask for.
extension Serve {
    /// Reads the users and the certificates again: all of them, or none if anything is wrong.
    private func reload() {
        let problems = Assembly.problems(in: configuration)
        var errors = problems.map(\.description)
        if errors.isEmpty {
            do {
                if let file = configuration.auth.htpasswd?.file, let logins {
                    try logins.replaceUsers(PasswordFile.load(path: file.path))
                }
                try server.reloadCertificates()
            } catch {
                errors.append("\(error)")
            }
        }
        server.noteReload(succeeded: errors.isEmpty)
        guard errors.isEmpty else {
            log.log(
                .error,
                "config.refused",
                "what was in use stays in use",
                [("errors", .stringArray(errors))]
            )
            return
        }
        log.log(
            .info,
            "config.reloaded",
            "users and certificates were read again",
            [("generation", .int(server.generation)), ("changes", .stringArray([]))]
        )
    }

    private func reopenLogs() {
        server.handOverLogs { [logWriter] in logWriter.reopen() }
    }

    /// Lets running transfers end within `timeouts.drain`, then cuts them.
    private func drain() -> ExitCode {
        log.log(.info, "draining", "no new connections are taken")
        server.beginDrain()
        let seconds = configuration.timeouts.drain.nanoseconds
        let isDone = awaitEnd(within: seconds)
        var cut = 0
        if !isDone { cut = cutTransfers() }
        server.handOverLogs { [signals] in signals.wake() }
        _ = signals.wait(milliseconds: 1000)
        _ = logWriter.flush(within: .seconds(2))
        log.log(.info, "stopped", "the proxy has stopped", [("cut", .int(cut))])
        return .done
    }

    /// - Returns: false if the time is over or a second signal says to end at once.
    private func awaitEnd(within nanoseconds: Int64) -> Bool {
        let deadline = Instant.now.advanced(by: nanoseconds)
        while true {
            let left = deadline.nanoseconds(since: .now) / 1_000_000
            guard left > 0 else { return false }
            switch signals.wait(milliseconds: Int32(clamping: left)) {
            case .woken: return true
            case .timedOut, .signal(SIGTERM), .signal(SIGINT): return false
            case .signal: break
            }
        }
    }

    /// - Returns: how many.
    private func cutTransfers() -> Int {
        let cut = CutCount()
        server.cutAll { [signals] count in
            cut.value.store(count, ordering: .relaxed)
            signals.wake()
        }
        _ = awaitEnd(within: 1_000_000_000)
        _ = awaitEnd(within: 200_000_000)
        return cut.value.load(ordering: .relaxed)
    }
}

private final class CutCount: Sendable {
    let value = Atomic<Int>(0)
}
