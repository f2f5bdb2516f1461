import AccessControl
import Authentication
import Bytes
import HTTPWire
import Logbook
import RegistryAPI
import Tokens

/// Requests that come with a bearer token (RFC 6750). It says who asks and for what it was issued;
/// what that allows is decided by the rules, now.
extension Exchange {
    /// Where the token stands in an `Authorization` value; `nil` if that is something else.
    func bearerToken(at value: Place) -> Place? {
        guard let headBytes, services.tokens != nil else { return nil }
        let text = headBytes.bytes.extracting(value)
        if text.equalsIgnoringCase("bearer") { return Place(Int(value.end), Int(value.end)) }
        guard text.starts(withIgnoringCase: "bearer ") else { return nil }
        return Place(Int(value.start) + 7, Int(value.end))
    }

    /// Seconds since 1970.
    var second: Int64 { record.time.nanoseconds / 1_000_000_000 }

    /// Verifies the token at `place`: its bytes, its time, and that whoever it speaks for is still
    /// who they were. Computes nothing for a token that this loop has seen, as long as nothing has
    /// changed meanwhile.
    func accept(_ place: Place, for operation: RegistryOperation?) throws(Interruption) -> Identity
    {
        guard let headBytes, let memory = services.tokens else {
            throw .refused(.invalidToken("there are no tokens here"))
        }
        switch memory.lookup(headBytes.bytes.extracting(place), now: second) {
        case .good(let entry):
            let state = tokenState
            if let note = entry.note, note.state == state {
                return noted(entry.token, note.identity)
            }
            let identity = try identity(of: entry.token)
            entry.note = TokenNote(state: state, identity: identity)
            return noted(entry.token, identity)
        case .expired(let token):
            record.claimedUser = token.user
            guard let operation, isContinued(by: operation, token) else {
                throw .refused(.invalidToken("the token has expired"))
            }
            let identity = try identity(of: token)
            record.claimedUser = nil
            return noted(token, identity)
        case .flawed(let flaw):
            throw .refused(.invalidToken(ByteString(flaw.reason.description)))
        }
    }

    private func noted(_ token: BearerToken, _ identity: Identity) -> Identity {
        bearer = token
        if identity.isAnonymous {
            record.login = .anonymous
            return identity
        }
        return verified(identity)
    }

    private var tokenState: TokenState {
        TokenState(
            generation: generation.number,
            users: services.logins?.desk.revision ?? 0,
            robots: generation.tokens?.robots?.revision ?? 0
        )
    }

    /// Who the token speaks for, if it still does.
    private func identity(of token: BearerToken) throws(Interruption) -> Identity {
        guard let user = token.user, let provider = token.provider else { return .anonymous }
        if let rules = token.rules, rules != generation.rulesFingerprint {
            throw .refused(.invalidToken("the rules have changed since the token was issued"))
        }
        guard mayStillKnow(user, from: provider) else {
            throw .refused(.invalidToken("the user of the token is no longer known"))
        }
        var limits: TokenLimits?
        if let id = token.robot { limits = try liveRobot(id, of: user).limits }
        return Identity(user: user, groups: token.groups, provider: .token, limits: limits)
    }

    private func mayStillKnow(_ user: ByteString, from provider: Identity.Provider) -> Bool {
        if provider == .certificate { return settings.certificateUser != nil }
        return services.logins?.desk.mayStillKnow(user, from: provider) ?? false
    }

    private func liveRobot(_ id: ByteString, of owner: ByteString) throws(Interruption) -> Robot {
        switch generation.tokens?.robots?.robot(id: id) {
        case .success(let robot?)? where robot.owner == owner && !robot.hasExpired(at: moment):
            return robot
        case .failure?: throw .refused(.robotsUnknown)
        default: throw .refused(.invalidToken("the robot token was revoked or has expired"))
        }
    }

    var moment: Moment { Moment(secondsSince1970: second) }

    /// Whether the token was issued for what the request is about. The rules have allowed it.
    func requireScope(of operation: RegistryOperation) throws(Interruption) {
        guard let bearer, !bearer.isAnonymous else { return }
        guard bearer.access.covers(operation.scopes) else { throw .refused(.insufficientScope) }
    }

    /// A token for nobody says that its bearer needs no login, so that clients go on without one.
    var isBaseWithAnonymousToken: Bool {
        guard case .base? = routed else { return false }
        return bearer?.isAnonymous ?? false
    }
}

/// How a client is told to come back.
extension Exchange {
    /// What a refusal asks for. At the token endpoint itself it is always a password; whoever came
    /// with a token hears of tokens.
    func challenge(for refusal: Refusal) -> Challenge {
        guard let tokens = generation.tokens, let routed,
            tokens.challenges || refusal.tokenError != nil,
            let challenge = Challenge(
                bearerRealm: tokenEndpoint,
                service: tokens.authority.service,
                scopes: routed.scopes,
                error: refusal.tokenError
            )
        else { return settings.challenge }
        return challenge
    }

    /// The URL where this client gets its tokens; empty if it has not said whom it speaks to.
    private var tokenEndpoint: ByteString {
        if let external = settings.externalURL {
            return ByteString("\(external.scheme)://\(external.authority)/auth/token")
        }
        guard let headBytes, let host = head.fields.first(.host), !host.isEmpty else { return "" }
        let scheme = forwardedScheme ?? (connection.tls == nil ? "http" : "https")
        let authority = ByteString(copying: headBytes.bytes.extracting(host))
        return ByteString("\(scheme)://\(authority)/auth/token")
    }
}

/// Pushes that outlive their token (`protocol.md` 4.4).
extension Exchange {
    /// Whether the request goes on with an upload that was begun with a good token of the same
    /// login.
    private func isContinued(by operation: RegistryOperation, _ token: BearerToken) -> Bool {
        guard case .upload(_, let name, let id, let query) = operation else { return false }
        return ticket(query, of: id, in: name, token) != nil
    }

    private func ticket(
        _ query: UploadQuery,
        of upload: UploadID,
        in name: RepositoryName,
        _ token: BearerToken
    ) -> UploadTicket? {
        guard let text = query.ticket, let signer = services.tokens?.signer else { return nil }
        let binding = UploadTicket.Binding(
            repository: name.bytes,
            upload: upload.bytes,
            token
        )
        return UploadTicket(verifying: text, for: binding, signer: signer, now: second)
    }

    /// Adds a ticket to the URL of an upload session: a new one where the session was opened, later
    /// the same one again.
    func appendTicket(forUploadAt location: Span<UInt8>, to out: Buffer) {
        guard let bearer, let signer = services.tokens?.signer, let routed,
            let name = routed.repository, let upload = location.uploadID(in: name)
        else { return }
        var ticket: UploadTicket?
        switch routed {
        case .uploadStart, .uploadMount:
            guard response.status == 202 else { return }
            let binding = UploadTicket.Binding(repository: name.bytes, upload: upload, bearer)
            ticket = UploadTicket(for: binding, signer: signer, now: second)
        case .upload(_, _, let id, let query) where id.bytes == upload:
            ticket = self.ticket(query, of: id, in: name, bearer)
        default: break
        }
        guard let ticket else { return }
        out.append(location.firstIndex(of: UInt8(ascii: "?")) == nil ? "?_pt=" : "&_pt=")
        out.append(ticket.text)
    }
}

extension Span<UInt8> {
    /// What stands behind `/v2/NAME/blobs/uploads/`, up to the query.
    func uploadID(in name: RepositoryName) -> ByteString? {
        let path = extracting(0..<(firstIndex(of: UInt8(ascii: "?")) ?? count))
        let front = Array("/v2/\(name.bytes)/blobs/uploads/".utf8)
        guard path.count > front.count,
            path.extracting(0..<front.count).elementsEqual(front.span)
        else { return nil }
        return UploadID(validating: path.extracting(front.count..<path.count))?.bytes
    }
}

extension Refusal {
    /// The file of robot tokens cannot be read: nobody knows which of them were revoked.
    static let robotsUnknown = unavailable("robot tokens cannot be checked now", retryAfter: 5)
}
