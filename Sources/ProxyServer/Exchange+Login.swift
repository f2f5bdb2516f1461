import AccessControl
import Authentication
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI

/// Who asks.
extension Exchange {
    /// Credentials that were sent and fail are refused even where nobody needs any.
    func authenticate(
        for operation: RegistryOperation
    ) async throws(Interruption) -> Identity {
        if case .nothing = operation.requiredAccess { return .anonymous }
        guard let headBytes, let value = head.fields.first(.authorization) else {
            return try withoutField()
        }
        if case .search = operation, headBytes.bytes.extracting(value).isLoginOfNobody {
            return try withoutField()
        }
        if let token = bearerToken(at: value) { return try accept(token, for: operation) }
        return try await logIn(recognise(headBytes.bytes.extracting(value)))
    }

    /// Who asks without an `Authorization` field.
    func withoutField() throws(Interruption) -> Identity {
        if let identity = try certified() { return identity }
        record.login = .anonymous
        return .anonymous
    }

    /// A login as far as it is known at once.
    enum Recognition {
        case user(Identity)
        case login(PendingLogin, LoginDesk)
        case robot(RobotLogin)
    }

    /// Whose login the value of an `Authorization` field is.
    func recognise(_ value: Span<UInt8>) throws(Interruption) -> Recognition {
        guard let logins = services.logins else {
            throw .refused(.unauthorized("no login is configured"))
        }
        switch logins.lookup(value, now: now.nanoseconds) {
        case .known(let identity): return .user(identity)
        case .malformed(let broken):
            record.claimedUser = broken.claimedUser.flatMap { $0.span.holdsCredentials ? nil : $0 }
            throw .refused(.unauthorized(ByteString(broken.reason.description)))
        case .check(let pending):
            // Whoever swaps the parts of a login sends a token as the name: nobody is asked about
            // it, and no log has it.
            guard !pending.user.span.holdsToken else {
                throw .refused(.unauthorized("a token stands where the user's name should be"))
            }
            record.claimedUser = pending.user
            if let robot = try recogniseRobot(value) { return .robot(robot) }
            return .login(pending, logins.desk)
        }
    }

    /// Finds out what is not known yet.
    func logIn(_ recognition: Recognition) async throws(Interruption) -> Identity {
        switch recognition {
        case .user(let identity): return verified(identity)
        case .robot(let robot):
            defer { noteRobotLogin() }
            return verified(try await accept(robot))
        case .login(let pending, let desk):
            let result = try await check(pending, at: desk)
            try await holdBack(until: result.notBefore)
            return try settle(result)
        }
    }

    private func check(
        _ pending: PendingLogin,
        at desk: LoginDesk
    ) async throws(Interruption) -> LoginResult {
        let waker = connection.waiter.remote
        let check = desk.begin(pending, source: client.source) { waker.wake() }
        defer { desk.leave(check) }
        try await awaitOthers(
            { check.result != nil },
            until: timeouts.login.deadline(from: now),
            orElse: .unavailable("logins cannot be checked now", retryAfter: 5)
        )
        guard let result = check.result else { preconditionFailure("a check without a result") }
        return result
    }

    /// A certificate is a login where no other was sent: clients send the one that they have for a
    /// host whether they are asked for it or not.
    private func certified() throws(Interruption) -> Identity? {
        guard let name = settings.certificateUser else { return nil }
        let isKnown = connection.isCertified(by: name)
        guard let identity = connection.certifiedIdentity(by: name) else { return nil }
        if connection.hasOutdatedCertificate {
            var refusal = Refusal.unauthorized("the certificate was accepted by other rules")
            refusal.closes = true
            throw .refused(refusal)
        }
        defer { if !isKnown { noteLogin() } }
        return verified(identity)
    }

    /// The one place where it comes out how a login went that had to be checked.
    private func settle(_ result: LoginResult) throws(Interruption) -> Identity {
        switch result.answer {
        case .identity(let identity):
            record.claimedUser = nil
            defer { if result.isFirst { noteLogin(isStale: result.isStale) } }
            return verified(identity)
        case .wrong:
            throw .refused(.unauthorized("wrong user name or password"))
        case .guessing(let seconds):
            throw .refused(.guessing(retryAfter: seconds))
        case .undecidable(let seconds, _):
            throw .refused(.unavailable("logins cannot be checked now", retryAfter: seconds))
        case .busy:
            throw .refused(.unavailable("too many logins are waiting", retryAfter: 1))
        }
    }

    func verified(_ identity: Identity) -> Identity {
        self.identity = identity
        // Looked up before: no call while the record is written to (docs/performance.md).
        let login = identity.provider?.logName
        record.login = login
        record.user = identity.user
        return identity
    }

    /// Waits, so that the time of an answer does not tell what it was made of.
    private func holdBack(until nanoseconds: Int64) async throws(Interruption) {
        let instant = Instant(nanoseconds: nanoseconds)
        let deadline = Deadline(name: .login, instant: instant)
        while now < instant {
            if downstream.isAbandonedByPeer { throw .downstream(.stream(.ended)) }
            do throws(StreamError) {
                try await downstream.pause(until: deadline)
            } catch .timedOut {
                return
            } catch {
                throw .downstream(.stream(error))
            }
        }
    }
}

extension Span<UInt8> {
    /// What `docker search` sends where nobody is logged in: no name and no password.
    var isLoginOfNobody: Bool {
        starts(withIgnoringCase: "basic ") && extracting(6...).elementsEqual("Og==")
    }
}
