import AccessControl
import AuditTrail
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI

/// A change that is being asked of the registry, as the audit trail will tell it.
struct AuditedChange {
    let event: AuditRecord.Event
    var what = AuditRecord.What()
    /// What about it could not be found out.
    var doubt: StaticText?

    init(_ event: AuditRecord.Event, _ action: StaticText) {
        self.event = event
        what.action = action
    }
}

/// A manifest on its way to the client, as the audit trail will tell it.
struct BegunPull {
    let what: AuditRecord.What
    let puller: PullLedger.Puller
}

/// Changes go to the audit trail before their answer goes to the client: an acknowledged change
/// always has its record (product contract, section 7).
extension Exchange {
    /// What cannot be recorded must not be changed. To be asked before anything goes upstream.
    func requireTrail(for operation: RegistryOperation) throws(Interruption) {
        if operation.isWrite { try requireTrail() }
    }

    func requireTrail() throws(Interruption) {
        if let audit = services.audit, !audit.isWritable { throw .refused(.unrecordable) }
    }

    /// Has `attempt` ask the registry for `changes`. When this returns and the registry has made
    /// them, their records are on the disk.
    func recording(
        _ changes: [AuditedChange],
        _ attempt: () async throws(Interruption) -> Void
    ) async throws(Interruption) {
        hasSentRequest = false
        do throws(Interruption) {
            try await attempt()
        } catch {
            // The registry has the whole request. Whether it did what was asked nobody knows.
            if hasSentRequest, upstream?.responseBytes == nil { add(changes, .unconfirmed) }
            throw error
        }
        guard let audit = services.audit, !changes.isEmpty else { return }
        guard (200..<300).contains(response.status) else { return add(changes, .failed) }
        // Of the other answers to an upload's begin, 202 says that it has only begun.
        let made = changes.filter { response.status == 201 || !$0.needsCreated }
        let pushed = made.contains { $0.event == .blobPush } ? await pushedByteCount() : nil
        let records = made.map { change in
            var record = record(of: change, .done)
            if change.event == .blobPush { record.what.size = pushed }
            return record
        }
        if records.contains(where: \.isChange) {
            guard await audit.commit(records) else { throw .refused(.unrecordable) }
        } else {
            audit.add(records)
        }
    }

    private func add(_ changes: [AuditedChange], _ outcome: AuditRecord.Outcome) {
        services.audit?.add(changes.map { record(of: $0, outcome) })
    }

    private func record(
        of change: AuditedChange,
        _ outcome: AuditRecord.Outcome
    ) -> AuditRecord {
        var made = auditRecord(change.event, outcome)
        made.what = change.what
        made.why.reason = change.doubt
        made.what.repository = record.repository
        let answer = upstream?.responseBytes
        if answer != nil { made.http?.status = response.status }
        if change.event == .manifestCreate || change.event == .manifestOverwrite, let answer,
            let told = response.contentDigest(in: answer.bytes),
            let digest = Digest(validating: told.span)
        {
            made.what.digest = digest.bytes
        }
        return made
    }

    /// What the registry is about to be asked for, if it is a change; that of a manifest is made of
    /// more (`changes(of:)`).
    ///
    /// - Parameter tags: those that a digest has which is to be deleted.
    func changes(
        by operation: RegistryOperation,
        isMountDowngraded: Bool,
        removing tags: RemovedTags
    ) -> [AuditedChange] {
        guard services.audit != nil else { return [] }
        switch operation {
        case .uploadStart where isMountDowngraded: return [downgradedMount]
        case .uploadStart(_, let digest?, _):
            return [blobChange(.blobPush, "create", digest)]
        case .upload(.put, _, _, let query):
            return query.digest.map { [blobChange(.blobPush, "create", $0)] } ?? []
        case .uploadMount(_, let digest, let source):
            var change = blobChange(.blobMount, "create", digest)
            change.what.from = source.bytes
            return [change]
        case .blob(.delete, _, let digest): return [blobChange(.blobDelete, "delete", digest)]
        case .manifest(.delete, _, .digest(let digest), _):
            var change = blobChange(.manifestDelete, "delete", digest)
            change.doubt = tags.doubt
            return [change] + tags.all.map(tagDeletion)
        case .manifest(.delete, _, .tag, _):
            var changes = tags.all.map(tagDeletion)
            if !changes.isEmpty { changes[0].doubt = tags.doubt }
            return changes
        default: return []
        }
    }

    private func blobChange(
        _ event: AuditRecord.Event,
        _ action: StaticText,
        _ digest: Digest
    ) -> AuditedChange {
        var change = AuditedChange(event, action)
        change.what.digest = digest.bytes
        return change
    }

    private func tagDeletion(_ removed: (tag: Tag, digest: ByteString?)) -> AuditedChange {
        var change = AuditedChange(.tagDelete, "delete")
        change.what.tag = removed.tag.bytes
        change.what.was = removed.digest
        return change
    }

    private var downgradedMount: AuditedChange {
        var change = AuditedChange(.mountDowngraded, "create")
        if case .uploadMount(_, let digest, let source)? = routed {
            change.what.digest = digest.bytes
            change.what.from = source.bytes
        }
        return change
    }
}

/// What is recorded as it happens, and nobody waits for.
extension Exchange {
    /// The rules have said no, and the client gets `refusal`.
    func noteDenied(_ denial: Denial, _ refusal: Refusal) {
        guard let audit = services.audit else { return }
        var made = auditRecord(.accessDenied, .denied)
        made.what.action = denial.action.auditName
        made.what.repository = denial.repository?.bytes ?? record.repository
        switch routed?.reference {
        case .tag(let tag): made.what.tag = tag.bytes
        case .digest(let digest): made.what.digest = digest.bytes
        case nil: break
        }
        if case .uploadMount(_, _, let source)? = routed { made.what.from = source.bytes }
        if denial.ruleIDs.isEmpty { made.why.reason = "no_rule" }
        made.http?.status = refusal.status
        audit.addCounted(made, from: client.source, at: now)
    }

    /// Credentials that were sent are refused.
    func noteRefusedLogin(_ refusal: Refusal) {
        guard let audit = services.audit, head.fields.contains(.authorization) else { return }
        guard refusal.status == 401 || refusal.status == 429 else { return }
        // A good token that is for something else: clients ask for another one all the time.
        guard refusal.tokenError != .insufficientScope else { return }
        let isGuessing = refusal.status == 429
        var made = auditRecord(isGuessing ? .authGuessing : .authFailed, .denied)
        made.why.reason = isGuessing ? "too_many" : loginFault(refusal)
        made.http?.status = refusal.status
        audit.addCounted(made, from: client.source, at: now)
    }

    private func loginFault(_ refusal: Refusal) -> StaticText {
        if refusal.tokenError != nil { return "invalid_token" }
        if services.logins == nil { return "no_login" }
        return record.claimedUser == nil ? "malformed" : "wrong_login"
    }

    /// A login was checked, and is good. Those who waited for the same check are not noted.
    ///
    /// - Parameter isStale: whether it was good while the directory was there, which it is not now.
    func noteLogin(isStale: Bool = false) {
        guard let audit = services.audit else { return }
        let made = auditRecord(isStale ? .ldapStale : .authSucceeded)
        audit.addCounted(made, from: client.source, at: now)
    }

    /// The registry gives out something. If it is a manifest, what the record will tell is kept: it
    /// is made by `notePull`, which is to follow however the answer goes on.
    func beginPull(_ operation: RegistryOperation) {
        guard services.audit != nil, response.status == 200,
            case .manifest(.get, let repository, let reference, _) = operation
        else { return }
        var what = AuditRecord.What()
        what.action = "pull"
        what.repository = repository.bytes
        if case .tag(let tag) = reference { what.tag = tag.bytes }
        if case .digest(let digest) = reference { what.digest = digest.bytes }
        if let answer = upstream?.responseBytes,
            let told = response.contentDigest(in: answer.bytes),
            let digest = Digest(validating: told.span)
        {
            what.digest = digest.bytes
        }
        if case .length(let count) = response.framing { what.size = count }
        begunPull = BegunPull(what: what, puller: puller(of: repository))
    }

    /// Notes the pull that has begun, if it is not noted yet. It stays open for the blobs that will
    /// be fetched with the manifest.
    func notePull() {
        guard let pull = begunPull else { return }
        begunPull = nil
        var made = auditRecord(.manifestPull)
        made.what = pull.what
        made.http?.status = response.status
        services.audit?.pulled(&made, by: pull.puller, at: now)
    }

    /// Whose pull the blob belongs to that is about to be sent; `nil`: nobody counts.
    func blobPuller(_ operation: RegistryOperation) -> PullLedger.Puller? {
        guard let audit = services.audit, case .blob(.get, let repository, _) = operation else {
            return nil
        }
        let puller = puller(of: repository)
        audit.blobBegan(by: puller, at: now)
        return puller
    }

    /// A blob was sent, whole or not.
    func noteBlobEnd(_ puller: PullLedger.Puller?) {
        guard let puller, let audit = services.audit else { return }
        let isContent = record.status == 200 || record.status == 206
        audit.blobEnded(isContent ? record.bytesOut ?? 0 : 0, by: puller, at: now)
    }

    private func puller(of repository: RepositoryName) -> PullLedger.Puller {
        PullLedger.Puller(
            who: record.user ?? client.text,
            isAnonymous: record.user == nil,
            repository: repository.bytes
        )
    }

    /// A record with all that is known of this request.
    func auditRecord(
        _ event: AuditRecord.Event,
        _ outcome: AuditRecord.Outcome = .done
    ) -> AuditRecord {
        var made = AuditRecord(event, outcome)
        made.who.user = record.user
        made.who.claimed = record.claimedUser
        made.who.auth = record.login.map { StaticText($0.text) }
        made.who.groups = identity.groups.map { $0.name }
        made.who.address = client.text
        if let headBytes, let place = record.userAgent {
            made.who.userAgent = ByteString(copying: headBytes.bytes.extracting(place))
        }
        if record.decision == .denied {
            made.why.deny = record.rules
        } else {
            made.why.allow = record.rules
        }
        made.why.generation = generation.number
        var http = AuditRecord.HTTP(id: record.id)
        http.givenID = record.givenID
        http.method = StaticText(head.method.name)
        http.nanoseconds = Instant.now.nanoseconds(since: begun)
        made.http = http
        return made
    }
}

extension AuditedChange {
    /// Whether only a 201 says that it was made.
    fileprivate var needsCreated: Bool { event == .blobPush || event == .blobMount }
}

extension RegistryOperation {
    /// Whether it changes what the registry holds, or begins to. Giving up an upload does not.
    fileprivate var isWrite: Bool {
        switch self {
        case .manifest(.put, _, _, _), .manifest(.delete, _, _, _), .blob(.delete, _, _),
            .uploadStart, .uploadMount, .upload(.patch, _, _, _), .upload(.put, _, _, _):
            true
        case .base, .health, .options, .catalog, .ping, .search, .tags, .referrers, .manifest,
            .blob, .upload:
            false
        }
    }
}

extension Actions {
    fileprivate var auditName: StaticText? {
        switch self {
        case []: nil
        case .pull: "pull"
        case .create: "create"
        case .overwrite: "overwrite"
        case .delete: "delete"
        default: "push"
        }
    }
}

extension Refusal {
    /// What the audit trail cannot hold is not done.
    static let unrecordable = Refusal.unavailable(
        "the audit trail cannot be written, so nothing may be changed now",
        retryAfter: 5
    )
}
