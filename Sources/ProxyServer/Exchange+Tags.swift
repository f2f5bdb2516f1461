import AccessControl
import Bytes
import HTTPWire
import NetIO
import RegistryAPI

/// Lists of tags: in bytewise order and in pages of the size asked for, whatever the registry does.
/// docker-registry 2.8 lists all tags in no order, and `null` where there are none.
extension Exchange {
    func answerTags(
        of repository: RepositoryName,
        _ page: Page,
        permit: consuming Permit
    ) async throws(Interruption) {
        var memory = MemoryShare(of: services.shared.answerMemory)
        defer { memory.giveBack() }
        guard let answer = try await makeTagList(of: repository, page, within: &memory) else {
            // Most often there is no such repository, and the registry says it best.
            try await replaceMissing()
            return try await relayResponse(answering: .get)
        }
        try await self.answer(answer)
    }

    /// - Parameter memory: holds what the answer takes, and meanwhile what it is made of.
    /// - Returns: `nil` if the registry gives no list; its answer is then still to be relayed.
    private func makeTagList(
        of repository: RepositoryName,
        _ page: Page,
        within memory: inout MemoryShare
    ) async throws(Interruption) -> OwnAnswer? {
        var listed = NameTable()
        var next = Page(count: page.count.map { max($0, 1) }, last: page.last)
        var isComplete = false
        for _ in 0..<Self.tagQuestionLimit where !isComplete {
            guard let answer = try await askForTags(of: repository, next) else { return nil }
            guard let names = NameList.parse(answer.body.bytes.span, key: "tags"),
                names.last.map({ $0.count <= Page.longestLast }) ?? true
            else { throw .refused(.badGateway("the registry does not list its tags")) }
            guard memory.grow(by: names.byteCount) else { throw .refused(.tooManyLists) }
            for index in 0..<names.count { listed.append(names[index]) }
            let end = names.last
            isComplete = !answer.hasNextPage || end == nil || end == next.last
            if page.count != nil || listed.byteCount > Self.tagListLimit { break }
            next = Page(count: Self.laterTagPage, last: end)
        }
        let shown = await select(page, from: listed, continues: !isComplete)
        let names = page.count == 0 ? [] : shown.tags
        var answer = OwnAnswer(200, body: NameList.json(key: "tags", names, of: repository))
        guard memory.hold(answer.body.count) else { throw .refused(.tooManyLists) }
        if page.count != 0, shown.hasMore, let last = shown.tags.last {
            answer.link = NameList.nextTagPage(of: repository, after: last, count: page.count)
        }
        return answer
    }

    /// For a registry that gives out its list in pages only: how many, and of what size behind the
    /// first one. A list that is longer is shown with a `Link` to its rest.
    private static let tagQuestionLimit = 100
    private static let laterTagPage = Page.largest
    private static let tagListLimit = 16 * 1024 * 1024

    /// - Returns: `nil` if the registry gives no list; its answer is then still to be relayed.
    private func askForTags(
        of repository: RepositoryName,
        _ page: Page
    ) async throws(Interruption) -> RegistryAnswer? {
        try await putQuestion(.get, .tags(repository, page), accept: nil)
        guard response.status == 200 else { return nil }
        return try await takeAnswer(bodyLimit: Self.tagListLimit)
    }

    /// Sorting a long list would hold up everything else on the loop: that is done beside it.
    private func select(_ page: Page, from listed: NameTable, continues: Bool) async -> TagPage {
        guard listed.count > Self.sortedHere else {
            return TagPage(of: listed, page, continues: continues)
        }
        return await Task(executorPreference: globalConcurrentExecutor) {
            TagPage(of: listed, page, continues: continues)
        }.value
    }

    private static let sortedHere = 2048
}
