import AccessControl
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
        let room = try reserveManifest()
        defer { services.shared.manifestMemory.give(room) }
        try await tellToContinue()
        let manifest = try await readManifest(room: room)
        let tags = push.tags
        let repository = push.repository
        var held: [RegistryLocks.Ticket] = []
        defer { release(held) }
        try await take(
            [(.repository(repository), .shared)]
                + tags.map { (.tag(repository, $0), .exclusive) },
            into: &held
        )
        let operation = push.operation
        let shadowDepends = shadowDependence(identity, operation)
        var states: [TagState] = []
        for (index, tag) in tags.enumerated() {
            var known = TagState.new
            if push.depends(onTagAt: index) {
                known = try await state(of: tag, in: push.repository, manifest)
            } else if index < shadowDepends.count, shadowDepends[index] {
                known = try await shadowState(of: tag, in: push.repository, manifest)
            }
            states.append(known)
        }
        askShadow(identity, operation, states)
        let permit: Permit
        do throws(Denial) {
            permit = try push.settled(by: states)
        } catch {
            throw refuse(error, identity)
        }
        noteAllowed(by: permit)
        try await send(manifest, permit.operation)
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

    private func readManifest(room: Int) async throws(Interruption) -> Buffer {
        let manifest = Buffer(capacity: room + 1)
        let deadline = timeouts.manifestBody.deadline(from: now)
        while !reader.isBodyComplete {
            if manifest.count > room {
                throw .refused(.manifestTooLarge(settings.limits.manifest))
            }
            let attempt: MessageReader.PayloadAttempt
            do throws(ReadFailure) {
                attempt = try reader.tryReadPayload(into: manifest, atMost: manifest.room)
            } catch {
                throw .downstream(error)
            }
            if attempt == .wouldBlock { try await pauseForDownstream(until: deadline) }
        }
        if manifest.count > room {
            throw .refused(.manifestTooLarge(settings.limits.manifest))
        }
        return manifest
    }

    /// Only the shadow rules want to know: if it cannot be found out, they have no answer.
    private func shadowState(
        of tag: Tag,
        in repository: RepositoryName,
        _ manifest: Buffer
    ) async throws(Interruption) -> TagState {
        do throws(Interruption) {
            return try await state(of: tag, in: repository, manifest)
        } catch {
            if case .downstream = error { throw error }
            shadowSaid = nil
            return .new
        }
    }

    /// Asks the registry what the tag is now, against the manifest that is being pushed.
    private func state(
        of tag: Tag,
        in repository: RepositoryName,
        _ manifest: Buffer
    ) async throws(Interruption) -> TagState {
        let known = try await ask(
            .head,
            .manifest(.head, repository, .tag(tag), tags: []),
            accept: acceptedManifests,
            bodyLimit: 0
        )
        switch known.status {
        case 404: return .new
        case 200: return known.digest == manifest.digest ? .identical : .other
        default: throw .refused(.badGateway("the registry cannot say whether the tag exists"))
        }
    }

    /// docker-registry 2.8 says 404 to a HEAD of an existing manifest whose type is not listed.
    var acceptedManifests: ByteString {
        var types = Self.manifestTypes
        if let headBytes, let type = head.fields.first(.contentType) {
            types += Array(", ".utf8)
            types += ByteString(copying: headBytes.bytes.extracting(type)).bytes
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
        _ operation: RegistryOperation
    ) async throws(Interruption) {
        try await withFreshRetry(of: .put) { () throws(Interruption) in
            try await sendHead(of: operation, method: .put, framing: .length(manifest.count))
            if hasSentRequest {
                hasSentRequest = try await sendUpstream(manifest, answering: .put)
            }
            try await readResponseHead(answering: .put, timeouts.upstreamCommit)
        }
        noteChange(operation)
        try await relayResponse(answering: .put)
    }
}

extension Refusal {
    static func manifestTooLarge(_ limit: Int) -> Refusal {
        Refusal(413, .manifestInvalid, ByteString("a manifest has at most \(limit) bytes"))
    }
}

extension Buffer {
    /// The content's digest as a registry writes it.
    fileprivate var digest: ByteString {
        let hexadecimal = Array("0123456789abcdef".utf8)
        var text = Array("sha256:".utf8)
        for byte in SHA256.digest(of: bytes).bytes {
            text.append(hexadecimal[Int(byte >> 4)])
            text.append(hexadecimal[Int(byte & 15)])
        }
        return ByteString(text)
    }
}
