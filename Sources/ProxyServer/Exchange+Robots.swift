import AccessControl
import Authentication
import Bytes
import HTTPWire
import Logbook
import RegistryAPI
import Secrets
import Tokens

/// A robot token that came as somebody's password.
struct RobotLogin {
    /// Who it was said to be.
    let user: ByteString
    /// `nil`: it has the form of a token, and is none.
    let robot: Robot?
}

/// A robot token that counts, and who vouches for its owner.
struct RobotInUse {
    let robot: Robot
    let ownerProvider: Identity.Provider?
}

/// Robot tokens as passwords. They are never shown to those who know real passwords.
extension Exchange {
    /// - Returns: `nil` if the password is none that a robot token could be.
    func recogniseRobot(_ value: Span<UInt8>) throws(Interruption) -> RobotLogin? {
        guard let login = try? BasicCredentials(parsing: value),
            RobotSecret.isOne(login.password.bytes)
        else { return nil }
        guard let robots = generation.tokens?.robots else {
            return RobotLogin(user: login.user, robot: nil)
        }
        switch robots.robot(password: login.password.bytes) {
        case .success(let robot): return RobotLogin(user: login.user, robot: robot)
        case .failure: throw .refused(.robotsUnknown)
        }
    }

    /// Whose rights the token narrows: its owner, who must still be there.
    func accept(_ login: RobotLogin) async throws(Interruption) -> Identity {
        guard let tokens = generation.tokens, let desk = services.logins?.desk,
            let robot = login.robot, robot.owner == login.user, !robot.hasExpired(at: moment)
        else { throw .refused(.unauthorized("wrong user name or password")) }
        switch await tokens.owners.find(robot.owner, at: desk) {
        case .identity(let owner):
            record.claimedUser = nil
            tokens.robots?.noteUse(of: robot, now: moment)
            self.robot = RobotInUse(robot: robot, ownerProvider: owner.provider)
            return Identity(
                user: owner.user ?? robot.owner,
                groups: owner.groups,
                provider: .token,
                limits: robot.limits
            )
        case .unknownUser, .wrongPassword:
            throw .refused(.unauthorized("the owner of the token is no longer known"))
        case .undecidable(let seconds):
            throw .refused(.unavailable("logins cannot be checked now", retryAfter: seconds))
        }
    }
}

/// Robot tokens as things to make, list and revoke: by their owner's own login and nothing less.
extension Exchange {
    private func ownLogin() async throws(Interruption) -> (user: ByteString, Identity) {
        try refuseOtherPages()
        if let value = head.fields.first(.authorization), let token = bearerToken(at: value) {
            _ = try accept(token, for: nil)
            throw .refused(.ownLoginOnly)
        }
        let identity = try await logInForToken()
        guard let user = identity.user else {
            throw .refused(.unauthorized("authentication required"))
        }
        guard identity.limits == nil else { throw .refused(.ownLoginOnly) }
        return (user, identity)
    }

    /// A browser that knows a login must not use it for a page of another origin.
    private func refuseOtherPages() throws(Interruption) {
        guard let headBytes, let place = head.fields.first(.origin) else { return }
        let origin = headBytes.bytes.extracting(place)
        guard settings.corsOrigins.contains(where: { origin.elementsEqual($0.span) }) else {
            throw .refused(Refusal(403, .denied, "pages of this origin may not manage tokens"))
        }
    }

    private func mayManageAll(_ identity: Identity) -> Bool {
        settings.policy.serverActions(of: identity, scratch: &services.decision).contains(.admin)
    }

    func listRobots() async throws(Interruption) {
        let (user, identity) = try await ownLogin()
        guard let robots = generation.tokens?.robots else { return }
        let found: [Robot]
        do throws(RobotFileError) {
            found = try robots.all(of: mayManageAll(identity) ? nil : user)
        } catch {
            throw .refused(.robotsUnknown)
        }
        record.decision = .allowed
        var json = JSONWriter()
        json.begin("{")
        json.key("tokens")
        let now = moment
        json.list(found) { json, robot in robot.write(to: &json, at: now) }
        json.end("}")
        try await answer(OwnAnswer(200, body: ByteString(json.bytes)))
    }

    func mintRobot() async throws(Interruption) {
        let (user, identity) = try await ownLogin()
        try await requireReadableOwner(user, identity)
        let body = try await readSmallBody(limit: Self.longestOrder)
        let order: RobotOrder
        do throws(RobotOrderError) {
            order = try RobotOrder(json: body.bytes, now: moment)
        } catch {
            throw .refused(Refusal(400, .badRequest, ByteString(error.description)))
        }
        try requireTrail()
        let now = moment
        let made = try await change { store in
            Result { () throws(RobotFileError) in
                try store.mint(order, owner: user, by: user, now: now)
            }
        }
        try await recordMade(made.robot)
        record.decision = .allowed
        var json = JSONWriter()
        json.begin("{")
        json.member("id", made.robot.id)
        json.member("token", ByteString(copying: made.secret.text.bytes))
        json.member("expires", ByteString(order.expiry.description))
        json.end("}")
        var answer = OwnAnswer(201, body: ByteString(json.bytes))
        answer.isSecret = true
        try await self.answer(answer)
    }

    private static let longestOrder = 64 * 1024

    /// The owner's groups must be known also when only the token is there.
    private func requireReadableOwner(
        _ user: ByteString,
        _ identity: Identity
    ) async throws(Interruption) {
        guard let tokens = generation.tokens, let desk = services.logins?.desk else {
            throw .refused(.unreadableOwner)
        }
        switch await tokens.owners.find(user, at: desk) {
        case .identity: return
        case .undecidable(let seconds):
            throw .refused(.unavailable("logins cannot be checked now", retryAfter: seconds))
        case .unknownUser, .wrongPassword:
            throw .refused(.unreadableOwner)
        }
    }

    func revokeRobot(_ id: ByteString) async throws(Interruption) {
        let (user, identity) = try await ownLogin()
        let owner = mayManageAll(identity) ? nil : user
        let now = moment
        let revoked = try await change { store in
            Result { () throws(RobotFileError) in
                try store.revoke(id, of: owner, by: user, now: now)
            }
        }
        noteRevoked(revoked)
        record.decision = .allowed
        try await answer(OwnAnswer(204, body: ""))
    }

    /// Does what writes to the disk on a thread that may block.
    private func change<Value: Sendable>(
        _ body: @escaping @Sendable (RobotStore) -> Result<Value, RobotFileError>
    ) async throws(Interruption) -> Value {
        guard let robots = generation.tokens?.robots else { throw .refused(.robotsUnknown) }
        let result = await withCheckedContinuation {
            (waiter: CheckedContinuation<Result<Value, RobotFileError>, Never>) in
            let isTaken = robots.submit { waiter.resume(returning: body(robots)) }
            if !isTaken { waiter.resume(returning: .failure(.busy)) }
        }
        do throws(RobotFileError) {
            return try result.get()
        } catch {
            throw .refused(Refusal(changing: error))
        }
    }
}

extension Refusal {
    fileprivate static let ownLoginOnly = Refusal(
        403,
        .denied,
        "tokens are managed with their owner's own login, not with a token"
    )

    fileprivate static let unreadableOwner = Refusal(
        403,
        .denied,
        "tokens need an account with which the proxy can look up their owner"
    )

    fileprivate init(changing error: RobotFileError) {
        switch error {
        case .unknownToken: self.init(404, .unknown, "there is no such token of yours")
        case .tooMany(let limit):
            self.init(403, .denied, ByteString("you have \(limit) tokens already: revoke some"))
        case .noRandomness: self.init(500, .unknown, "the system gives no random numbers")
        case .file, .unknownLine, .busy:
            self = .unavailable("tokens cannot be changed now", retryAfter: 5)
        }
    }
}
