import Logbook
import Synchronization

/// Looks after the files that were rotated away: compresses them, and removes those whose time is
/// over. Decides on the writer's thread; the work is done on one of its own.
struct House {
    private let path: TrailPath
    private let settings: AuditTrail.Settings
    private let operatorLog: OperatorLog
    private let isBusy = BusyFlag()
    /// Monotonic nanoseconds.
    private var nextLook: Int64 = 0
    private var nextRotation: Int64 = 0

    private static let interval: Int64 = 60_000_000_000

    init(_ path: TrailPath, _ settings: AuditTrail.Settings, _ operatorLog: OperatorLog) {
        self.path = path
        self.settings = settings
        self.operatorLog = operatorLog
    }

    /// Whether the last failure is long enough ago.
    var mayRotate: Bool { Clock.monotonic >= nextRotation }

    /// A file has become old: it is looked at soon.
    mutating func rotated() { nextLook = 0 }

    mutating func rotationFailed(_ error: AuditError) {
        nextRotation = Clock.monotonic + Self.interval
        operatorLog.log(
            .error,
            "audit.rotation_failed",
            "the audit trail goes on in the old file",
            [("error", .string(error.description))]
        )
    }

    /// Begins the work if it is time for it.
    mutating func tidy() {
        guard Clock.monotonic >= nextLook, isBusy.take() else { return }
        nextLook = Clock.monotonic + Self.interval
        let work = HouseWork(path: path, settings: settings, operatorLog: operatorLog)
        do throws(LogbookError) {
            try startThread { [isBusy] in
                work.run()
                isBusy.give()
            }
        } catch {
            isBusy.give()
        }
    }
}

private final class BusyFlag: Sendable {
    private let isTaken = Atomic<Bool>(false)

    func take() -> Bool { !isTaken.exchange(true, ordering: .acquiring) }
    func give() { isTaken.store(false, ordering: .releasing) }
}

/// One look at the rotated files.
struct HouseWork: Sendable {
    let path: TrailPath
    let settings: AuditTrail.Settings
    let operatorLog: OperatorLog

    func run() {
        guard let names = try? Files.names(in: path.directory) else { return }
        let files = path.rotatedFiles(among: names)
        let (age, isLonger) = Int64(settings.keep).multipliedReportingOverflow(
            by: settings.rotateAge)
        let oldest = isLonger ? .min : WallTime.now.nanoseconds - age
        for file in files {
            if file.time.nanoseconds < oldest {
                remove(file.path)
            } else if settings.compresses, !file.isCompressed {
                compress(file.path)
            }
        }
    }

    private func remove(_ file: String) {
        if let code = Files.remove(file) {
            return warn("could not be removed", .system(call: "unlink", path: file, code: code))
        }
        operatorLog.log(
            .info,
            "audit.removed",
            "an old file of the audit trail was removed",
            [("path", .string(file))]
        )
    }

    /// At no moment is there less than one whole file.
    private func compress(_ file: String) {
        let target = file + ".gz"
        let draft = target + ".part"
        do throws(AuditError) {
            if !Files.exists(target) {
                try Gzip.compress(file, to: draft)
                try Files.rename(draft, to: target)
                Files.synchronize(directory: path.directory)
            }
            _ = Files.remove(file)
        } catch {
            _ = Files.remove(draft)
            warn("could not be compressed", error)
        }
    }

    private func warn(_ what: String, _ error: AuditError) {
        operatorLog.log(
            .warning,
            "audit.housekeeping_failed",
            "an old file of the audit trail \(what)",
            [("error", .string(error.description))]
        )
    }
}
