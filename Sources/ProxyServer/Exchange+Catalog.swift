import AccessControl
import Bytes
import HTTPWire
import NetIO
import RegistryAPI
import Secrets

/// The catalog, filtered: it shows what the asker may pull, decided as for a pull, and nothing of
/// the rest, not even in the names that a page ends with. Who has the right `catalog` sees it
/// whole.
extension Exchange {
    func answerCatalog(
        _ page: Page,
        cursor: ByteString?,
        for reader: CatalogReader
    ) async throws(Interruption) {
        var memory = MemoryShare(of: services.shared.answerMemory)
        defer { memory.giveBack() }
        try await answer(makeCatalog(page, cursor: cursor, for: reader, within: &memory))
    }

    /// - Parameter memory: holds what the answer takes, and meanwhile what it is made of.
    private func makeCatalog(
        _ page: Page,
        cursor: ByteString?,
        for reader: CatalogReader,
        within memory: inout MemoryShare
    ) async throws(Interruption) -> OwnAnswer {
        var start = page.last
        if let cursor {
            guard let name = services.shared.catalogCursors.name(at: cursor, for: reader.identity)
            else {
                throw .refused(.unknownCursor)
            }
            start = name
        }
        let wanted = page.count ?? Self.usualPage
        var names: [ByteString] = []
        var link: ByteString?
        if wanted > 0 {
            let walk = try await walkCatalog(
                after: start, count: wanted, for: reader, within: &memory)
            names = walk.visible
            link = try nextPage(behind: walk, count: wanted, for: reader)
        }
        var answer = OwnAnswer(200, body: NameList.json(key: "repositories", names))
        guard memory.hold(answer.body.count) else { throw .refused(.tooManyLists) }
        answer.link = link
        return answer
    }

    static let usualPage = 100

    /// Where the client goes on; `nil` at the end of the list.
    private func nextPage(
        behind walk: CatalogWalk,
        count: Int,
        for reader: CatalogReader
    ) throws(Interruption) -> ByteString? {
        switch walk.end {
        case .ofList: return nil
        case .full:
            return NameList.nextCatalogPage(after: walk.visible.last, count: count)
        case .at(let name) where name == walk.visible.last:
            return NameList.nextCatalogPage(after: name, count: count)
        case .at(let name):
            do throws(RandomnessError) {
                let cursor = try services.shared.catalogCursors.cursor(
                    at: name, for: reader.identity)
                return NameList.nextCatalogPage(
                    after: walk.visible.last,
                    cursor: cursor,
                    count: count
                )
            } catch {
                throw .refused(Refusal(500, .unknown, "the system gives no random numbers"))
            }
        }
    }

    /// `docker search`: the visible repositories that have the term in their name. There are no
    /// pages; what a walk does not reach is not found.
    func answerSearch(
        _ term: SearchTerm,
        for reader: CatalogReader
    ) async throws(Interruption) {
        if reader.identity.isAnonymous, asksWithoutItsLogin {
            throw .refused(.unauthorized("authentication required"))
        }
        var memory = MemoryShare(of: services.shared.answerMemory)
        defer { memory.giveBack() }
        try await answer(makeFindings(term, for: reader, within: &memory))
    }

    private func makeFindings(
        _ term: SearchTerm,
        for reader: CatalogReader,
        within memory: inout MemoryShare
    ) async throws(Interruption) -> OwnAnswer {
        let walk = try await walkCatalog(
            after: nil, count: term.count, for: reader, matching: term, within: &memory)
        let answer = OwnAnswer(200, body: term.json(walk.visible))
        guard memory.hold(answer.body.count) else { throw .refused(.tooManyLists) }
        return answer
    }
}

extension Exchange {
    /// podman searches here without the login that it has, and takes 200 for the whole answer, so
    /// that its user would see public repositories only. After 401 it searches the catalog itself,
    /// with the login. (containers/image, `docker.SearchRegistry`.)
    private var asksWithoutItsLogin: Bool {
        guard let headBytes, let agent = head.fields.first(.userAgent) else { return false }
        return headBytes.bytes.extracting(agent).starts(withIgnoringCase: "containers/")
    }
}

/// Who looks at the catalog.
struct CatalogReader {
    let identity: Identity
    /// Whether nothing is filtered (`catalog` under `access.server`).
    let seesAll: Bool

    init(_ identity: Identity, _ permit: borrowing Permit) {
        self.identity = identity
        seesAll = permit.showsWholeCatalog
    }
}

/// What a walk along the catalog has found.
struct CatalogWalk {
    var visible: [ByteString] = []
    var end = End.ofList

    enum End: Sendable, Hashable {
        /// Nothing follows.
        case ofList
        /// As many as were wanted, and at least one more follows.
        case full
        /// It was enough work for one request. The last name that was looked at, visible or not.
        case at(ByteString)
    }

    /// How much one request may cost: how often the registry is asked, how many names are decided
    /// about, and how long until no further page is begun.
    static let questionLimit = 20
    static let nameLimit = 100_000
    static let patience: Int64 = 10_000_000_000
}

extension Exchange {
    /// Collects names in the registry's order, at most `count`.
    private func walkCatalog(
        after start: ByteString?,
        count: Int,
        for reader: CatalogReader,
        matching term: SearchTerm? = nil,
        within memory: inout MemoryShare
    ) async throws(Interruption) -> CatalogWalk {
        var walk = CatalogWalk()
        var last = start
        var questions = 0
        var seen = 0
        let enough = now.advanced(by: CatalogWalk.patience)
        while true {
            let (page, first) = try await catalogPage(after: last, &questions)
            for index in first..<page.names.count {
                seen += 1
                if seen % 256 == 0 { await Task.yield() }
                if let term, !term.matches(page.names[index]) { continue }
                guard maySee(page.names[index], reader) else { continue }
                if walk.visible.count == count {
                    walk.end = .full
                    return walk
                }
                guard memory.grow(by: page.names[index].count) else {
                    throw .refused(.tooManyLists)
                }
                walk.visible.append(ByteString(copying: page.names[index]))
            }
            guard page.hasMore, let end = page.names.last, end != last else { return walk }
            last = end
            if questions >= CatalogWalk.questionLimit || seen >= CatalogWalk.nameLimit
                || now >= enough
            {
                walk.end = .at(end)
                return walk
            }
        }
    }

    private func maySee(_ name: borrowing Span<UInt8>, _ reader: CatalogReader) -> Bool {
        if reader.seesAll { return RepositoryName.isValid(name) }
        return settings.policy.mayPull(
            reader.identity,
            name,
            in: circumstances,
            scratch: &services.decision
        )
    }

    /// What the registry lists behind `last`, as it is known, or asked anew.
    ///
    /// - Parameter questions: counts those to the registry.
    private func catalogPage(
        after last: ByteString?,
        _ questions: inout Int
    ) async throws(Interruption) -> (CatalogPage, first: Int) {
        let cache = generation.catalog
        let deadline = timeouts.upstreamResponse.deadline(from: now)
        let waker = connection.waiter.remote
        while true {
            switch cache.lookUp(after: last, now: now, wake: { waker.wake() }) {
            case .found(let page, let first): return (page, first)
            case .mustWait(let turn):
                defer { cache.leave(turn) }
                try await awaitOthers(
                    { turn.isOver },
                    until: deadline,
                    orElse: .late(
                        504, "the registry does not list its repositories", .upstreamResponse)
                )
            case .mustAsk(let ticket):
                questions += 1
                do throws(Interruption) {
                    let page = try await askForCatalog(after: last)
                    cache.finish(ticket, page, now: now)
                    return (page, 0)
                } catch {
                    cache.finish(ticket, nil, now: now)
                    throw error
                }
            }
        }
    }

    private func askForCatalog(
        after last: ByteString?
    ) async throws(Interruption) -> CatalogPage {
        for size in [Page.largest, Self.usualPage] {
            let answer = try await ask(
                .get,
                .catalog(Page(count: size, last: last)),
                accept: nil,
                bodyLimit: 1024 * 1024
            )
            // The registry may be set to shorter pages (`catalog.maxentries`).
            if answer.status == 400, size > Self.usualPage { continue }
            guard answer.status == 200,
                let names = NameList.parse(answer.body.bytes.span, key: "repositories"),
                names.last.map({ $0.count <= Page.longestLast }) ?? true
            else { break }
            return CatalogPage(names: names, hasMore: answer.hasNextPage)
        }
        throw .refused(.badGateway("the registry does not list its repositories"))
    }
}

extension Refusal {
    fileprivate static let unknownCursor = Refusal(
        400,
        .badRequest,
        "_pc is no cursor of this catalog (begin again without it)"
    )
}
