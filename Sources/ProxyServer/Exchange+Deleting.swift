import AccessControl
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
        var held: [RegistryLocks.Ticket] = []
        defer { release(held) }
        try await take([(.repository(repository), .exclusive)], into: &held)
        try await forward(permit)
    }

    /// A delete by digest that needs the right to every tag of the digest.
    func delete(
        _ deletion: consuming PendingDeletion,
        for identity: Identity
    ) async throws(Interruption) {
        guard case .manifest(_, let repository, .digest(let digest), _) = deletion.operation else {
            preconditionFailure("a deletion that is not by digest")
        }
        var held: [RegistryLocks.Ticket] = []
        defer { release(held) }
        try await take([(.repository(repository), .exclusive)], into: &held)
        let permit: Permit
        switch try await tags(of: digest, in: repository) {
        case .tooMany(let reason):
            throw refuse(deletion.denial(because: reason), identity)
        case .all(let tags):
            do throws(Denial) {
                permit = try deletion.settled(by: tags, scratch: &services.decision)
            } catch {
                throw refuse(error, identity)
            }
        }
        noteAllowed(by: permit)
        try await forward(permit)
    }

    private enum TagsOfDigest {
        case all([Tag])
        /// Not to be found out with reasonable effort; why.
        case tooMany(String)
    }

    private static let mostTags = 1000
    private static let tagSearch = Timeout("tag_search", seconds: 10)

    /// Asks the registry what each tag of the repository is.
    private func tags(
        of digest: Digest,
        in repository: RepositoryName
    ) async throws(Interruption) -> TagsOfDigest {
        let deadline = Self.tagSearch.deadline(from: now)
        guard let listed = try await allTags(of: repository) else {
            return .tooMany("the repository has more than \(Self.mostTags) tags to look through")
        }
        var found: [Tag] = []
        for tag in listed {
            if now >= deadline.instant {
                return .tooMany("looking through the repository's tags took more than 10 seconds")
            }
            let known = try await ask(
                .head,
                .manifest(.head, repository, .tag(tag), tags: []),
                accept: acceptedManifests,
                bodyLimit: 0
            )
            switch (known.status, known.digest) {
            case (404, _): break
            case (200, let known?): if known == digest.bytes { found.append(tag) }
            default: throw .refused(.badGateway("the registry cannot say what a tag is"))
            }
        }
        return .all(found)
    }

    /// - Returns: `nil` if there are more than `mostTags`.
    private func allTags(of repository: RepositoryName) async throws(Interruption) -> [Tag]? {
        var tags: [Tag] = []
        var last: ByteString?
        while tags.count <= Self.mostTags {
            let answer = try await ask(
                .get,
                .tags(repository, Page(last: last)),
                accept: nil,
                bodyLimit: 4 * 1024 * 1024
            )
            if answer.status == 404 { return tags }
            guard answer.status == 200,
                let names = NameList.parse(answer.body.span, key: "tags")
            else { throw .refused(.badGateway("the registry does not list the tags")) }
            for index in 0..<names.count {
                guard let tag = Tag(validating: names[index]) else {
                    throw .refused(.badGateway("the registry lists a tag that cannot be one"))
                }
                tags.append(tag)
            }
            guard answer.hasNextPage, let end = names.last, end != last,
                end.count <= Page.longestLast
            else { break }
            last = end
        }
        return tags.count <= Self.mostTags ? tags : nil
    }
}
