import AccessControl
import Bytes
import HTTPWire
import NetIO
import RegistryAPI

/// The catalog, filtered: it shows what the asker may pull, decided as for a pull, and nothing of
/// the rest, not even in the names that a page ends with.
extension Exchange {
    func answerCatalog(_ page: Page, for identity: Identity) async throws(Interruption) {
        let wanted = page.count ?? Self.usualPage
        let visible = wanted == 0 ? [] : try await visibleNames(after: page.last, wanted, identity)
        var answer = OwnAnswer(
            200,
            body: NameList.json(key: "repositories", Array(visible.prefix(wanted)))
        )
        if visible.count > wanted {
            answer.link = NameList.nextCatalogPage(after: visible[wanted - 1], count: wanted)
        }
        try await self.answer(answer)
    }

    static let usualPage = 100

    /// Names in the registry's order, one more than `count` if there are more.
    private func visibleNames(
        after start: ByteString?,
        _ count: Int,
        _ identity: Identity
    ) async throws(Interruption) -> [ByteString] {
        var visible: [ByteString] = []
        var last = start
        let deadline = Timeout("upstream_response", seconds: 60).deadline(from: now)
        while true {
            let (names, hasMore) = try await registryPage(after: last)
            for name in names
            where settings.policy.mayPull(identity, name.span, scratch: &services.decision) {
                visible.append(name)
                if visible.count > count { return visible }
            }
            guard hasMore, let end = names.last, end != last else { return visible }
            last = end
            if now >= deadline.instant {
                throw .refused(.late(504, "the catalog is too long", deadline.name.description))
            }
        }
    }

    private func registryPage(
        after last: ByteString?
    ) async throws(Interruption) -> (names: [ByteString], hasMore: Bool) {
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
                let names = NameList.parse(answer.body.span, key: "repositories"),
                names.allSatisfy({ $0.count <= Page.longestLast })
            else { break }
            return (names, answer.hasNextPage)
        }
        throw .refused(.badGateway("the registry does not list its repositories"))
    }
}
