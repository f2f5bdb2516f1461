// Whatever the rules and the size of the pages: the catalog is what its user may pull, each name
// once, and no other name is anywhere in it.

import Foundation
import TestSupport
import Testing

@Suite(.serialized, .ownThreads) struct CatalogOracleTests {
    /// Names with every neighbour that a bytewise order would put elsewhere.
    static let names: [String] = {
        var names: Set<String> = ["a", "a/b", "a-b", "a.b", "a/b/c", "a/b-c", "a0", "zz/last"]
        var random = Randomness(seed: 3)
        let parts = ["a", "b", "c", "team-a", "team-b", "x1", "app", "public"]
        while names.count < 160 {
            let depth = 1 + random.below(4)
            names.insert((0..<depth).map { _ in random.pick(parts) }.joined(separator: "/"))
        }
        return names.sorted(by: componentwise)
    }()

    /// The registry's order: as if `/` were smaller than every other byte.
    static func componentwise(_ left: String, _ right: String) -> Bool {
        func key(_ name: String) -> [UInt8] { name.utf8.map { $0 == UInt8(ascii: "/") ? 0 : $0 } }
        return key(left).lexicographicallyPrecedes(key(right))
    }

    static func randomRules(_ random: inout Randomness) -> [String] {
        let who = ["anyone", "authenticated", "user:alice", "user:bob", "anonymous"]
        let patterns = [
            "**", "a/**", "*/b", "*", "team-?/**", "{a,b}/**", "*/*/c", "public/**", "**/app",
            "{user}/**", "x1", "a-b", "b/**",
        ]
        return (0..<(1 + random.below(6))).map { number in
            let effect = random.below(4) == 0 ? "deny: [pull]" : "allow: [pull]"
            let repositories = (0...random.below(2)).map { _ in "\"\(random.pick(patterns))\"" }
            return """
                { id: r\(number), who: ["\(random.pick(who))"], \
                repos: [\(repositories.joined(separator: ", "))], \(effect) }
                """
        }
    }

    /// What a walk along the pages has shown.
    struct Walk {
        var names: [String] = []
        var pages = 0
        var cursors: [String] = []
    }

    private func walk(
        _ client: RawClient,
        _ user: TestUser?,
        size: Int,
        visible: Set<String>
    ) throws -> Walk {
        var walk = Walk()
        var target: String? = "/v2/_catalog?n=\(size)"
        while let next = target {
            let answer = try client.request("GET", next, as: user)
            try #require(answer.status == 200, "\(next): \(answer.text)")
            let page = try #require(answer.list("repositories"), "\(answer.text)")
            #expect(page.count <= size)
            walk.names += page
            target = try answer["Link"].map { try follow($0, visible, &walk) }
            walk.pages += 1
            try #require(walk.pages < 2000, "the pages never end")
        }
        #expect(Set(walk.names) == visible && walk.names.count == visible.count)
        return walk
    }

    /// Nothing stands in a `Link` but names that its reader may see, numbers and sealed cursors.
    private func follow(_ link: String, _ visible: Set<String>, _ walk: inout Walk) throws -> String
    {
        #expect(link.hasPrefix("</v2/_catalog?") && link.hasSuffix(">; rel=\"next\""))
        let target = String(try #require(link.split(separator: ">").first).dropFirst())
        for pair in target.split(separator: "?")[1].split(separator: "&") {
            let value = String(try #require(pair.split(separator: "=").last))
            switch try #require(pair.split(separator: "=").first) {
            case "n": #expect(Int(value) != nil)
            case "last": #expect(visible.contains(value), "\(link)")
            case "_pc":
                #expect(value.allSatisfy { $0.isHexDigit })
                walk.cursors.append(value)
            default: Issue.record("an unknown key: \(link)")
            }
        }
        return target
    }

    /// Asked of the proxy name by name, with the request of a pull.
    private func pullable(_ client: RawClient, _ user: TestUser?) throws -> Set<String> {
        Set(
            try Self.names.filter { name in
                let digest = "sha256:" + String(repeating: "0", count: 64)
                let target = "/v2/\(name)/blobs/\(digest)"
                let status = try client.request("HEAD", target, as: user).status
                return status != 401 && status != 403
            }
        )
    }

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    /// `REGISTRY_PROXY_CATALOG_COUNT=N` tries that many rule sets instead of a few, from the seed
    /// `REGISTRY_PROXY_CATALOG_SEED` on.
    @Test("with a real registry, random rules and pages of any size")
    func realRegistry() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        // A repository is a folder with `_layers` in it.
        for name in Self.names {
            let path = "\(registry.storage)/docker/registry/v2/repositories/\(name)/_layers"
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
        }
        let first = Self.number("REGISTRY_PROXY_CATALOG_SEED") ?? 42
        let count = Self.number("REGISTRY_PROXY_CATALOG_COUNT") ?? 5
        for seed in first..<first + count {
            var random = Randomness(seed: seed)
            var settings = ProxySettings(upstream: registry.url)
            settings.rules = Self.randomRules(&random)
            let proxy = try ProxyProcess(settings)
            defer { proxy.stop() }
            let client = try proxy.connect()
            for user in [TestUser.alice, .bob, nil] {
                if try client.request("GET", "/v2/_catalog", as: user).status == 401 {
                    #expect(user == nil)
                    continue
                }
                let visible = try pullable(client, user)
                for size in [1, 2 + random.below(6), 10 + random.below(200)] {
                    let walk = try walk(client, user, size: size, visible: visible)
                    #expect(walk.names == Self.names.filter(visible.contains), "seed \(seed)")
                    #expect(walk.cursors.isEmpty, "there is not that much")
                }
            }
        }
    }

    /// A registry of short pages, so that one request cannot see the end of the list.
    private static func list(_ exchange: UpstreamExchange) throws {
        try exchange.readBody()
        var last = ""
        for pair in exchange.target.split(separator: "?").dropFirst().joined().split(separator: "&")
        where pair.hasPrefix("last=") { last = String(pair.dropFirst(5)) }
        guard exchange.target.hasPrefix("/v2/_catalog") else {
            return try exchange.answer("404 Not Found", [], body: "")
        }
        let rest = names.filter { last.isEmpty || componentwise(last, $0) }
        let shown = rest.prefix(3)
        var fields = ["Content-Type: application/json"]
        if shown.count < rest.count, let end = shown.last {
            fields.append("Link: </v2/_catalog?last=\(end)&n=3>; rel=\"next\"")
        }
        let list = shown.map { "\"\($0)\"" }.joined(separator: ",")
        try exchange.answer("200 OK", fields, body: "{\"repositories\":[\(list)]}")
    }

    @Test(
        "what is too much for one request goes on behind a cursor, sealed at hidden names"
    )
    func boundedWork() throws {
        let upstream = try RecordingUpstream { try Self.list($0) }
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.rules = [
            #"{ id: one, who: ["user:alice"], repos: ["zz/**", "a"], allow: [pull] }"#,
            #"{ id: some, who: ["user:bob"], repos: ["team-a/**", "b/**"], allow: [pull] }"#,
        ]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        let before = upstream.requests.count
        let first = try client.request("GET", "/v2/_catalog", as: .alice)
        #expect(first.list("repositories") == ["a"])
        #expect(upstream.requests.count - before == 20, "that much is asked for one request")
        let link = try #require(first["Link"])
        #expect(link.contains("last=a&n=100&_pc="))
        for user in [TestUser.alice, .bob] {
            let visible = try pullable(client, user)
            for size in [1, 7, 1000] {
                let walk = try walk(client, user, size: size, visible: visible)
                #expect(walk.names == Self.names.filter(visible.contains))
                // Later on all pages are known, and one request can look at them.
                if user == .alice, size == 1 { #expect(!walk.cursors.isEmpty) }
            }
        }
        try refused(client, link)
    }

    /// A cursor is good for its own user, and as it was made.
    private func refused(_ client: RawClient, _ link: String) throws {
        let target = String(try #require(link.split(separator: ">").first).dropFirst())
        #expect(try client.request("GET", target, as: .alice).status == 200)
        var turned = target
        turned.removeLast()
        turned += target.hasSuffix("0") ? "1" : "0"
        for (target, user) in [
            (target, TestUser.bob), (turned, .alice), ("/v2/_catalog?_pc=", .alice),
            ("/v2/_catalog?_pc=00ff", .alice), ("/v2/_catalog?_pc=team-b", .alice),
        ] {
            let answer = try client.request("GET", target, as: user)
            #expect(answer.status == 400, "\(target)")
            #expect(answer.errorCode == "BAD_REQUEST")
        }
    }

    @Test("the right `catalog` shows all of it, in pages and in searches")
    func wholeCatalog() throws {
        let upstream = try RecordingUpstream { try Self.list($0) }
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.rules = [
            #"{ id: none, who: ["user:alice"], repos: ["zz/**"], allow: [pull] }"#
                + "\n  server:\n    - { who: [\"user:carol\"], allow: [catalog] }"
        ]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        for size in [7, 1000] {
            let walk = try walk(client, .carol, size: size, visible: Set(Self.names))
            #expect(walk.names == Self.names && walk.cursors.isEmpty)
        }
        let found = try client.request("GET", "/v1/search?q=zz/last", as: .carol)
        #expect(found.text.contains(#""num_results":1"#))
        #expect(try pullable(client, .carol).isEmpty)
        let alice = try client.request("GET", "/v2/_catalog", as: .alice)
        #expect(alice.list("repositories") == ["zz/last"])
    }

    @Test("what was listed is used again, and a push of one's own is seen at once")
    func cache() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        try RawClient(port: registry.port).pushImage("one layer", to: "team-a/old", tag: "v1")
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        let client = try proxy.connect()
        let list = { try client.request("GET", "/v2/_catalog", as: .alice).list("repositories") }
        #expect(try list() == ["team-a/old"])
        // Behind the proxy's back: not seen for a while.
        try RawClient(port: registry.port).pushImage("one layer", to: "team-a/aside", tag: "v1")
        #expect(try list() == ["team-a/old"])
        try client.pushImage("two", to: "team-a/old", tag: "v2", as: .alice)
        #expect(try list() == ["team-a/old"])
        proxy.program.signal(1)
        try proxy.waitForEvent("config.reloaded")
        #expect(try list() == ["team-a/aside", "team-a/old"], "a reload asks anew")
        try client.pushImage("one layer", to: "team-a/new", tag: "v1", as: .alice)
        #expect(try list() == ["team-a/aside", "team-a/new", "team-a/old"])
    }

    @Test("a list in the registry's own words that is none is 502, for everybody who waits")
    func garbage() throws {
        for body in ["", "{}", "<html>", #"{"tags":[]}"#] {
            let upstream = try RecordingUpstream { exchange in
                try exchange.readBody()
                try exchange.answer("200 OK", ["Content-Type: application/json"], body: body)
            }
            defer { upstream.stop() }
            let proxy = try ProxyProcess(upstream: upstream.url)
            defer { proxy.stop() }
            for _ in 0..<2 {
                let answer = try proxy.request("GET", "/v2/_catalog", as: .alice)
                #expect(answer.status == 502 && answer.errorCode == "UNAVAILABLE")
            }
        }
    }
}

/// SplitMix64: the same sequence for the same seed.
struct Randomness {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }
}
