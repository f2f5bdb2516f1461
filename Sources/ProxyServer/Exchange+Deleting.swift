import AccessControl
import AuditTrail
import Bytes
import HTTPWire
import NetIO
import RegistryAPI

/// Deletes have their repository alone from before anything is asked until the registry has
/// answered: a tag that was put meanwhile would be lost with its manifest (`access.md`, "Deletes").
extension Exchange {
    /// A delete that the rules allow whatever tags there are.
    func delete(
        _ permit: consuming Permit,
        in repository: RepositoryName
    ) async throws(Interruption) {
        defer { releaseLocks() }
        try requireTrail(for: permit.operation)
        try await take([(.repository(repository), .exclusive)])
        let tags = try await tagsToRecord(of: permit.operation)
        try await forward(permit, removing: tags)
    }

    /// The tags that go with what is deleted, for the audit trail, as far as they can be found out:
    /// it is no reason to refuse the delete if they cannot.
    private func tagsToRecord(
        of operation: RegistryOperation
    ) async throws(Interruption) -> RemovedTags {
        guard services.audit != nil, case .manifest(_, let repository, let reference, _) = operation
        else { return RemovedTags() }
        do throws(Interruption) {
            switch reference {
            case .tag(let tag):
                let told = try await lookUpIfPossible(tag, in: repository)
                let known = try await named(told, of: tag, in: repository)
                return RemovedTags(all: [(tag, known.digest)], doubt: known.doubt)
            case .digest(let digest):
                return RemovedTags(try await tags(of: digest, in: repository), digest)
            }
        } catch {
            if case .downstream = error { throw error }
            releaseUpstream(isClean: false)
            return RemovedTags(doubt: "tags_unknown")
        }
    }

    /// A delete by digest that needs the right to every tag of the digest.
    func delete(
        _ deletion: consuming PendingDeletion,
        for identity: Identity
    ) async throws(Interruption) {
        guard case .manifest(_, let repository, .digest(let digest), _) = deletion.operation else {
            preconditionFailure("a deletion that is not by digest")
        }
        defer { releaseLocks() }
        try requireTrail(for: deletion.operation)
        try await take([(.repository(repository), .exclusive)])
        let permit: Permit
        let found = try await tags(of: digest, in: repository)
        switch found {
        case .some(_, let bound):
            throw refuse(deletion.denial(because: bound.text), identity)
        case .all(let tags):
            do throws(Denial) {
                permit = try deletion.settled(by: tags, scratch: &services.decision)
            } catch {
                throw refuse(error, identity)
            }
        }
        noteAllowed(by: permit)
        try await forward(permit, removing: RemovedTags(found, digest))
    }

    fileprivate static let mostTags = 1000
    /// Longer than any list of so many tags.
    private static let tagListLimit = 4 * 1024 * 1024

    /// Asks the registry what each tag of the repository is, for at most `timeouts.tagSearch`.
    private func tags(
        of digest: Digest,
        in repository: RepositoryName
    ) async throws(Interruption) -> TagsOfDigest {
        let deadline = timeouts.tagSearch.deadline(from: now)
        var found: [Tag] = []
        do throws(Interruption) {
            guard let listed = try await allTags(of: repository, until: deadline) else {
                return .some([], .count)
            }
            for tag in listed
            where try await isTag(tag, of: digest, in: repository, until: deadline) {
                found.append(tag)
            }
            return .all(found)
        } catch {
            guard case .upstream(.stream(.timedOut)) = error, now >= deadline.instant else {
                throw error
            }
            // An answer is on its way that nobody waits for.
            releaseUpstream(isClean: false)
            return .some(found, .time(timeouts.tagSearch))
        }
    }

    private func isTag(
        _ tag: Tag,
        of digest: Digest,
        in repository: RepositoryName,
        until deadline: Deadline
    ) async throws(Interruption) -> Bool {
        let known = try await ask(
            .head,
            .manifest(.head, repository, .tag(tag), tags: []),
            accept: acceptedManifests,
            bodyLimit: 0,
            until: deadline
        )
        switch (known.status, known.digest) {
        case (404, _): return false
        case (200, let known?): return known == digest.bytes
        default: throw .refused(.badGateway("the registry cannot say what a tag is"))
        }
    }

    /// - Returns: `nil` if there are more than `mostTags`.
    private func allTags(
        of repository: RepositoryName,
        until deadline: Deadline
    ) async throws(Interruption) -> [Tag]? {
        var tags: [Tag] = []
        var last: ByteString?
        while tags.count <= Self.mostTags {
            let answer = try await ask(
                .get,
                .tags(repository, Page(last: last)),
                accept: nil,
                bodyLimit: Self.tagListLimit,
                until: deadline,
                cutsOff: true
            )
            // Not there at all; behind a first page it is a list without its end.
            if answer.status == 404, last == nil { return [] }
            guard answer.isWhole else { return nil }
            guard answer.status == 200,
                let names = NameList.parse(answer.body.bytes.span, key: "tags")
            else { throw .refused(.badGateway("the registry does not list the tags")) }
            for index in 0..<names.count {
                guard let tag = Tag(validating: names[index]) else {
                    throw .refused(.badGateway("the registry lists a tag that cannot be one"))
                }
                tags.append(tag)
            }
            if !answer.hasNextPage { return tags.count <= Self.mostTags ? tags : nil }
            guard let end = names.last, end != last, end.count <= Page.longestLast else {
                throw .refused(.badGateway("the registry's list of tags has no end"))
            }
            last = end
        }
        return nil
    }
}

/// The tags of a repository that point to one digest.
private enum TagsOfDigest {
    case all([Tag])
    /// There may be more, which cannot be found with reasonable effort.
    case some([Tag], Bound)

    enum Bound {
        case count
        case time(Timeout)

        var text: String {
            switch self {
            case .count: "the repository has more than \(Exchange.mostTags) tags to look through"
            case .time(let limit):
                "looking through the repository's tags took more than "
                    + "\(limit.nanoseconds / 1_000_000_000) seconds"
            }
        }
    }
}

/// Tags that a delete takes away, and what they point to, for the audit trail.
struct RemovedTags {
    var all: [(tag: Tag, digest: ByteString?)] = []
    /// What about them could not be found out.
    var doubt: StaticText?
}

extension RemovedTags {
    fileprivate init(_ found: TagsOfDigest, _ digest: Digest) {
        switch found {
        case .all(let tags): all = tags.map { ($0, digest.bytes) }
        case .some(let tags, let bound):
            all = tags.map { ($0, digest.bytes) }
            if case .count = bound { doubt = "tags_too_many" } else { doubt = "tags_too_slow" }
        }
    }
}
