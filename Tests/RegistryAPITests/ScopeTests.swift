import Bytes
import HTTPWire
import RegistryAPI
import Testing

@Suite struct ScopeTests {
    private func read(_ text: String) -> Scope? {
        let bytes = Array(text.utf8)
        return Scope(parsing: bytes.span)
    }

    @Test(
        "a scope is split at its first and its last colon",
        arguments: [
            ("repository:team/app:pull,push", "repository|team/app|pull push"),
            ("repository:host:5000/app:pull", "repository|host:5000/app|pull"),
            ("repository(plugin):a:pull", "repository|a|pull"),
            ("registry:catalog:*", "registry|catalog|*"),
            ("repository:a:", "repository|a|"), ("x:y:,,z,", "x|y|z"),
        ]
    )
    func parts(text: String, expected: String) throws {
        let scope = try #require(read(text))
        let actions = scope.actions.map(\.description).joined(separator: " ")
        #expect("\(scope.type)|\(scope.name)|\(actions)" == expected)
    }

    @Test(
        "what is no scope is none",
        arguments: ["", "a", "a:b", ":", "::", ":a:b", "a::b", "(x):a:b", "a(b:c:d"]
    )
    func malformed(text: String) {
        #expect(read(text) == nil)
    }

    @Test("a query may repeat scopes and put several into one")
    func question() throws {
        func ask(_ text: String) throws -> TokenQuestion {
            let bytes = Array(text.utf8)
            return try TokenQuestion(query: Place(0, bytes.count), in: bytes.span)
        }
        let both = try ask(
            "service=s&scope=repository:a:pull+repository%3Ab%3Apush&scope=repository:a:pull,push")
        #expect(
            both.scopes.map(\.text) == [
                "repository:a:pull", "repository:b:push", "repository:a:pull,push",
            ])
        #expect(both.service == "s")
        #expect(try ask("account=x&scope=").scopes.isEmpty)
        let many = String(repeating: "scope=a:b:c&", count: 101)
        for wrong in ["scope=a", "%73cope=a:b:c", "Scope=a:b:c", "service=a&service=b", many] {
            #expect(throws: RoutingError.self) { try ask(wrong) }
        }
    }

    @Test(
        "the ticket of an upload is taken out of its query, and all else stays as it is",
        arguments: [
            ("?_pt=T", ""), ("?_state=a%2Fb&_pt=T", "?_state=a%2Fb"),
            ("?_pt=T&_state=a%2Fb", "?_state=a%2Fb"), ("?a=1&_pt=T&b&c=", "?a=1&b&c="),
            ("?_state=x", "?_state=x"),
        ]
    )
    func ticket(query: String, expected: String) throws {
        let target = "/v2/a/blobs/uploads/u"
        #expect(Routed(.patch, target + query).upstream == target + expected)
        let bytes = Array((target + query).utf8)
        let operation = try RegistryOperation.route(
            method: .patch,
            head: bytes.span,
            path: Place(0, target.utf8.count),
            query: Place(target.utf8.count + 1, bytes.count)
        )
        guard case .upload(_, _, _, let session) = operation else { return }
        #expect(session.ticket == (query.contains("_pt") ? "T" : nil))
    }

    @Test("a ticket that stands twice, or in disguise, is refused")
    func badTicket() {
        for query in ["_pt=a&_pt=b", "%5Fpt=a", "_PT=a"] {
            #expect(Routed(.patch, "/v2/a/blobs/uploads/u?" + query).text == "BAD_REQUEST")
        }
    }

    @Test("a challenge for a token names realm, service, scopes and what was wrong")
    func challenge() {
        let scopes = [Scope.catalog, Scope(type: "repository", name: "a", actions: ["pull"])]
        #expect(
            Challenge(bearerRealm: "https://r/auth/token", service: "s", scopes: [])?.bytes
                == #"Bearer realm="https://r/auth/token",service="s""#)
        let full = Challenge(
            bearerRealm: "r", service: "s", scopes: scopes, error: .insufficientScope)
        #expect(
            full?.bytes
                == ByteString(
                    #"Bearer realm="r",service="s",scope="registry:catalog:* repository:a:pull","#
                        + #"error="insufficient_scope""#))
        #expect(Challenge(bearerRealm: "", service: "s", scopes: []) == nil)
        #expect(Challenge(bearerRealm: "a\nb", service: "s", scopes: []) == nil)
    }
}
