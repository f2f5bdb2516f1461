import AuditTrail
import Glibc
import Logbook
import NetIO
import ProxyConfig
import ProxyServer

/// Another process of the same installation takes over without a refused connection (`SIGUSR2`):
/// the binary on disk is started with the sockets that are listened on, and when it serves this one
/// ends what it has begun.
///
/// Until both have become one again they write to the audit trail by turns, and lock by the same
/// locks what requests change.
extension Serve {
    /// Starts the binary on disk with this process's arguments. What may keep it from serving is
    /// known later: `successorServes`.
    mutating func startSuccessor() {
        if let obstacle = obstacleToHandOver {
            return log.log(.error, "handover.refused", "this process goes on: \(obstacle)")
        }
        guard let program else { return }
        guard audit?.keep(.successor, within: 2 * Self.second) ?? true else {
            return stayAlone("the audit trail's writer is busy")
        }
        do throws(SystemError) {
            let locks = try ByteLocks()
            server.lock(by: locks)
            let new = try Successor.start(program, listening: server.sockets, locks: locks)
            successor = new
            successorDeadline = .now.advanced(by: Self.longestStart)
            agenda.beginGlances(at: .now)
            log.log(
                .info,
                "handover.started",
                "the binary on disk is started with the sockets that are listened on",
                [("program", .string(program)), ("successor", .int(Int(new.pid)))]
            )
        } catch {
            stayAlone("\(error)")
        }
    }

    /// Why there can be no hand-over now; `nil`: there can.
    private var obstacleToHandOver: String? {
        if successor != nil { return "a hand-over has begun already" }
        if predecessor != nil { return "the process that it took over from has not ended yet" }
        if program == nil { return "/proc does not tell which program it is" }
        if getpid() == 1 {
            return "it is process 1, and all others would end with it (replace the container)"
        }
        return nil
    }

    /// How long a new process may take until it serves; nanoseconds.
    private static let longestStart: Int64 = 60_000_000_000

    /// Looks what has become of the new process.
    ///
    /// - Returns: whether it serves.
    mutating func successorServes() -> Bool {
        guard let successor else { return false }
        switch successor.state {
        case .ready: return true
        case .failed(let status):
            stayAlone(
                status >= 0
                    ? "the new process ended with exit status \(status); its messages say why"
                    : "the new process was ended by signal \(-status)"
            )
        case .starting where .now >= successorDeadline:
            giveUpSuccessor("the new process did not serve within a minute")
        case .starting: break
        }
        return false
    }

    /// Ends the new process, if it has not taken over.
    mutating func giveUpSuccessor(_ reason: String) {
        guard let successor else { return }
        successor.kill()
        stayAlone(reason)
    }

    private mutating func stayAlone(_ reason: String) {
        agenda.endGlances()
        successor = nil
        server.lock(by: nil)
        _ = audit?.keep(.nobody, within: 2 * Self.second)
        log.log(.error, "handover.failed", "this process goes on: \(reason)")
    }

    /// Ends what this process has begun.
    mutating func retire() -> ExitCode {
        if let successor { manager?.tell(.succeeded(by: successor.pid)) }
        server.beginHandOver()
        log.log(
            .info,
            "handover.done",
            "the new process takes all connections; this one ends what it has begun",
            [("successor", .int(Int(successor?.pid ?? 0)))]
        )
        let grace = min(Self.grace, transferTime)
        _ = hasStopped.wait(within: grace, unless: [SIGTERM, SIGINT])
        return end(cuttingAfter: transferTime - grace)
    }

    /// How long connections without a request may wait for their last one; nanoseconds. A client
    /// that sends one while its connection closes would have to try again.
    private static let grace: Int64 = 5_000_000_000

    /// Once the process before has ended, this one is alone.
    mutating func leavePredecessorBehind() {
        guard let predecessor, predecessor.isGone else { return }
        self.predecessor = nil
        server.lock(by: nil)
        _ = audit?.keep(.nobody, within: Self.second)
        log.log(.info, "handover.ended", "the process before this one has ended")
    }
}
