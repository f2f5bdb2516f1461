public import AccessControl
public import Bytes
import Glibc
public import NetIO
import Secrets
import Synchronization

/// The robot tokens of an installation: one file that only grows, read and written by every
/// instance that shares it.
///
/// A thread looks at the file four times a second, so that a token which was revoked anywhere stops
/// working everywhere within that time. All else but `mint` and `revoke` returns at once; those two
/// write to the disk and belong on a thread that may block.
public final class RobotStore: Sendable {
    public let path: String
    private let file: AppendedFile
    /// What is known, for whoever asks; nobody reads a file while holding it.
    private let state = Locked(State())
    private let reader = Locked(Reader())
    private let current = Atomic<UInt64>(1)
    private let writer: BlockingPool
    private let tell: @Sendable (RobotChange) -> Void

    /// How far the file was read, and what stands there.
    private struct Reader: Sendable {
        var book = RobotBook()
        var place = AppendedFile.Place()
        var problem: RobotFileError?
        /// Whether `book` is of the file's begin, so that what is added to it is new.
        var knowsBefore = false
    }

    private struct State: Sendable {
        var book = RobotBook()
        /// Why nothing can be told about any token; `nil`: all is well.
        var problem: RobotFileError?
        /// When use of a token was last written down, or is about to be.
        var noted: [ByteString: Moment] = [:]
    }

    /// How many tokens an owner may have that are good.
    public static let mostPerOwner = 200
    /// The most bytes that are read at once.
    static let largestByteCount = 256 << 20
    /// Use of a token is written down once in so many seconds.
    static let useInterval: Int64 = 3600
    /// The same where it could not be written.
    static let failedUseInterval: Int64 = 60

    /// What the file calls whoever uses the command line.
    public static let commandLine: ByteString = "command line"

    /// Reads the file; a missing one is empty. Nothing is watched yet.
    ///
    /// - Parameter tell: hears of what the command line does from now on; called on any thread.
    public init(
        path: String,
        tell: @escaping @Sendable (RobotChange) -> Void = { _ in }
    ) throws {
        self.path = path
        self.tell = tell
        file = AppendedFile(path)
        writer = try BlockingPool(name: "robot tokens", threadCount: 1, queueLimit: 256)
        refresh()
        if let problem = problem { throw problem }
    }

    /// Changes with every change of what `robot` says.
    public var revision: UInt64 { current.load(ordering: .acquiring) }

    /// Why nothing can be told about any token now.
    public var problem: RobotFileError? { state.withLock { $0.problem } }

    /// Reads a file without using it; for `check`.
    ///
    /// - Returns: lines that a crash has left unfinished; they count as not there.
    public static func tornLines(path: String) throws -> [Int] {
        let place = AppendedFile.Place()
        let piece = try AppendedFile(path).read(behind: place, limit: largestByteCount)
        var book = RobotBook()
        try book.add(piece.lines.span)
        return book.tornLines
    }

    /// What is known about a password that `RobotSecret.isOne`; `nil`: there is no such token.
    public func robot(
        password: borrowing Span<UInt8>
    ) -> Result<Robot?, RobotFileError> {
        let hash = RobotSecret.hash(of: password)
        return answer { $0.robot(hash: hash) }
    }

    public func robot(id: ByteString) -> Result<Robot?, RobotFileError> {
        answer { $0.robot(id: id) }
    }

    private func answer(
        _ question: (RobotBook) -> Robot?
    ) -> Result<Robot?, RobotFileError> {
        state.withLock { state in
            if let problem = state.problem { return .failure(problem) }
            return .success(question(state.book))
        }
    }

    /// Those that were not revoked, oldest first.
    public func all(of owner: ByteString?) throws(RobotFileError) -> [Robot] {
        try state.withLock { state -> Result<[Robot], RobotFileError> in
            if let problem = state.problem { return .failure(problem) }
            return .success(state.book.all(of: owner))
        }
        .get()
    }
}

/// What changes the file.
extension RobotStore {
    /// A token and what is kept of it. Blocks until it is on the disk.
    ///
    /// - Parameter actor: who asks for it.
    public func mint(
        _ order: RobotOrder,
        owner: ByteString,
        by actor: ByteString,
        now: Moment
    ) throws(RobotFileError) -> (secret: RobotSecret, robot: Robot) {
        refresh()
        let count = try all(of: owner).filter { !$0.hasExpired(at: now) }.count
        guard count < Self.mostPerOwner else { throw .tooMany(Self.mostPerOwner) }
        let secret: RobotSecret
        let id: ByteString
        do throws(RandomnessError) {
            secret = try RobotSecret()
            id = ByteString(try RandomBytes.make(count: 8).flatMap(\.hexadecimalDigits))
        } catch {
            throw .noRandomness
        }
        let robot = Robot(
            id: id,
            owner: owner,
            order: order,
            created: now,
            hash: RobotSecret.hash(of: secret.text.bytes)
        )
        try append(.created(robot), by: actor, at: now)
        return (secret, robot)
    }

    /// Ends a token. When it returns it works here no more, and within a second nowhere.
    ///
    /// - Parameter owner: whose it must be; `nil`: anybody's.
    /// - Returns: the token that was.
    @discardableResult
    public func revoke(
        _ id: ByteString,
        of owner: ByteString?,
        by actor: ByteString,
        now: Moment
    ) throws(RobotFileError) -> Robot {
        refresh()
        guard let robot = try robot(id: id).get(), owner == nil || robot.owner == owner else {
            throw .unknownToken
        }
        try append(.revoked(id), by: actor, at: now)
        return robot
    }

    /// Has it written down that a token was used, at most once an hour. Does not wait.
    public func noteUse(of robot: Robot, now: Moment) {
        let isNew = state.withLock { state in
            let last = [state.noted[robot.id], robot.lastUse].compactMap(\.self).max()
            let due = last.map { now.secondsSince1970 - $0.secondsSince1970 >= Self.useInterval }
            guard due ?? true else { return false }
            state.noted[robot.id] = now
            return true
        }
        guard isNew else { return }
        // A full disk must not stop a login; a later use says it again.
        let isTaken = writer.submit { [self] in
            do throws(RobotFileError) {
                try append(.used(robot.id, now), by: robot.owner, at: now)
            } catch {
                forgetUse(of: robot, at: now)
            }
        }
        if !isTaken { forgetUse(of: robot, at: now) }
    }

    /// It was not written, and is due again after a while.
    private func forgetUse(of robot: Robot, at now: Moment) {
        let wait = Self.useInterval - Self.failedUseInterval
        let last = Moment(secondsSince1970: now.secondsSince1970 - wait)
        state.withLock { $0.noted[robot.id] = last }
    }

    /// Runs `change` on the thread that writes.
    ///
    /// - Returns: false, and it will not run, if too much is waiting.
    public func submit(_ change: @escaping BlockingPool.Job) -> Bool { writer.submit(change) }

    private func append(
        _ event: RobotEvent,
        by actor: ByteString,
        at now: Moment
    ) throws(RobotFileError) {
        do throws(SecretFileError) {
            try file.append(event.line(by: actor, at: now))
        } catch {
            throw .file("\(path): \(error)")
        }
        refresh()
    }
}

/// How what others write becomes known.
extension RobotStore {
    /// Reads what was appended since. What cannot be read makes every token unknown until it can.
    public func refresh() {
        reader.withLock { reader in
            let before = (reader.place, reader.problem)
            do throws(RobotFileError) {
                try read(&reader)
                reader.problem = nil
            } catch {
                reader.problem = error
            }
            let news = reader.book.takeNews()
            if reader.knowsBefore { news.forEach(tell) }
            reader.knowsBefore = true
            guard before != (reader.place, reader.problem) else { return }
            let (book, problem) = (reader.book, reader.problem)
            state.withLock { state in
                state.book = book
                state.problem = problem
            }
            current.wrappingAdd(1, ordering: .releasing)
        }
    }

    private func read(_ reader: inout Reader) throws(RobotFileError) {
        // A line that is not understood stands in the way until the file is another one.
        if case .unknownLine? = reader.problem { reader = Reader() }
        let piece: AppendedFile.Piece
        do throws(SecretFileError) {
            piece = try file.read(behind: reader.place, limit: Self.largestByteCount)
        } catch {
            throw .file("\(path): \(error)")
        }
        if piece.isAnew {
            reader.book = RobotBook()
            reader.knowsBefore = false
        }
        reader.place = piece.place
        try reader.book.add(piece.lines.span)
    }
}

/// Looks at the file of a store again and again, as long as it lives.
public final class RobotWatch: Sendable {
    private let signal: WakeSignal
    private let pool: BlockingPool

    /// Nanoseconds between two looks.
    private static let interval: Int64 = 250_000_000

    public init(_ store: RobotStore) throws {
        guard let signal = WakeSignal() else {
            throw SystemError(call: "eventfd", code: EMFILE)
        }
        self.signal = signal
        pool = try BlockingPool(name: "robot tokens", threadCount: 1, queueLimit: 1)
        _ = pool.submit {
            while !signal.wait(until: Instant.now.advanced(by: Self.interval)) { store.refresh() }
        }
    }

    deinit { signal.raise() }
}
