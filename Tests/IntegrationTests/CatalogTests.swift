// `_catalog` shows each user exactly the repositories that user may pull, however it is paged.

import TestSupport
import Testing

/// Read-only for every test of the suite: one registry with repositories of several teams.
@Suite(.ownThreads) struct CatalogTests {
    static let names =
        (0..<25).map { "team-a/r\($0)" } + (0..<25).map { "team-b/r\($0)" }
        + ["public/base", "team-a-b/x", "team-a/r1/deep", "zz/last"]

    private func withProxy(_ body: (ProxyProcess) throws -> Void) throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let client = try RawClient(port: registry.port)
        for name in Self.names { try client.pushImage("one layer", to: name, tag: "v1") }
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        try body(proxy)
    }

    /// Walks all pages as a client does.
    private func walk(_ proxy: ProxyProcess, _ user: TestUser?, _ first: String) throws -> [String]
    {
        let client = try proxy.connect()
        var names: [String] = []
        var target: String? = first
        var pages = 0
        while let next = target {
            let answer = try client.request("GET", next, as: user)
            #expect(answer.status == 200, "\(next): \(answer.text)")
            #expect(answer["Content-Type"]?.hasPrefix("application/json") == true)
            names += try #require(answer.list("repositories"), "\(answer.text)")
            target = try answer["Link"].map { link in
                #expect(link.hasPrefix("</v2/_catalog?") && link.hasSuffix(">; rel=\"next\""))
                return String(try #require(link.split(separator: ">").first).dropFirst())
            }
            pages += 1
            try #require(pages < 200, "the pages never end")
        }
        return names
    }

    @Test("every user sees what that user may pull, on pages of any size")
    func filtered() throws {
        try withProxy { proxy in
            let teamA = Self.names.filter { $0.hasPrefix("team-a/") || $0.hasPrefix("public/") }
            let teamB = Self.names.filter { $0.hasPrefix("team-b/") || $0.hasPrefix("public/") }
            let users: [(TestUser?, [String])] = [
                (.alice, teamA), (.bob, teamB), (.carol, ["public/base"]), (nil, ["public/base"]),
                (.root, Self.names),
            ]
            for (user, wanted) in users {
                for query in ["", "?n=1", "?n=7", "?n=26", "?n=1000", "?n=5000"] {
                    let names = try walk(proxy, user, "/v2/_catalog\(query)")
                    #expect(
                        names.sorted() == wanted.sorted(), "\(user?.name ?? "anonymous") \(query)")
                }
            }
        }
    }

    @Test("a page has as many names as were asked for, and a Link only when more follow")
    func pageSizes() throws {
        try withProxy { proxy in
            let page = try proxy.request("GET", "/v2/_catalog?n=10", as: .alice)
            #expect(page.list("repositories")?.count == 10)
            #expect(page["Link"] != nil)
            let all = try proxy.request("GET", "/v2/_catalog?n=27", as: .alice)
            #expect(all.list("repositories")?.count == 27)
            #expect(all["Link"] == nil, "exactly 27 are visible")
            let none = try proxy.request("GET", "/v2/_catalog?n=0", as: .alice)
            #expect(none.list("repositories") == [])
            #expect(none["Link"] == nil)
        }
    }

    @Test("no page gives away a name that the user may not see")
    func nothingLeaks() throws {
        try withProxy { proxy in
            for query in ["?n=1", "?n=3", "?n=3&last=team-a/r9", "?last=team-b/r1&n=2"] {
                let answer = try proxy.request("GET", "/v2/_catalog\(query)", as: .alice)
                #expect(!answer.text.contains("team-b") && !answer.text.contains("zz/"))
                let link = answer["Link"] ?? ""
                #expect(!link.contains("team-b") && !link.contains("zz"), "\(link)")
            }
        }
    }

    @Test("without credentials it is 401 when nobody unknown may pull anything")
    func anonymous() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.rules.removeLast()
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        #expect(try proxy.request("GET", "/v2/_catalog").status == 401)
        #expect(upstream.requests.isEmpty)
    }

    @Test("an empty list is a list, not null")
    func empty() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        let answer = try proxy.request("GET", "/v2/_catalog", as: .alice)
        #expect(answer.list("repositories") == [])
    }

    @Test("repeated paging keys are 400", arguments: ["n=1&n=2", "last=a&last=b", "%6e=1&n=2"])
    func repeatedKeys(query: String) throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        let answer = try proxy.request("GET", "/v2/_catalog?\(query)", as: .alice)
        #expect(answer.status == 400)
    }
}
