// Rules that are only tried: the access log tells where they would have answered differently.

import TestSupport
import Testing

@Suite(.ownThreads) struct ShadowTests {
    private static let live = """
        access:
          rules:
            - { id: read, who: [anyone], repos: ["public/**"], allow: [pull] }
            - { id: team, who: ["user:alice"], repos: ["team/**"], allow: [push, delete] }
          shadow: next.yaml
        """

    private static let next = """
        rules:
          - { id: read, who: [authenticated], repos: ["public/**"], allow: [pull] }
          - { id: team, who: ["user:alice"], repos: ["team/**"], allow: [push] }
          - { id: frozen, who: [anyone], repos: ["team/**"], deny: [overwrite] }
          - { id: more, who: ["user:bob"], repos: ["team/**"], allow: [pull] }
        """

    /// Tag `old` exists, `new` does not.
    private static func upstream() throws -> RecordingUpstream {
        try RecordingUpstream { exchange in
            if exchange.method == "HEAD", exchange.target.hasSuffix("/new") {
                try exchange.answer("404 Not Found", ["Content-Type: application/json"])
            } else if exchange.method == "HEAD", exchange.target.hasSuffix("/broken") {
                try exchange.answer("500 Internal Server Error")
            } else {
                try exchange.answerLikeARegistry()
            }
        }
    }

    /// A proxy with the shadow rules of `next.yaml`, which stands in the directory.
    private func withShadow(_ body: (ProxyProcess, TemporaryDirectory) throws -> Void) throws {
        let upstream = try Self.upstream()
        defer { upstream.stop() }
        let directory = try TemporaryDirectory("shadow")
        let path = try directory.write(Self.next, to: "next.yaml")
        var settings = ProxySettings(upstream: upstream.url)
        settings.access = Self.live.replacing("next.yaml", with: path)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(proxy, directory)
    }

    @Test("a line says what the shadow rules would have answered, exactly where it differs")
    func differences() throws {
        try withShadow { proxy, _ in
            let body = Array(#"{"schemaVersion":2}"#.utf8)
            let type = ["Content-Type: \(Manifest.mediaType)"]
            typealias Row = (String, String, TestUser?, Int, String?)
            let table: [Row] = [
                ("GET", "/v2/public/a/manifests/old", nil, 200, "denied"),
                ("GET", "/v2/public/a/manifests/old", .bob, 200, nil),
                ("GET", "/v2/team/a/manifests/old", .alice, 200, nil),
                ("GET", "/v2/team/a/manifests/old", .bob, 403, "allowed"),
                ("GET", "/v2/team/a/manifests/old", .carol, 403, nil),
                ("GET", "/v2/team/a/manifests/old", nil, 401, nil),
                ("PUT", "/v2/team/a/manifests/new", .alice, 201, nil),
                ("PUT", "/v2/team/a/manifests/old", .alice, 201, "denied"),
                ("PUT", "/v2/team/a/manifests/broken", .alice, 201, nil),
                (
                    "DELETE", "/v2/team/a/blobs/sha256:" + String(repeating: "a", count: 64),
                    .alice,
                    202,
                    "denied"
                ),
                ("GET", "/v2/", .alice, 200, nil),
            ]
            for row in table {
                let (method, target, user, status, shadow) = row
                let answer =
                    method == "PUT"
                    ? try proxy.request(method, target, as: user, type, body: body)
                    : try proxy.request(method, target, as: user)
                #expect(answer.status == status, "\(method) \(target): \(answer.text)")
                let line = try #require(try proxy.accessLines(about: answer).first)
                #expect(line["shadow"] == shadow, "\(method) \(target) \(user?.name ?? "-")")
            }
        }
    }

    @Test("a file of shadow rules that changes is taken up without a signal, if it is right")
    func changed() throws {
        try withShadow { proxy, directory in
            func shadow() throws -> String? {
                let answer = try proxy.request("GET", "/v2/team/a/manifests/old", as: .bob)
                #expect(answer.status == 403)
                return try #require(try proxy.accessLines(about: answer).first)["shadow"]
            }
            func replace(with text: String) throws {
                try directory.write(text, to: "next.new")
                try directory.move("next.new", to: "next.yaml")
            }
            #expect(try shadow() == "allowed")
            try replace(with: "rules: [{ id: a }]")
            let errors = try proxy.waitForEvent("config.refused").strings("errors")
            #expect(errors.contains { $0.contains("next.yaml") }, "\(errors)")
            #expect(try shadow() == "allowed")
            try replace(with: "rules: []")
            try proxy.waitForEvent("config.reloaded")
            #expect(try shadow() == nil)
        }
    }

    @Test("shadow rules are checked like the live ones")
    func checked() throws {
        let directory = try TemporaryDirectory("shadow")
        try directory.write("rules: [{ id: a }]", to: "next.yaml")
        let text = """
            listen: [{ address: 127.0.0.1:0 }]
            upstream: { url: http://127.0.0.1:5000 }
            \(Self.live)
            """
        let path = try directory.write(text, to: "p.yaml")
        let finished = try Command.run([Project.program, "check", "--config", path])
        #expect(finished.status == 3)
        #expect(finished.errorText.contains("next.yaml:1:9: access.rules[0].who: is required"))
    }
}
