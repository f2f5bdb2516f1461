// `docker search` over the filtered catalog.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct SearchTests {
    private func withProxy(_ body: (ProxyProcess) throws -> Void) throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let client = try RawClient(port: registry.port)
        for name in ["team-a/web-app", "team-a/db", "team-b/web-app", "public/web"] {
            try client.pushImage("one layer", to: name, tag: "v1")
        }
        for number in 0..<30 {
            try client.pushImage("one layer", to: "team-a/many/r\(number)", tag: "v1")
        }
        let proxy = try ProxyProcess(upstream: registry.url)
        defer { proxy.stop() }
        try body(proxy)
    }

    private struct Result: Decodable, Equatable {
        let name: String
        let description: String
        let starCount: Int
        let isOfficial: Bool
        let isAutomated: Bool
    }

    private struct Answer: Decodable {
        let query: String
        let numResults: Int
        let results: [Result]
    }

    private func search(
        _ proxy: ProxyProcess,
        _ query: String,
        as user: TestUser?
    ) throws -> Answer {
        let answer = try proxy.request("GET", "/v1/search?\(query)", as: user)
        #expect(answer.status == 200 && answer["Content-Type"] == "application/json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Answer.self, from: Data(answer.body))
    }

    @Test("a search finds what its user may pull, and nothing else")
    func filtered() throws {
        try withProxy { proxy in
            let alice = try search(proxy, "q=web", as: .alice)
            #expect(alice.query == "web" && alice.numResults == 2)
            #expect(alice.results.map(\.name).sorted() == ["public/web", "team-a/web-app"])
            #expect(alice.results.allSatisfy { $0.description.isEmpty && $0.starCount == 0 })
            #expect(alice.results.allSatisfy { !$0.isOfficial && !$0.isAutomated })
            #expect(try search(proxy, "q=web", as: nil).results.map(\.name) == ["public/web"])
            // docker sends an empty login where nobody is logged in.
            let nobody = try search(proxy, "q=web", as: TestUser("", ""))
            #expect(nobody.results.map(\.name) == ["public/web"])
            // podman comes without its login first, and with it only after a no.
            let agent = "User-Agent: containers/5.23.1 (github.com/containers/image)"
            let podman = try proxy.request("GET", "/v1/search?q=web", as: nil, [agent])
            #expect(podman.status == 401)
            let again = try proxy.request("GET", "/v1/search?q=web", as: .alice, [agent])
            #expect(again.status == 200)
            #expect(try search(proxy, "q=team-b", as: .alice).results.isEmpty)
            let slash = try search(proxy, "q=team-a%2Fd&page=2", as: .alice)
            #expect(slash.results.map(\.name) == ["team-a/db"] && slash.query == "team-a/d")
        }
    }

    @Test("there are 25 results, or as many as were asked for, up to 100")
    func sizes() throws {
        try withProxy { proxy in
            for (query, count) in [("", 25), ("&n=1", 1), ("&n=100", 30), ("&n=5000", 30)] {
                let answer = try search(proxy, "q=many\(query)", as: .alice)
                #expect(answer.results.count == count && answer.numResults == count)
            }
            for query in ["n=0", "n=x", "n=-1"] {
                let answer = try proxy.request("GET", "/v1/search?q=a&\(query)", as: .alice)
                #expect(answer.status == 400)
                #expect(answer.errorCode == "PAGINATION_NUMBER_INVALID")
            }
            let twice = try proxy.request("GET", "/v1/search?q=a&q=b", as: .alice)
            #expect(twice.status == 400)
        }
    }

    @Test("the ping needs no login; a search needs one where nobody unknown may pull anything")
    func logins() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.rules.removeLast()
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let ping = try proxy.request("GET", "/v1/_ping")
        #expect(ping.status == 200)
        #expect(ping["X-Docker-Registry-Standalone"] == "true")
        let search = try proxy.request("GET", "/v1/search?q=a")
        #expect(search.status == 401 && search["WWW-Authenticate"] != nil)
        let wrong = try proxy.request(
            "GET", "/v1/search?q=a", as: TestUser("alice", "wrong"))
        #expect(wrong.status == 401)
        let nobody = try proxy.request("GET", "/v1/search?q=a", as: TestUser("", ""))
        #expect(nobody.status == 401 && nobody.text.contains("authentication required"))
        #expect(try proxy.request("GET", "/v2/", as: TestUser("", "")).text.contains("is empty"))
        #expect(try proxy.request("POST", "/v1/search?q=a", as: .alice).status == 405)
        #expect(upstream.requests.isEmpty)
    }
}
