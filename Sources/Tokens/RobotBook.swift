import AccessControl
import Bytes
import Secrets

/// All robot tokens that a file tells of, as they are after its last line. Pure.
struct RobotBook: Sendable {
    private var robots: [ByteString: Robot] = [:]
    private var byHash: [Code32: ByteString] = [:]
    /// Also of tokens whose beginning nobody has seen.
    private var revoked: Set<ByteString> = []
    private var lineCount = 0
    /// Lines that a crash has left unfinished.
    private(set) var tornLines: [Int] = []
    private var news: [RobotChange] = []

    /// Adds what `lines` tell.
    ///
    /// - Throws: at the first line that is JSON and makes no sense. What it takes away is not
    ///   known, so nothing of the file may be believed.
    mutating func add(_ lines: borrowing Span<UInt8>) throws(RobotFileError) {
        let lines = copy lines
        var start = 0
        for index in 0..<lines.count where lines[index] == 0x0A {
            let line = lines.extracting(start..<index)
            start = index + 1
            lineCount += 1
            guard !line.isEmpty else { continue }
            switch RobotEvent.read(line) {
            case .event(let event, let actor):
                if actor == RobotStore.commandLine, let change = change(event) {
                    news.append(change)
                }
                add(event)
            case .torn: tornLines.append(lineCount)
            case .unknown: throw .unknownLine(lineCount)
            }
        }
    }

    mutating func add(_ event: RobotEvent) {
        switch event {
        case .created(let robot):
            guard robots[robot.id] == nil, !revoked.contains(robot.id) else { return }
            robots[robot.id] = robot
            byHash[robot.hash] = robot.id
        case .revoked(let id):
            revoked.insert(id)
            if let robot = robots.removeValue(forKey: id) { byHash[robot.hash] = nil }
        case .used(let id, let time):
            guard let known = robots[id] else { return }
            if known.lastUse.map({ $0 < time }) ?? true { robots[id]?.lastUse = time }
        }
    }

    /// What the command line has done by the lines that were added since this was asked last.
    mutating func takeNews() -> [RobotChange] {
        defer { news = [] }
        return news
    }

    private func change(_ event: RobotEvent) -> RobotChange? {
        switch event {
        case .created(let robot): .created(robot)
        case .revoked(let id): robots[id].map { .revoked($0) }
        case .used: nil
        }
    }

    func robot(id: ByteString) -> Robot? { robots[id] }

    func robot(hash: Code32) -> Robot? { byHash[hash].flatMap { robots[$0] } }

    /// Oldest first.
    ///
    /// - Parameter owner: `nil`: everybody's.
    func all(of owner: ByteString?) -> [Robot] {
        robots.values.filter { owner == nil || $0.owner == owner }
            .sorted { ($0.created, $0.id) < ($1.created, $1.id) }
    }
}

/// Why the file of robot tokens cannot be used.
public enum RobotFileError: Error, Sendable, Equatable, CustomStringConvertible {
    case file(String)
    case unknownLine(Int)
    /// An owner may have so many that are good.
    case tooMany(Int)
    case unknownToken
    case noRandomness
    /// Too much else is waiting for the file.
    case busy

    public var description: String {
        switch self {
        case .file(let text): text
        case .unknownLine(let line): "line \(line) is none that this version understands"
        case .tooMany(let limit): "the owner has \(limit) tokens already (revoke some)"
        case .unknownToken: "there is no such token"
        case .noRandomness: "the system's random generator failed"
        case .busy: "too many changes are waiting"
        }
    }
}
