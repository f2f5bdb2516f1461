import AccessControl
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI
import Secrets
import Tokens

/// The token endpoint (`protocol.md` 4.7): whoever logs in, or does not, gets a token for what they
/// ask for and the rules allow. Not having a right is no error: the token is for less.
extension Exchange {
    /// The route, if the request is for the token endpoints.
    func tokenRoute(_ target: RequestTarget) throws(Interruption) -> TokenRoute? {
        guard let headBytes, let tokens = generation.tokens else { return nil }
        let route: TokenRoute?
        do throws(RoutingError) {
            route = try TokenRoute.find(
                head.method,
                headBytes.bytes,
                path: target.path,
                query: target.query
            )
        } catch {
            record.operation = .token
            throw .refused(.unrouted(error))
        }
        switch route {
        case .listRobots?, .mintRobot?, .revokeRobot?:
            guard tokens.robots != nil else { return nil }
        default: break
        }
        if let route { record.operation = route.logName }
        return route
    }

    func answer(_ route: TokenRoute) async throws(Interruption) {
        switch route {
        case .options(let allow):
            var answer = OwnAnswer(204, body: "")
            answer.allow = allow
            try await self.answer(answer)
        case .issue(let question):
            try await issue(question, to: logInForToken(), tellsScope: false)
        case .issueByForm: try await issueByForm()
        case .listRobots: try await listRobots()
        case .mintRobot: try await mintRobot()
        case .revokeRobot(let id): try await revokeRobot(id)
        }
    }

    /// Who asks for a token, by the `Authorization` field.
    func logInForToken() async throws(Interruption) -> Identity {
        guard let headBytes, let value = head.fields.first(.authorization) else {
            return try withoutField()
        }
        guard bearerToken(at: value) == nil else {
            throw .refused(.unauthorized("a token is given for a user name and a password"))
        }
        return try await logIn(recognise(headBytes.bytes.extracting(value)))
    }

    private func issueByForm() async throws(Interruption) {
        let body = try await readSmallBody(limit: Self.longestForm)
        let form: TokenForm
        do throws(RoutingError) {
            form = try TokenForm(parsing: body.bytes)
        } catch {
            throw .refused(.unrouted(error))
        }
        let identity: Identity
        switch form.grant {
        case .field: identity = try await logInForToken()
        case .password(let user, let password):
            guard head.fields.first(.authorization) == nil else {
                throw .refused(
                    Refusal(
                        400, .badRequest, "a login in the form and one in the Authorization field"))
            }
            identity = try await logIn(recogniseForm(user, password))
        case .refreshToken:
            throw .refused(.unauthorized("there are no refresh tokens here"))
        case .unknown:
            throw .refused(
                Refusal(400, .unsupported, "this grant_type is not known (password)"))
        }
        try await issue(form.question, to: identity, tellsScope: true)
    }

    private static let longestForm = 16 * 1024

    /// The login of a form, under the same conditions as that of a field.
    private func recogniseForm(
        _ user: ByteString,
        _ password: ByteString
    ) throws(Interruption) -> Recognition {
        guard user.span.firstIndex(of: UInt8(ascii: ":")) == nil,
            user.count + password.count <= 512
        else { throw .refused(.unauthorized("wrong user name or password")) }
        let value = SecretBytes(
            basicUser: user,
            password: SecretBytes(copying: password.span)
        )
        return try recognise(value.bytes)
    }

    private func issue(
        _ question: TokenQuestion,
        to identity: Identity,
        tellsScope: Bool
    ) async throws(Interruption) {
        guard let tokens = generation.tokens, let signer = services.tokens?.signer else { return }
        if let service = question.service, service != tokens.authority.service {
            let message = "this is another service (\(tokens.authority.service))"
            throw .refused(Refusal(400, .badRequest, ByteString(message)))
        }
        let token = try makeToken(for: identity, granted(question.scopes, to: identity))
        guard let text = signer.sign(token) else {
            throw .refused(Refusal(400, .badRequest, "so many scopes do not fit into one token"))
        }
        record.decision = .allowed
        noteIssued(token)
        var json = JSONWriter()
        json.begin("{")
        json.member("token", text)
        json.member("access_token", text)
        json.member("expires_in", token.expiry - token.issued)
        json.member("issued_at", ByteString(Moment(secondsSince1970: token.issued).description))
        if tellsScope {
            let scope = token.access.scopes.map(\.text.bytes).joined(separator: [0x20])
            json.member("scope", ByteString(Array(scope)))
        }
        json.end("}")
        var answer = OwnAnswer(200, body: ByteString(json.bytes))
        answer.isSecret = true
        try await self.answer(answer)
    }

    /// What is asked for, as far as the rules give it now.
    private func granted(_ scopes: [Scope], to identity: Identity) -> TokenAccess {
        var access = TokenAccess()
        let policy = settings.policy
        for scope in scopes {
            if scope.type == "repository" {
                let allowed = policy.actionsForSomeTag(
                    identity,
                    scope.name.span,
                    in: circumstances,
                    scratch: &services.decision
                )
                access.allow(Actions(scope).intersection(allowed), on: scope.name)
            } else if scope == .catalog,
                policy.mayList(identity, scratch: &services.decision)
            {
                access.allowCatalog()
            }
        }
        return access
    }

    private func makeToken(
        for identity: Identity,
        _ access: TokenAccess
    ) throws(Interruption) -> BearerToken {
        guard let tokens = generation.tokens,
            let groups = TokenGroups(identity.groups, settings.policy)
        else {
            services.shared.operatorLog.log(
                .error,
                "token.refused",
                "a user is in more groups that rules name than a token can hold",
                [("user", .string(identity.user?.description ?? ""))]
            )
            throw .refused(.unavailable("too many groups for a token", retryAfter: 60))
        }
        let id: [UInt8]
        do throws(RandomnessError) {
            id = try RandomBytes.make(count: 16)
        } catch {
            throw .refused(Refusal(500, .unknown, "the system gives no random numbers"))
        }
        // A token for a robot ends with the robot, whose last second is a good one.
        let end = robot.map { $0.robot.order.expiry.secondsSince1970 + 1 } ?? .max
        return BearerToken(
            user: identity.user,
            provider: robot?.ownerProvider ?? identity.provider,
            groups: groups.kept,
            rules: groups.leftOut ? generation.rulesFingerprint : nil,
            access: access,
            robot: robot?.robot.id,
            issued: second,
            expiry: min(second + tokens.authority.lifetime, end),
            id: ByteString(id.flatMap(\.hexadecimalDigits))
        )
    }

    /// Reads a body that is no blob and no manifest: whole, and only a short one.
    func readSmallBody(limit: Int) async throws(Interruption) -> Buffer {
        let room = reader.remainingPayload ?? limit
        if room > limit { throw .refused(.bodyTooLong(limit)) }
        try await tellToContinue()
        return try await readWhole(room: room, tooLong: .bodyTooLong(limit))
    }
}

/// The groups that go into a token.
struct TokenGroups: Equatable {
    private(set) var kept: [GroupMembership] = []
    /// Whether some had no room.
    private(set) var leftOut = false

    /// Bytes of names, and what stands around them.
    static let room = 4096

    /// Those first that a rule names, for they make a difference now.
    ///
    /// - Returns: `nil` if there is no room for those alone.
    init?(_ groups: [GroupMembership], _ policy: AccessPolicy) {
        var used = 0
        var others: [GroupMembership] = []
        for group in groups {
            guard policy.names(group) else {
                others.append(group)
                continue
            }
            let entry = Self.entry(group, policy)
            used += Self.size(entry)
            kept.append(entry)
        }
        guard used <= Self.room else { return nil }
        for group in others {
            let entry = GroupMembership(name: group.name)
            let isText = (try? UTF8Span(validating: group.name.span)) != nil
            guard isText, used + Self.size(entry) <= Self.room else {
                leftOut = true
                continue
            }
            used += Self.size(entry)
            kept.append(entry)
        }
    }

    /// Where the directory has a group goes into the token only if a rule asks for that.
    private static func entry(_ group: GroupMembership, _ policy: AccessPolicy) -> GroupMembership {
        let place = GroupMembership(name: "", distinguishedName: group.distinguishedName)
        return policy.names(place) ? group : GroupMembership(name: group.name)
    }

    private static func size(_ group: GroupMembership) -> Int {
        group.name.count + (group.distinguishedName.map { $0.text.count + 3 } ?? 0) + 6
    }
}

extension TokenRoute {
    fileprivate var logName: OperationName {
        if case .options = self { .options } else { .token }
    }
}

extension Refusal {
    static func bodyTooLong(_ limit: Int) -> Refusal {
        Refusal(413, .badRequest, ByteString("the body is too long (\(limit) bytes at most)"))
    }
}
