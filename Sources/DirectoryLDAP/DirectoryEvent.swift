public import Bytes
import NetIO

/// What the operator should hear of the directory.
public enum DirectoryEvent: Sendable, Equatable {
    /// A server does not answer any more; it is asked again every few seconds.
    case down(server: String, reason: String)
    case up(server: String)
    /// The service account is refused: nobody can log in. At most once a minute for each server.
    case serviceRefused(server: String, reason: String)
    /// A login could not be decided.
    case undecided(user: ByteString, reason: String)
    /// A login was refused for a reason that its user may not be told.
    case refused(user: ByteString, reason: String)
}

/// One step of a login, for `ldap-check`.
public struct DirectoryProgress: Sendable {
    public let step: DirectoryStep
    /// What came out of it.
    public let detail: String
    /// Since the step before.
    public let nanoseconds: Int64
}

/// Tells the steps of a login to whoever wants to know.
final class Trace: Sendable {
    private let tell: (@Sendable (DirectoryProgress) -> Void)?
    private let last = Locked(Instant.now)

    static let silent = Trace(nil)

    init(_ tell: (@Sendable (DirectoryProgress) -> Void)?) { self.tell = tell }

    func done(_ step: DirectoryStep, _ detail: @autoclosure () -> String) {
        guard let tell else { return }
        let now = Instant.now
        let taken = last.withLock { last in
            defer { last = now }
            return now.nanoseconds(since: last)
        }
        tell(DirectoryProgress(step: step, detail: detail(), nanoseconds: taken))
    }
}
