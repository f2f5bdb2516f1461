public import AccessControl
public import Bytes
import Secrets

/// A robot token as it is kept: everything but the token itself.
public struct Robot: Sendable {
    /// Names it where it is listed and revoked; no secret.
    public let id: ByteString
    /// Whose rights it can have.
    public let owner: ByteString
    public let order: RobotOrder
    public let created: Moment
    /// When it was used last, within an hour.
    public internal(set) var lastUse: Moment?
    /// What is compared with the token that somebody shows.
    let hash: Code32
    public let limits: TokenLimits

    init(id: ByteString, owner: ByteString, order: RobotOrder, created: Moment, hash: Code32) {
        self.id = id
        self.owner = owner
        self.order = order
        self.created = created
        self.hash = hash
        limits = TokenLimits(
            id: id,
            name: order.name,
            actions: order.actions,
            repositories: order.repositories,
            tags: order.tags,
            networks: order.networks
        )
    }

    public func hasExpired(at now: Moment) -> Bool { now > order.expiry }

    /// For lists: `id`, `owner`, `name`, what it is for, and its times.
    public func write(to json: inout JSONWriter, at now: Moment) {
        json.begin("{")
        json.member("id", id)
        json.member("owner", owner)
        writeOrder(to: &json)
        json.member("created", ByteString(created.description))
        if let lastUse { json.member("last_used", ByteString(lastUse.description)) }
        json.member("state", hasExpired(at: now) ? "expired" : "active")
        json.end("}")
    }

    fileprivate func writeOrder(to json: inout JSONWriter) {
        json.member("name", order.name)
        json.member("actions", order.actions.words.map { ByteString($0) })
        json.member("repositories", order.repositories.map(\.text))
        json.member("tags", (order.tags ?? []).map(\.text))
        json.member("networks", order.networks.map { ByteString($0.description) })
        json.member("expires", ByteString(order.expiry.description))
    }
}

/// A robot token that is there since now, or no more.
public enum RobotChange: Sendable {
    case created(Robot)
    case revoked(Robot)
}

/// One line of the file of robot tokens: something that happened to one of them.
enum RobotEvent: Sendable {
    case created(Robot)
    case revoked(ByteString)
    case used(ByteString, Moment)

    /// One JSON object without line breaks.
    ///
    /// - Parameter actor: who did it; for people who read the file.
    func line(by actor: ByteString, at now: Moment) -> [UInt8] {
        var json = JSONWriter()
        json.begin("{")
        switch self {
        case .created(let robot):
            json.member("event", "created")
            json.member("id", robot.id)
            json.member("hash", ByteString(robot.hash.hexadecimal))
            json.member("owner", robot.owner)
            robot.writeOrder(to: &json)
            json.member("created", ByteString(robot.created.description))
            json.member("by", actor)
        case .revoked(let id):
            json.member("event", "revoked")
            json.member("id", id)
            json.member("at", ByteString(now.description))
            json.member("by", actor)
        case .used(let id, let time):
            json.member("event", "used")
            json.member("id", id)
            json.member("at", ByteString(time.description))
        }
        json.end("}")
        return json.bytes
    }

    enum Reading: Sendable {
        /// And who did it, as far as that is told.
        case event(RobotEvent, by: ByteString?)
        /// No JSON: what a crash has left of a line.
        case torn
        /// It means something that this program does not know.
        case unknown
    }

    static func read(_ line: borrowing Span<UInt8>) -> Reading {
        guard let json = JSONValue(parsing: line) else { return .torn }
        guard let id = json["id"]?.text else { return .unknown }
        let event: RobotEvent? =
            switch json["event"]?.text {
            case "created": Robot(json, id: id).map { .created($0) }
            case "revoked": .revoked(id)
            case "used": json.moment("at").map { .used(id, $0) }
            default: nil
            }
        return event.map { .event($0, by: json["by"]?.text) } ?? .unknown
    }
}

extension Robot {
    fileprivate init?(_ json: JSONValue, id: ByteString) {
        guard let hash = json["hash"]?.text.flatMap({ Code32(hexadecimal: $0.span) }),
            let owner = json["owner"]?.text, let created = json.moment("created"),
            let name = json["name"]?.text, let actions = json["actions"]?.texts,
            let repositories = json["repositories"]?.texts, let tags = json["tags"]?.texts,
            let networks = json["networks"]?.texts, let expires = json["expires"]?.text,
            let order = try? RobotOrder(
                name: name,
                actions: actions,
                repositories: repositories,
                tags: tags,
                networks: networks,
                expires: expires,
                now: created,
                isStored: true
            )
        else { return nil }
        self.init(id: id, owner: owner, order: order, created: created, hash: hash)
    }
}

extension JSONValue {
    fileprivate func moment(_ name: ByteString) -> Moment? {
        self[name]?.text.flatMap { Moment(parsing: $0.span, dateIs: .last) }
    }
}
