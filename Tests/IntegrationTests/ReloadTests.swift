// SIGHUP: all of a new configuration is taken up, or nothing of it.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct ReloadTests {
    private static let alicesTarget = "/v2/team-a/x/manifests/v1"

    @Test("other rules, users and settings are in force for the next request of a connection")
    func everything() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        #expect(try client.request("GET", Self.alicesTarget, as: .alice).status == 200)
        #expect(try client.request("GET", Self.alicesTarget, as: .bob).status == 403)

        settings.rules = [#"{ id: b, who: ["user:bob"], repos: ["team-a/**"], allow: [pull] }"#]
        settings.users = [.alice, .bob]
        settings.more = ["external_url: https://moved.example"]
        let event = try proxy.reload(settings)
        #expect(event.number("generation") == 2)
        let changes = event.strings("changes")
        for change in [
            "user bob gains pull on team-a/** (as ", "user alice loses all on team-a/**",
        ] {
            #expect(changes.contains { $0.hasPrefix(change) }, "\(changes)")
        }
        #expect(try client.request("GET", Self.alicesTarget, as: .alice).status == 403)
        #expect(try client.request("GET", Self.alicesTarget, as: .bob).status == 200)
        #expect(try client.request("GET", Self.alicesTarget, as: .carol).status == 401)
        #expect(try proxy.metric("registry_proxy_config_generation") == 2)
        #expect(try proxy.metric("registry_proxy_config_last_reload_success") == 1)
    }

    @Test("a request that runs is not touched, and ends with the registry that it began with")
    func running() throws {
        let mayFinish = DispatchSemaphore(value: 0)
        let first = try RecordingUpstream(pausing: { mayFinish.wait() })
        defer { first.stop() }
        let second = try RecordingUpstream()
        defer { second.stop() }
        var settings = ProxySettings(upstream: first.url)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        try client.sendHead("GET", BodyTests.blob, as: .alice)
        #expect(try client.reader.readHead()["Content-Length"] == "10")
        #expect(try client.reader.read(5) == Array("hello".utf8))

        settings.upstream = second.url
        settings.rules = [#"{ id: c, who: ["user:carol"], repos: ["c"], allow: [pull] }"#]
        settings.users = [.bob]
        try proxy.reload(settings)
        settings.rules = ProxySettings.teamRules
        try proxy.reload(settings)
        mayFinish.signal()
        #expect(try client.reader.read(5) == Array("world".utf8))
        #expect(try client.request("GET", Self.alicesTarget, as: .alice).status == 401)
        #expect(try client.request("GET", "/v2/team-b/x/manifests/v1", as: .bob).status == 200)
        #expect(try second.waitForRequests(1).count == 1)
        #expect(try first.waitForRequests(1).count == 1)
    }

    @Test("what is right and perhaps not meant is said at the start, and at a reload")
    func warnings() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.audit = "{ path: audit.log, signing_key_file: audit.key }"
        settings.rules.append(
            #"{ id: lost, who: ["user:nobody"], repos: ["team-a/**"], allow: [pull] }"#)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        // Others are the cheap hashes of the tests' users, and the key that is only in memory.
        let said = try proxy.waitForEvent("config.warnings").strings("warnings")
        #expect(said.contains { $0.contains("no user \"nobody\"") })
        settings.rules.removeLast()
        try proxy.reload(settings)
        let later = try proxy.waitForEvent("config.warnings", after: 1).strings("warnings")
        #expect(later == said.filter { !$0.contains("no user \"nobody\"") })
    }

    @Test("a rule test that fails refuses the reload, and says which rule decided")
    func ruleTest() throws {
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.accessLines = ["tests: [\"bob may not pull team-a/x\"]"]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        settings.rules.append(
            #"{ id: mistake, who: [authenticated], repos: ["team-a/**"], allow: [pull] }"#
        )
        try proxy.rewrite(settings)
        proxy.program.signal(SIGHUP)
        let errors = try proxy.waitForEvent("config.refused").strings("errors")
        #expect(errors.count == 1 && errors[0].contains("mistake"), "\(errors)")
        let target = "/v2/team-a/x/manifests/v1"
        #expect(try proxy.request("GET", target, as: .bob).status == 403)
    }

    @Test("what cannot change while the proxy runs is refused, and said")
    func fixedAddresses() throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        let before = try proxy.directory.read("registry-proxy.yaml")
        let changes = [
            (
                "- address: 127.0.0.1:0\n    tls", "- address: 127.0.0.2:0\n    tls",
                "listen[0].address"
            ),
            ("upstream:", "  - address: 127.0.0.3:0\nupstream:", "listen[2].address"),
            ("  - address: 127.0.0.1:0\nupstream:", "upstream:", "listen"),
            ("admin:\n  address: 127.0.0.1:0", "admin:\n  address: 127.0.0.4:0", "admin.address"),
            ("admin:\n  address: 127.0.0.1:0", "", "admin.address"),
        ]
        for (number, (old, new, key)) in changes.enumerated() {
            let text = before.replacingOccurrences(of: old, with: new)
            #expect(text != before)
            try proxy.directory.write(text, to: "registry-proxy.yaml")
            proxy.program.signal(SIGHUP)
            let event = try proxy.waitForEvent("config.refused", after: number)
            let errors = event.strings("errors")
            #expect(errors.count == 1, "\(errors)")
            #expect(errors.first?.contains(": \(key): ") == true, "\(errors)")
            #expect(errors.first?.contains("restart") == true)
        }
        #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200)
        #expect(try proxy.metric("registry_proxy_config_generation") == 1)
        #expect(try proxy.metric("registry_proxy_config_last_reload_success") == 0)
    }
}
