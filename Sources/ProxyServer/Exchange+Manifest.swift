import AccessControl
import AuditTrail
import Bytes
import HTTPWire
import NetIO
import RegistryAPI
import Secrets

/// Manifests are read whole before anything of them goes on: they are small, and whether a tag is
/// created or overwritten has to be known first (`access.md`, "Tag semantics").
extension Exchange {
    func forward(
        _ push: consuming PendingPush,
        for identity: Identity
    ) async throws(Interruption) {
        try refuseForms()
        try requireTrail(for: push.operation)
        let room = try reserveManifest()
        defer { services.shared.manifestMemory.give(room) }
        try await tellToContinue()
        let manifest = try await readWhole(
            room: room, tooLong: .manifestTooLarge(settings.limits.manifest))
        let tags = push.tags
        let repository = push.repository
        defer { releaseLocks() }
        try await take(
            [(.repository(repository), .shared)]
                + tags.map { (.tag(repository, $0), .exclusive) }
        )
        let operation = push.operation
        let known = try await lookUp(push, shadowDependence(identity, operation))
        let isAudited = services.audit != nil
        let digest =
            isAudited || known.contains { $0.digest != nil } ? manifest.bytes.contentDigest : nil
        let states = known.map { $0.state(against: digest) }
        askShadow(identity, operation, states)
        let permit: Permit
        do throws(Denial) {
            permit = try push.settled(by: states)
        } catch {
            throw refuse(error, identity)
        }
        noteAllowed(by: permit)
        var changes: [AuditedChange] = []
        if isAudited {
            var all: [(Tag, KnownTag)] = []
            for (tag, known) in zip(tags, known) {
                all.append((tag, try await named(known, of: tag, in: repository)))
            }
            changes = Self.changes(to: all, digest, manifest.count)
        }
        try await send(manifest, permit.operation, recording: changes)
    }

    /// A form is no manifest, and the registry would read it as parameters.
    private func refuseForms() throws(Interruption) {
        guard let headBytes, let type = head.fields.first(.contentType) else { return }
        let value = headBytes.bytes.extracting(type)
        let isForm =
            value.starts(withIgnoringCase: "application/x-www-form-urlencoded")
            || value.starts(withIgnoringCase: "multipart/")
        if isForm {
            throw .refused(Refusal(415, .manifestInvalid, "a manifest cannot be sent as a form"))
        }
    }

    /// Takes memory for the whole manifest out of what all pushes may hold together.
    /// - Returns: how many bytes.
    private func reserveManifest() throws(Interruption) -> Int {
        let limit = settings.limits.manifest
        let room = reader.remainingPayload ?? limit
        if room > limit { throw .refused(.manifestTooLarge(limit)) }
        guard services.shared.manifestMemory.take(room) else {
            throw .refused(.unavailable("too many manifests are being pushed", retryAfter: 1))
        }
        return room
    }

    /// Reads the request's body, which is to be looked at and not streamed, within
    /// `timeouts.manifest_body`.
    ///
    /// - Parameter tooLong: what a body of more than `room` bytes gets.
    func readWhole(
        room: Int,
        tooLong: @autoclosure () -> Refusal
    ) async throws(Interruption) -> Buffer {
        let body = Buffer(capacity: room + 1)
        let deadline = timeouts.manifestBody.deadline(from: now)
        while !reader.isBodyComplete {
            if body.count > room { throw .refused(tooLong()) }
            let attempt: MessageReader.PayloadAttempt
            do throws(ReadFailure) {
                attempt = try reader.tryReadPayload(into: body, atMost: body.room)
            } catch {
                throw .downstream(error)
            }
            if attempt == .wouldBlock { try await pauseForDownstream(until: deadline) }
        }
        if body.count > room { throw .refused(tooLong()) }
        return body
    }

    /// What the tags are now, as far as somebody wants to know: the rules, who must be told; the
    /// shadow rules and the audit trail, if it can be found out.
    ///
    /// - Parameter shadowDepends: of which tags the shadow rules want to know it.
    private func lookUp(
        _ push: borrowing PendingPush,
        _ shadowDepends: [Bool]
    ) async throws(Interruption) -> [KnownTag] {
        var all: [KnownTag] = []
        for (index, tag) in push.tags.enumerated() {
            let isForShadow = index < shadowDepends.count && shadowDepends[index]
            var known = KnownTag.unknown
            if push.depends(onTagAt: index) {
                known = try await lookUp(tag, in: push.repository)
            } else if isForShadow || services.audit != nil {
                known = try await lookUpIfPossible(tag, in: push.repository)
                if isForShadow, known == .unknown { shadowSaid = nil }
            }
            all.append(known)
        }
        return all
    }

    /// Asks the registry what the tag is now, and takes it for unknown if that cannot be said.
    func lookUpIfPossible(
        _ tag: Tag,
        in repository: RepositoryName
    ) async throws(Interruption) -> KnownTag {
        do throws(Interruption) {
            return try await lookUp(tag, in: repository)
        } catch {
            if case .downstream = error { throw error }
            releaseUpstream(isClean: false)
            return .unknown
        }
    }

    /// Asks the registry what the tag is now.
    private func lookUp(
        _ tag: Tag,
        in repository: RepositoryName
    ) async throws(Interruption) -> KnownTag {
        let known = try await ask(
            .head,
            .manifest(.head, repository, .tag(tag), tags: []),
            accept: acceptedManifests,
            bodyLimit: 0
        )
        switch known.status {
        case 404: return .absent
        case 200: return .there(known.validDigest)
        default: throw .refused(.badGateway("the registry cannot say whether the tag exists"))
        }
    }

    /// For the audit trail, where the registry tells no digest: the same with that of the manifest
    /// itself, if it can be read.
    func named(
        _ known: KnownTag,
        of tag: Tag,
        in repository: RepositoryName
    ) async throws(Interruption) -> KnownTag {
        guard known == .there(nil) else { return known }
        do throws(Interruption) {
            let answer = try await ask(
                .get,
                .manifest(.get, repository, .tag(tag), tags: []),
                accept: acceptedManifests,
                bodyLimit: settings.limits.manifest,
                cutsOff: true
            )
            guard answer.status == 200, answer.isWhole else { return known }
            return .there(answer.validDigest ?? answer.body.bytes.span.contentDigest)
        } catch {
            if case .downstream = error { throw error }
            releaseUpstream(isClean: false)
            return known
        }
    }

    /// One for each tag that is set; without any, for the manifest alone.
    private static func changes(
        to tags: [(tag: Tag, known: KnownTag)],
        _ digest: ByteString?,
        _ byteCount: Int
    ) -> [AuditedChange] {
        var manifest = AuditedChange(.manifestCreate, "create")
        manifest.what.digest = digest
        manifest.what.size = byteCount
        guard !tags.isEmpty else { return [manifest] }
        return tags.map { tag, known in
            let isMove = known != .absent && known.state(against: digest) != .identical
            var change = isMove ? AuditedChange(.manifestOverwrite, "overwrite") : manifest
            change.what.digest = digest
            change.what.size = byteCount
            change.what.tag = tag.bytes
            change.what.was = known.digest
            change.doubt = known.doubt
            return change
        }
    }

    /// docker-registry 2.8 says 404 to a HEAD of an existing manifest whose type is not listed.
    var acceptedManifests: ByteString {
        var types = Self.manifestTypes
        // Without its parameters, of which a weight would mean something here.
        if let headBytes, let value = head.fields.first(.contentType),
            let type = headBytes.bytes.extracting(value).mediaType
        {
            types += Array(", ".utf8)
            types += ByteString(copying: type).bytes
        }
        return ByteString(types)
    }

    private static let manifestTypes = Array(
        """
        application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
        application/vnd.docker.distribution.manifest.v2+json, \
        application/vnd.docker.distribution.manifest.list.v2+json, \
        application/vnd.docker.distribution.manifest.v1+prettyjws, application/json, */*
        """.utf8
    )

    private func send(
        _ manifest: Buffer,
        _ operation: RegistryOperation,
        recording changes: [AuditedChange]
    ) async throws(Interruption) {
        try requireTrail(for: operation)
        try await recording(changes) { () throws(Interruption) in
            try await withFreshRetry(of: .put) { () throws(Interruption) in
                try await sendHead(of: operation, method: .put, framing: .length(manifest.count))
                if hasSentRequest {
                    hasSentRequest = false
                    hasSentRequest = try await sendUpstream(manifest, answering: .put)
                }
                try await readResponseHead(answering: .put, timeouts.upstreamCommit)
            }
        }
        releaseLocks()
        noteChange(operation)
        try await relayResponse(answering: .put)
    }
}

/// What the registry says of a tag before a push or a delete.
enum KnownTag: Equatable {
    /// Nobody has asked, or the registry could not say.
    case unknown
    case absent
    /// It points to this digest, if the registry told one.
    case there(ByteString?)

    var digest: ByteString? { if case .there(let digest) = self { digest } else { nil } }

    /// What the audit trail says where it cannot say what the tag pointed to.
    var doubt: StaticText? {
        switch self {
        case .unknown: "tag_unknown"
        case .there(nil): "was_unknown"
        case .absent, .there: nil
        }
    }

    /// - Parameter digest: that of the manifest which is being pushed.
    func state(against digest: ByteString?) -> TagState {
        switch self {
        case .unknown, .absent: .new
        case .there(let old): old != nil && old == digest ? .identical : .other
        }
    }
}

extension Refusal {
    static func manifestTooLarge(_ limit: Int) -> Refusal {
        Refusal(413, .manifestInvalid, ByteString("a manifest has at most \(limit) bytes"))
    }
}

extension RegistryAnswer {
    fileprivate var validDigest: ByteString? {
        digest.flatMap { Digest(validating: $0.span)?.bytes }
    }
}

extension Span<UInt8> {
    /// The content's digest as a registry writes it.
    fileprivate var contentDigest: ByteString {
        let digits = SHA256.digest(of: self).bytes.flatMap(\.hexadecimalDigits)
        return ByteString(Array("sha256:".utf8) + digits)
    }
}
