import AuditTrail
import Glibc
import Logbook
import NetIO
import NetTLS
import ProxyConfig
import ProxyServer
import Synchronization

/// `registry-proxy serve`: starts the server and does what signals and changed files ask for, until
/// it has ended.
struct Serve {
    /// What is in force, as the operator wrote it.
    var configuration: Configuration
    var files: ConfigurationFiles
    var agenda: Agenda
    let log: OperatorLog
    let server: Server
    /// `nil`: there is no audit trail.
    let audit: AuditDesk?
    let signals: SignalQueue
    /// After a drain the last connection has ended.
    let hasStopped: Milestone
    /// `nil`: nobody wants to hear how it does.
    let manager: ServiceManager?
    private let inherited: [BoundSocket]
    /// Where the program was at the start; `nil`: the system does not tell.
    let program = Environment.program
    /// Until it has ended.
    var predecessor: Predecessor?
    /// Until it has taken over.
    var successor: Successor?
    var successorDeadline = Instant.never

    /// Ends the process once the server has stopped.
    /// - Returns: the exit code, if it could not start.
    static func run(
        _ candidate: ConfigurationFiles.Candidate,
        _ files: ConfigurationFiles
    ) -> ExitCode {
        let log = OperatorLog(.init(candidate.configuration.log.level))
        do {
            var serve = try Serve(candidate, files, log)
            // Here and not by the caller: the loops turn until the very end and need their server.
            quit(try serve.run())
        } catch let error as Server.StartFailure {
            return report(error, to: log)
        } catch let error as AuditError {
            log.log(.error, "start.failed", "\(error)")
            return error.isOfConfiguration ? .wrongConfiguration : .unavailable
        } catch {
            log.log(.error, "start.failed", "\(error)")
            return .unavailable
        }
    }

    private init(
        _ candidate: ConfigurationFiles.Candidate,
        _ files: ConfigurationFiles,
        _ log: OperatorLog
    ) throws {
        configuration = candidate.configuration
        self.files = files
        self.files.accept(candidate)
        self.log = log
        Self.tell(of: candidate.warnings, log)
        predecessor = Predecessor(Environment[Predecessor.variable])
        inherited = try InheritedSockets.take(
            count: Environment["LISTEN_FDS"],
            process: Environment["LISTEN_PID"],
            predecessor: predecessor
        )
        manager = ServiceManager(
            socket: Environment["NOTIFY_SOCKET"],
            patience: Environment["WATCHDOG_USEC"],
            process: Environment["WATCHDOG_PID"]
        )
        agenda = Agenda(now: .now, patience: manager?.patience)
        // Before any thread exists: all of them inherit which signals are blocked.
        signals = try SignalQueue([SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2])
        hasStopped = Milestone(among: signals)
        Self.raiseDescriptorLimit(for: configuration.limits.connections, log)
        TLSContext.placeRecordBuffers()
        audit = try configuration.log.audit?.open(
            operatorLog: log,
            company: predecessor == nil ? .nobody : .predecessor
        )
        server = try Server(
            candidate.assembly.makeGeneration(operatorLog: log, audit: audit),
            operatorLog: log,
            audit: audit
        )
    }

    private mutating func run() throws -> ExitCode {
        server.lock(by: predecessor?.locks)
        try server.start(
            inherited: inherited,
            isTakingOver: predecessor != nil,
            whenStopped: { [hasStopped] in hasStopped.reach() }
        )
        recordStart()
        announce()
        predecessor?.tellReady()
        manager?.tell(predecessor == nil ? .ready : .tookOver)
        warnOfExpiry()
        warnOfKeyInMemory()
        while true {
            switch signals.wait(milliseconds: agenda.pause(from: .now)) {
            case .signal(SIGHUP): agenda.wantReload()
            case .signal(SIGUSR1): reopenLogs()
            case .signal(SIGUSR2): startSuccessor()
            case .signal(SIGTERM), .signal(SIGINT): return drain()
            case .signal, .woken, .timedOut: break
            }
            doWhatIsDue()
            if agenda.takeGlance(at: .now), successorServes() { return retire() }
        }
    }

    private mutating func doWhatIsDue() {
        if agenda.takeLook(at: .now) {
            if files.haveChanged() { agenda.wantReload() }
            agenda.note(connectionCount: server.connectionCount, at: .now)
            leavePredecessorBehind()
        }
        if agenda.takeReload(at: .now) {
            reload()
            agenda.reloadEnded(at: .now)
        }
        if agenda.takeTidying(at: .now) { FreeMemory.giveBack() }
        if agenda.takeDay(at: .now) { warnOfExpiry() }
        if agenda.takeWord(at: .now) {
            server.whenLoopsHaveTurned { [manager] in manager?.tell(.alive) }
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

    /// A client's connection can need one to the registry, too.
    private static func raiseDescriptorLimit(for connections: Int, _ log: OperatorLog) {
        let (granted, wanted) = (DescriptorLimit.raise(), 2 * connections + 100)
        guard granted < wanted else { return }
        log.log(
            .warning,
            "limits.descriptors",
            "limits.connections wants \(wanted) open files (two for each), and the system grants "
                + "\(granted): raise LimitNOFILE or ulimit -n, or lower limits.connections",
            [("granted", .int(granted)), ("wanted", .int(wanted))]
        )
    }

    private func recordStart() {
        guard let audit else {
            return log.log(
                .warning, "audit.off", "nothing records who changed what: log.audit is absent")
        }
        audit.note(AuditRecord(.serverStarted))
        audit.noteLoaded(generation: server.generation.number, changes: [])
    }

    private static func report(_ failure: Server.StartFailure, to log: OperatorLog) -> ExitCode {
        switch failure {
        case .address(let address, let error):
            log.log(
                .error,
                "start.failed", "cannot listen on \(address.authority): \(error)"
            )
            return .unavailable
        case .unasked(let address):
            log.log(
                .error,
                "start.failed",
                "LISTEN_FDS has a socket at \(address.authority), which is no listen[].address"
            )
            return .wrongConfiguration
        case .system(let error):
            log.log(.error, "start.failed", "\(error)")
            return .unavailable
        case .randomness(let error):
            log.log(.error, "start.failed", "\(error)")
            return .unavailable
        }
    }
}

/// What the other signals ask for.
extension Serve {
    private func reopenLogs() {
        let writer = server.generation.accessLog.writer
        server.handOverLogs { writer.reopen() }
        audit?.reopen()
    }

    private mutating func drain() -> ExitCode {
        // One that serves already has clients: it is not ended with this process.
        if successorServes() { return retire() }
        log.log(.info, "draining", "no new connections are taken")
        giveUpSuccessor("this process was told to end")
        let patience = configuration.timeouts.drain.nanoseconds
        manager?.tell(.stopping(within: patience + Self.longestEnd))
        return end(cuttingAfter: transferTime)
    }

    /// How long running transfers may go on, so that all has ended within `timeouts.drain`: their
    /// last words, and those of the audit trail, need a moment.
    var transferTime: Int64 {
        let patience = configuration.timeouts.drain.nanoseconds
        return patience - min(patience / 10, Self.second)
    }

    /// Lets running transfers end, and cuts them after `patience` nanoseconds.
    func end(cuttingAfter patience: Int64) -> ExitCode {
        server.beginDrain()
        var cut = 0
        if !hasStopped.wait(within: patience, unless: [SIGTERM, SIGINT]) { cut = cutTransfers() }
        handOverLogs()
        if let audit, !audit.close(within: Self.longestGoodbye) {
            log.log(.error, "audit.incomplete", "records of the audit trail are lost")
        }
        log.log(.info, "stopped", "the proxy has stopped", [("cut", .int(cut))])
        return .done
    }

    /// The most that follows after the transfers have ended, on a disk that hangs; nanoseconds.
    private static let longestEnd: Int64 = 10_000_000_000

    /// How long the audit trail's last records may take; nanoseconds.
    private static let longestGoodbye: Int64 = 5_000_000_000

    /// - Returns: how many.
    private func cutTransfers() -> Int {
        // It may be busy for seconds with what is pushed here, and the time is over. Who was
        // promised anything has had it.
        audit?.stopWaitingForDisk()
        let count = CutCount()
        let isCut = Milestone(among: signals)
        server.cutAll {
            count.value.store($0, ordering: .relaxed)
            isCut.reach()
        }
        _ = isCut.wait(within: Self.second)
        // Their lines are written as they end.
        _ = hasStopped.wait(within: Self.second)
        return count.value.load(ordering: .relaxed)
    }

    /// Brings the last lines of the access log to their file.
    private func handOverLogs() {
        let isWithWriter = Milestone(among: signals)
        server.handOverLogs { isWithWriter.reach() }
        if !isWithWriter.wait(within: Self.second) {
            log.log(.error, "log.incomplete", "lines of the access log are lost")
        }
        _ = server.generation.accessLog.writer.flush(within: .seconds(2))
    }

    static let second: Int64 = 1_000_000_000
}

extension AuditError {
    /// Whether the trail's file or key is not what it should be; else the disk is not.
    fileprivate var isOfConfiguration: Bool {
        switch self {
        case .notATrail, .damagedCompression, .key: true
        case .system, .inUse, .noThread: false
        }
    }
}

private final class CutCount: Sendable {
    let value = Atomic<Int>(0)
}
