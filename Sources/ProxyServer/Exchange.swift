import AccessControl
import Authentication
import Bytes
import HTTPWire
import Logbook
import NetIO
import NetTLS
import RegistryAPI
import Tokens

/// One request and its answer, from the head's first byte to the line in the access log.
///
/// Used for one request after another of its connection. `run` is the story; each stage takes the
/// value that only the stage before can make. The stages are in the files `Exchange+…`.
final class Exchange {
    let connection: Connection
    let services: LoopServices
    /// What the current request is served by. Not kept between requests, when it may be outdated.
    private var heldGeneration: Generation?
    /// The way to the registry of `generation`.
    private(set) var upstreams: UpstreamPool

    /// Who asks, as far as addresses tell.
    private(set) var client: ClientAddress
    /// The scheme under which a trusted proxy in front was asked.
    private(set) var forwardedScheme: StaticString?

    /// Worked on in `withHead` only.
    private(set) var head = RequestHead()
    /// The bytes that `head` has places in.
    var headBytes: Buffer?
    var record: AccessRecord
    var begun = Instant(nanoseconds: 0)
    /// Whether the client was told to send the body it had announced.
    var toldToContinue = false
    /// Whether a final answer has begun: from then on nothing else can be said.
    var hasAnswered = false
    /// Whether what came began like a request line. Other bytes get a log line only if they got an
    /// answer.
    private var isRequest = false
    /// Whether only the end of the connection says that the answer is complete.
    var answerEndsWithConnection = false
    /// Whether the answer promises that the connection goes on.
    var promisesToKeep = false

    /// Worked on in `withResponse` only.
    var response = ResponseHead()
    /// Interim answers to the current request upstream.
    var interimCount = 0
    /// Whether the whole request has gone to the registry.
    var hasSentRequest = false
    /// Those on the repository and the tags that are being changed; taken and not given back.
    var heldLocks: [RegistryLocks.Ticket] = []
    /// The connection that this exchange uses; given back or discarded before it ends.
    var upstream: UpstreamConnection?
    /// What the rules said in the end, also where it was not yet a no but a question for a login.
    private var rulesSaid: AccessRecord.Decision?
    /// What the shadow rules said; `nil`: there are none, or they have no answer.
    var shadowSaid: AccessRecord.Decision?
    var upstreamBegun: Instant?
    /// The blob's digest, if storage answers in the registry's stead.
    var followedDigest: ByteString?
    /// Whether an answer that redirects is one that the client may get.
    var maySendRedirect = false
    /// What the request asks for, once that is known.
    private(set) var routed: RegistryOperation?
    /// The token that the request came with, if it is a good one or may end what it has begun.
    var bearer: BearerToken?
    /// The robot token that was the password.
    var robot: RobotInUse?
    /// Who asks, once that is verified.
    var identity = Identity.anonymous
    /// The pull of the manifest that is being sent, until it is noted.
    var begunPull: BegunPull?
    /// How many bytes the registry held of the upload that the request goes on with, if that is
    /// known.
    var receivedBefore: Int?

    init(on connection: Connection) {
        self.connection = connection
        services = connection.services
        client = connection.peer
        upstreams = services.upstreams
        record = AccessRecord(time: .now, id: connection.services.requestIDs.next(at: .now))
    }

    var reader: MessageReader { connection.reader }
    var downstream: ByteStream { connection.stream }
    var loop: EventLoop { services.loop }
    var now: Instant { services.loop.now }
    /// What was in force when the head was complete, to the end of the exchange.
    var generation: Generation {
        guard let heldGeneration else { preconditionFailure("no exchange is running") }
        return heldGeneration
    }
    var settings: ServerSettings { generation.settings }
    var timeouts: ServerSettings.Timeouts { generation.settings.timeouts }

    /// Carries one request through the house. Every way out writes exactly one line.
    func run() async -> Connection.End {
        begin()
        var end = Connection.End.abandon
        do throws(Interruption) {
            try await readHead()
            let target = try readTarget()
            if let route = try tokenRoute(target) {
                try await answer(route)
            } else {
                let operation = try route(target)
                let identity = try await authenticate(for: operation)
                askShadow(identity, operation)
                try await answer(authorize(identity, operation), to: identity)
            }
            end = await finishRequestBody()
        } catch {
            end = await recover(from: error)
        }
        conclude()
        return end
    }

    private func begin() {
        takeGeneration()
        let wallTime = WallTime.now
        begun = now
        record = AccessRecord(time: wallTime, id: services.requestIDs.next(at: wallTime))
        client = connection.peer
        forwardedScheme = nil
        record.client = client.text
        record.tls = connection.tls.map { $0.version == .tls13 ? .tls13 : .tls12 }
        record.outcome = .complete
        toldToContinue = false
        hasAnswered = false
        isRequest = reader.beginsWithLetter
        answerEndsWithConnection = false
        promisesToKeep = false
        upstreamBegun = nil
        rulesSaid = nil
        shadowSaid = nil
        followedDigest = nil
        maySendRedirect = false
        routed = nil
        bearer = nil
        robot = nil
        identity = .anonymous
        receivedBefore = nil
    }

    /// From here on the request does not notice a reload.
    private func takeGeneration() {
        let current = services.currentGeneration()
        if current === heldGeneration { return }
        heldGeneration = current
        upstreams = services.upstreams
    }

    /// Writes the line, if anything came that looked like a request or was answered.
    private func conclude() {
        if let shadowSaid, let rulesSaid, shadowSaid != rulesSaid { record.shadow = shadowSaid }
        record.duration = Instant.now.nanoseconds(since: begun)
        record.bytesIn = reader.payloadByteCount
        let finished = takeRecord()
        if isRequest || finished.method != nil || finished.status != nil {
            if let headBytes {
                services.log.append(finished, head: headBytes.bytes)
            } else {
                services.log.append(finished, head: Span())
            }
            services.metrics.requestEnded(
                finished.operation ?? .unknown,
                status: finished.status ?? 499,
                duration: finished.duration ?? 0,
                upstream: finished.upstream
            )
            services.metrics.count(bytes: finished.bytesIn ?? 0, .received)
        }
        if let headBytes { loop.buffers.give(headBytes) }
        headBytes = nil
        heldGeneration = nil
    }
}

extension Exchange {
    /// Takes the finished record out, so that handing it on copies nothing.
    private func takeRecord() -> AccessRecord {
        var taken = AccessRecord(time: record.time, id: record.id)
        swap(&taken, &record)
        return taken
    }
}

/// Both heads are taken out while they are worked on. They are looked at all over the exchange, and
/// what nobody works on in its place need not be checked for overlapping access at each look.
extension Exchange {
    private func withHead<Result, Failure: Error>(
        _ change: (inout RequestHead) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var taken = RequestHead()
        swap(&taken, &head)
        defer { swap(&taken, &head) }
        return try change(&taken)
    }

    func withResponse<Result, Failure: Error>(
        _ change: (inout ResponseHead) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var taken = ResponseHead()
        swap(&taken, &response)
        defer { swap(&taken, &response) }
        return try change(&taken)
    }
}

/// The stages before the answer.
extension Exchange {
    private func readHead() async throws(Interruption) {
        withHead { $0.reset() }
        reader.beginBody(.none)
        if try !takeUpHead() { try await awaitHead() }
        let isComplete = headBytes != nil
        noteRequestLine()
        // The bytes kept for the log are no head to act on.
        guard isComplete else { throw .downstream(.stream(.ended)) }
        takeGeneration()
        believeProxies()
        record.userAgent = shownUserAgent
        reader.beginBody(head.framing)
        try checkHost()
    }

    private var shownUserAgent: Place? {
        guard let headBytes, let place = head.fields.first(.userAgent),
            !headBytes.bytes.extracting(place).holdsCredentials
        else { return nil }
        return place
    }

    /// Most heads come whole. What the others take up meanwhile is bounded for all together.
    private func awaitHead() async throws(Interruption) {
        guard services.shared.headMemory.take(Self.headShare) else {
            noteRequestLine()
            var refusal = Refusal.unavailable("too many requests are arriving", retryAfter: 1)
            refusal.closes = true
            throw .refused(refusal)
        }
        defer { services.shared.headMemory.give(Self.headShare) }
        let deadline = timeouts.requestHead.deadline(from: now)
        while try !takeUpHead() {
            do throws(StreamError) {
                try await downstream.pause(until: deadline)
            } catch {
                throw brokenHead(.stream(error))
            }
        }
    }

    static let headShare = 32 * 1024

    /// - Returns: false if more of the head has to come. Without `headBytes` the client has ended
    ///   the connection before that.
    private func takeUpHead() throws(Interruption) -> Bool {
        let limits = HeadLimits(section: settings.limits.requestHead)
        do throws(ReadFailure) {
            let attempt = try withHead { head throws(ReadFailure) in
                try reader.tryReadHead { bytes throws(WireError) in
                    try head.parse(bytes, limits: limits) ? head.byteCount : nil
                }
            }
            switch attempt {
            case .needMore: return false
            case .ended: return true
            case .head(let bytes):
                headBytes = bytes
                return true
            }
        } catch {
            throw brokenHead(error)
        }
    }

    private func brokenHead(_ failure: ReadFailure) -> Interruption {
        noteRequestLine()
        switch failure {
        case .malformed(let broken): return .refused(.malformed(broken))
        case .stream(.timedOut(let name)):
            return .refused(.late(408, "the request head did not come in time", name))
        case .stream: return .downstream(failure)
        }
    }

    /// Takes over what trusted proxies in front say: who the client is, under which scheme it asked
    /// and what they call the request.
    private func believeProxies() {
        let trusted = settings.trustedProxies(of: connection.listener)
        guard let headBytes, let peer = connection.peer.ip, trusted.contains(peer) else { return }
        let bytes = headBytes.bytes
        client = connection.clientAddress(
            ForwardedFor.client(behind: peer, in: head.fields, of: bytes, trusted: trusted)
        )
        record.client = client.text
        forwardedScheme = ForwardedFor.scheme(in: head.fields, of: bytes)
        if head.fields.count(of: .xRequestID) == 1, let id = head.fields.first(.xRequestID) {
            record.givenID = GivenRequestID(validating: bytes.extracting(id))
        }
    }

    /// A request for a host that the connection's certificate does not name was meant for another
    /// server (RFC 9110 section 7.4).
    private func checkHost() throws(Interruption) {
        guard let host = head.fields.first(.host) else { return }
        try checkIsForUs(host)
    }

    private func checkIsForUs(_ place: Place) throws(Interruption) {
        guard let headBytes else { return }
        let bytes = headBytes.bytes
        guard let authority = Authority(parsing: bytes, at: place),
            connection.answers(for: bytes.extracting(authority.host))
        else { throw .refused(.misdirected) }
    }

    /// Keeps what there is of a head that is broken or incomplete, for the log.
    private func noteRequestLine() {
        guard head.hasRequestLine else { return }
        record.method = head.methodPlace
        record.path = head.target
        record.minorVersion = UInt8(head.minorVersion)
        if headBytes == nil { headBytes = reader.copyOfUnread() }
    }

    private func readTarget() throws(Interruption) -> RequestTarget {
        guard let headBytes else { throw .downstream(.stream(.ended)) }
        let target: RequestTarget
        do throws(WireError) {
            target = try RequestTarget(parsing: headBytes.bytes, of: head)
        } catch {
            throw .refused(.malformed(error))
        }
        record.path = target.path
        record.query = target.query
        // Else it is that of the field, which has been looked at.
        if let authority = target.authority, !head.fields.contains(.host) {
            try checkIsForUs(authority)
        }
        return target
    }

    private func route(_ target: RequestTarget) throws(Interruption) -> RegistryOperation {
        guard let headBytes else { throw .downstream(.stream(.ended)) }
        do throws(RoutingError) {
            let operation = try RegistryOperation.route(
                method: head.method,
                head: headBytes.bytes,
                path: target.path,
                query: target.query
            )
            routed = operation
            note(operation)
            return operation
        } catch {
            record.operation = .unknown
            throw .refused(.unrouted(error))
        }
    }

    private func note(_ operation: RegistryOperation) {
        record.operation = operation.logName
        record.repository = operation.repository?.bytes
        record.reference = operation.reference?.bytes
    }

    private func authorize(_ identity: Identity, _ operation: RegistryOperation) -> Verdict {
        settings.policy.authorize(
            identity,
            operation,
            in: circumstances,
            scratch: &services.decision
        )
    }

    func noteAllowed(by permit: borrowing Permit) {
        rulesSaid = .allowed
        if permit.operation.requiredAccess != .nothing { record.decision = .allowed }
        record.rules = permit.ruleIDs
    }

    /// What the rules may ask of a request beside its operation.
    var circumstances: Circumstances {
        Circumstances(
            client: client.ip,
            now: Moment(secondsSince1970: record.time.nanoseconds / 1_000_000_000)
        )
    }

    /// To a request without credentials a denial is a reason to ask for them, not yet a no.
    func refuse(_ denial: Denial, _ identity: Identity) -> Interruption {
        rulesSaid = .denied
        if identity.isAnonymous {
            // Without a detail docker takes it for a fault that passes, and pushes again.
            var refusal = Refusal.unauthorized("authentication required")
            refusal.resource = denial.resource
            return .refused(refusal)
        }
        record.decision = .denied
        record.rules = denial.ruleIDs
        services.metrics.denied()
        let refusal = answerToHiddenRead ?? .denied(denial)
        noteDenied(denial, refusal)
        return .refused(refusal)
    }
}
