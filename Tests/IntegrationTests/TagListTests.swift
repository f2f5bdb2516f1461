// `tags/list` in bytewise order and in pages, whatever the registry behind does with `n`, `last`.

import TestSupport
import Testing

@Suite(.ownThreads) struct TagListTests {
    static let tags = ["v10", "latest", "v2", "V3", "_x", "v1", "1.0", "v1.0", "a-b", "a.b"]
    static let sorted = ["1.0", "V3", "_x", "a-b", "a.b", "latest", "v1", "v1.0", "v10", "v2"]
    static let path = "/v2/team-a/app/tags/list"

    /// A registry that gives out all its tags in pages of its own making, as registry 3 does.
    private static func paging(_ exchange: UpstreamExchange, atMost: Int) throws {
        try exchange.readBody()
        let query = exchange.target.split(separator: "?").dropFirst().joined()
        var size = atMost
        var last = ""
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=")
            if parts[0] == "n" { size = min(size, Int(parts[1]) ?? 0) }
            if parts[0] == "last", parts.count > 1 { last = String(parts[1]) }
        }
        let rest = sorted.filter { $0 > last }
        let shown = rest.prefix(size)
        var fields = ["Content-Type: application/json"]
        if shown.count < rest.count, let end = shown.last {
            fields.append("Link: <\(path)?last=\(end)&n=\(size)>; rel=\"next\"")
        }
        let list = shown.map { "\"\($0)\"" }.joined(separator: ",")
        try exchange.answer("200 OK", fields, body: "{\"name\":\"team-a/app\",\"tags\":[\(list)]}")
    }

    /// Walks all pages as a client does.
    private func walk(_ proxy: ProxyProcess, _ first: String) throws -> [String] {
        let client = try proxy.connect()
        var tags: [String] = []
        var target: String? = first
        var pages = 0
        while let next = target {
            let answer = try client.request("GET", next, as: .alice)
            #expect(answer.status == 200, "\(next): \(answer.text)")
            tags += try #require(answer.list("tags"), "\(answer.text)")
            target = try answer["Link"].map { link in
                #expect(link.hasPrefix("<\(Self.path)?last=") && link.hasSuffix(">; rel=\"next\""))
                return String(try #require(link.split(separator: ">").first).dropFirst())
            }
            pages += 1
            try #require(pages < 50, "the pages never end")
        }
        return tags
    }

    private func checkPages(_ proxy: ProxyProcess) throws {
        for query in ["", "?n=1", "?n=3", "?n=9", "?n=10", "?n=11", "?n=1000", "?n=999999999"] {
            #expect(try walk(proxy, Self.path + query) == Self.sorted, "\(query)")
        }
        let later = ["?last=a.b", "?last=a.b&n=2", "?last=b&n=1", "?n=100&last=a%2Eb"]
        for query in later {
            #expect(try walk(proxy, Self.path + query) == Array(Self.sorted[5...]), "\(query)")
        }
        let one = try proxy.request("GET", Self.path + "?n=10", as: .alice)
        #expect(one.list("tags")?.count == 10 && one["Link"] == nil)
        let none = try proxy.request("GET", Self.path + "?n=0", as: .alice)
        #expect(none.text == #"{"name":"team-a/app","tags":[]}"#)
        #expect(none["Link"] == nil)
        #expect(none["Content-Type"] == "application/json")
        #expect(none["Docker-Distribution-Api-Version"] == "registry/2.0")
        #expect(try walk(proxy, Self.path + "?last=zz") == [])
    }

    @Test("docker-registry's tags come in order and in pages; its own 404 passes")
    func realRegistry() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let client = try RawClient(port: registry.port)
        for tag in Self.tags { try client.pushImage("one layer", to: "team-a/app", tag: tag) }
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        try checkPages(proxy)
        for query in ["", "?n=0", "?n=5&last=a"] {
            let direct = try client.request("GET", "/v2/team-a/nope/tags/list")
            let target = "/v2/team-a/nope/tags/list\(query)"
            let answer = try proxy.request("GET", target, as: .alice)
            #expect(answer.status == 404 && answer.errorCode == "NAME_UNKNOWN")
            #expect(answer.body == direct.body)
            #expect(answer["Content-Type"] == direct["Content-Type"])
        }
    }

    @Test("a registry that pages itself gives the same pages", arguments: [1, 3, 1000])
    func pagingRegistry(size: Int) throws {
        let upstream = try RecordingUpstream { try Self.paging($0, atMost: size) }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        if size == 1000 {
            try checkPages(proxy)
        } else {
            for query in ["", "?n=1", "?n=3", "?n=1000"] {
                #expect(try walk(proxy, Self.path + query) == Self.sorted, "\(query)")
            }
        }
    }

    @Test("no tags at all are an empty list, never null")
    func null() throws {
        let upstream = try RecordingUpstream { exchange in
            try exchange.readBody()
            try exchange.answer(
                "200 OK", ["Content-Type: application/json"],
                body: #"{"name":"team-a/app","tags":null}"#)
        }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        for query in ["", "?n=5", "?last=x"] {
            let answer = try proxy.request("GET", Self.path + query, as: .alice)
            #expect(answer.text == #"{"name":"team-a/app","tags":[]}"#)
        }
    }

    @Test("a long list is sorted and cut, and memory and time stay bounded")
    func longList() throws {
        let count = 60_000
        let names = (0..<count).map { "v\($0 &* 7919 % count)" }
        let body = "{\"name\":\"x\",\"tags\":[\(names.map { "\"\($0)\"" }.joined(separator: ","))]}"
        let upstream = try RecordingUpstream { exchange in
            try exchange.readBody()
            let isEndless = exchange.target.contains("endless")
            try exchange.answer(
                "200 OK", ["Content-Type: application/json"],
                body: isEndless ? String(repeating: " ", count: 17 << 20) : body)
        }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        let wanted = names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        // Under a sanitizer this takes its time.
        let client = try proxy.connect(within: 300)
        defer { client.close() }
        let all = try client.request("GET", Self.path, as: .alice)
        #expect(all.list("tags") == wanted)
        let page = try client.request("GET", "\(Self.path)?n=5000&last=v3", as: .alice)
        let start = try #require(wanted.firstIndex(of: "v3")) + 1
        #expect(page.list("tags") == Array(wanted[start..<start + 1000]))
        #expect(page["Link"] == "<\(Self.path)?last=\(wanted[start + 999])&n=1000>; rel=\"next\"")
        let endless = try client.request("GET", "/v2/team-a/endless/tags/list", as: .alice)
        #expect(endless.status == 502 && endless.errorCode == "UNAVAILABLE")
    }

    @Test(
        "what is no list of tags is 502",
        arguments: ["", "{}", "[]", #"{"tags":[1]}"#, #"{"repositories":["a"]}"#, "<html>"]
    )
    func garbage(body: String) throws {
        let upstream = try RecordingUpstream { exchange in
            try exchange.readBody()
            try exchange.answer("200 OK", ["Content-Type: application/json"], body: body)
        }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        let answer = try proxy.request("GET", Self.path, as: .alice)
        #expect(answer.status == 502 && answer.errorCode == "UNAVAILABLE")
    }

    @Test("a login the registry asks the proxy for is 502, and other refusals pass")
    func refusals() throws {
        let upstream = try RecordingUpstream { exchange in
            try exchange.readBody()
            let isAuth = exchange.target.contains("auth")
            try exchange.answer(
                isAuth ? "401 Unauthorized" : "429 Too Many Requests",
                ["Retry-After: 7", "WWW-Authenticate: Basic realm=\"x\""], body: "slow")
        }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        let auth = try proxy.request("GET", "/v2/team-a/auth/tags/list", as: .alice)
        #expect(auth.status == 502 && auth["WWW-Authenticate"] == nil)
        let slow = try proxy.request("GET", Self.path, as: .alice)
        #expect(slow.status == 429 && slow["Retry-After"] == "7" && slow.text == "slow")
        #expect(slow["WWW-Authenticate"] == nil)
    }
}
