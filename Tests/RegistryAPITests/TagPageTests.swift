import Bytes
import RegistryAPI
import Testing

@Suite struct TagPageTests {
    private func table(_ names: [String]) -> NameTable {
        var table = NameTable()
        for name in names { table.append(Array(name.utf8).span) }
        return table
    }

    private func page(
        _ names: [String],
        _ count: Int?,
        after last: String? = nil,
        continues: Bool = false
    ) -> (tags: [String], hasMore: Bool) {
        let page = TagPage(
            of: table(names),
            Page(count: count, last: last.map { ByteString($0) }),
            continues: continues
        )
        return (page.tags.map(\.description), page.hasMore)
    }

    private let all = ["v10", "latest", "v2", "V3", "_x", "v1", "1.0", "v1.0"]
    private let sorted = ["1.0", "V3", "_x", "latest", "v1", "v1.0", "v10", "v2"]

    @Test("without a number it is all tags, in bytewise order")
    func everything() {
        #expect(page(all, nil) == (sorted, false))
        #expect(page(sorted, nil) == (sorted, false))
        #expect(page([], nil) == ([], false))
    }

    @Test("pages of any size from any place are the same list in pieces")
    func pieces() {
        for size in 1...9 {
            var found: [String] = []
            var last: String?
            while true {
                let next = page(all, size, after: last)
                found += next.tags
                #expect(next.tags.count == size || !next.hasMore)
                guard next.hasMore else { break }
                last = next.tags.last
            }
            #expect(found == sorted)
        }
    }

    @Test("a page may begin behind a tag that does not exist")
    func lastThatIsNone() {
        #expect(page(all, 2, after: "a") == (["latest", "v1"], true))
        #expect(page(all, 9, after: "v1.") == (["v1.0", "v10", "v2"], false))
        #expect(page(all, 2, after: "zz") == ([], false))
        #expect(page(all, 2, after: "") == (["1.0", "V3"], true))
    }

    @Test("where the registry's own list goes on, the page does")
    func continued() {
        #expect(page(["a", "b"], 2, continues: true) == (["a", "b"], true))
        #expect(page(["a", "b"], 5, continues: true) == (["a", "b"], true))
        #expect(page([], 5, continues: true) == ([], false))
    }

    @Test("what is no tag is left out")
    func noTags() {
        #expect(page(["v1", "", "a b", ".x", "ä", "-y", "v2"], nil) == (["v1", "v2"], false))
    }

    @Test("a page of a long random list is what sorting the whole gives")
    func randomLists() {
        var random = SeededRandom(seed: 11)
        let letters = Array("aAbB01._-".utf8)
        for _ in 0..<200 {
            let names = Set(
                (0..<random.below(80)).map { _ in
                    let tail = (0..<random.below(4)).map { _ in letters[random.below(9)] }
                    return String(decoding: [letters[random.below(6)]] + tail, as: UTF8.self)
                }
            )
            let wanted = names.map { ByteString($0) }.sorted().map(\.description)
            let size = random.below(90)
            let last = wanted.isEmpty ? "a" : wanted[random.below(wanted.count)]
            let behind = wanted.filter { ByteString(last) < ByteString($0) }
            let next = page(Array(names), size, after: last)
            #expect(next.tags == Array(behind.prefix(size)))
            #expect(next.hasMore == (size > 0 && behind.count > size))
        }
    }
}

@Suite struct NameTableTests {
    @Test("a name is found by its bytes")
    func find() {
        var table = NameTable()
        #expect(table.last == nil && table.isEmpty)
        for name in ["a", "ab", "a/b", "abc"] { table.append(Array(name.utf8).span) }
        #expect(table.count == 4 && table.last == "abc")
        for (name, index) in [("a/b", 2), ("abc", 3), ("b", nil), ("", nil)] as [(String, Int?)] {
            let bytes = Array(name.utf8)
            let found = table.firstIndex(of: bytes.span)
            #expect(found == index)
        }
    }

    @Test("a text stands in another at its beginning, middle and end")
    func contains() {
        let text = Array("team/app".utf8)
        let parts = ["", "t", "team", "m/a", "app", "team/app", "x", "team/app/", "pa", "TEAM"]
        for (index, part) in parts.enumerated() {
            let bytes = Array(part.utf8)
            let contains = text.span.contains(bytes.span)
            #expect(contains == (index < 6), "\(part)")
        }
    }
}

@Suite struct SearchTermTests {
    @Test("the answer has the shape that docker reads")
    func json() {
        #expect(
            SearchTerm(text: "a\"b").json(["team/app"]).description
                == #"{"query":"a\"b","num_results":1,"results":[{"name":"team/app","#
                + #""description":"","star_count":0,"is_official":false,"is_automated":false}]}"#
        )
        #expect(
            SearchTerm(text: "").json([]) == #"{"query":"","num_results":0,"results":[]}"#
        )
    }

    @Test("a repository is found by any part of its name, in whatever case the part is written")
    func matches() {
        let name = Array("team/my-app".utf8)
        let texts = ["", "team", "app", "m/m", "TEAM", "My-App", "apps", "team-", " app"]
        for (index, text) in texts.enumerated() {
            let matches = SearchTerm(text: ByteString(text)).matches(name.span)
            #expect(matches == (index < 6), "\(text)")
        }
        #expect(SearchTerm(text: "", count: 1000).count == 100)
    }
}
