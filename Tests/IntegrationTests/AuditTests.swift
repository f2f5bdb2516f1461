// What a running proxy writes into its audit trail, and when.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct AuditTests {
    private func withProxy(
        audit: String = "{ path: audit.log, signing_key_file: audit.key, checkpoint: 5 }",
        upstream: String? = nil,
        _ body: (ProxyProcess) throws -> Void
    ) throws {
        let registry = try upstream == nil ? DockerRegistry() : nil
        defer { registry?.stop() }
        var settings = ProxySettings(upstream: upstream ?? registry!.url)
        settings.audit = audit
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(proxy)
    }

    @Test("the life of an image: each change once, with who, what, why, old and new digest")
    func lifeOfAnImage() throws {
        try withProxy { proxy in
            let client = try proxy.connect()
            let one = try client.pushImage("one", to: "team-a/x", tag: "v1", as: .alice)
            let two = try client.pushImage("two", to: "team-a/x", tag: "v1", as: .alice)
            let accept = ["Accept: \(Manifest.mediaType)"]
            let tag = "/v2/team-a/x/manifests/v1"
            #expect(try client.request("GET", tag, as: .alice, accept).status == 200)
            #expect(try client.request("GET", tag, as: .bob, accept).status == 403)
            let byDigest = "/v2/team-a/x/manifests/\(two.digest)"
            #expect(try client.request("DELETE", byDigest, as: .alice).status == 202)
            proxy.stop()

            let lines = try proxy.auditLines()
            let manifests = lines.filter {
                $0.event.hasPrefix("manifest.") || $0.event == "tag.delete"
            }
            let changes = manifests.filter { $0.event != "manifest.pull" }
            #expect(
                changes.map(\.event) == [
                    "manifest.create", "manifest.overwrite", "manifest.delete", "tag.delete",
                ]
            )
            #expect(changes.allSatisfy { $0["who.user"] == "alice" && $0.outcome == "done" })
            #expect(changes.allSatisfy { $0["why.allow"] == "team-a" })
            #expect(changes.map { $0["what.tag"] } == ["v1", "v1", nil, "v1"])
            #expect(changes[0]["what.digest"] == one.digest && changes[0]["what.was"] == nil)
            #expect(changes[1]["what.digest"] == two.digest && changes[1]["what.was"] == one.digest)
            #expect(changes[2]["what.digest"] == two.digest)
            #expect(changes[3]["what.was"] == two.digest)
            #expect(lines.filter { $0.event == "manifest.pull" }.count == 1)
            let denied = lines.filter { $0.event == "access.denied" }
            #expect(denied.map { $0["who.user"] } == ["bob"])
            #expect(lines.first?.event == "server.started")
            #expect(lines.suffix(2).map(\.event) == ["server.stopped", "checkpoint"])
            #expect(try proxy.verifyTrail().status == 0)
        }
    }

    @Test("blobs count to the manifest they were fetched for")
    func pulls() throws {
        try withProxy { proxy in
            let client = try proxy.connect()
            let layer = String(repeating: "layer", count: 4000)
            let image = try client.pushImage(layer, to: "team-a/x", tag: "v1", as: .alice)
            let accept = ["Accept: \(Manifest.mediaType)"]
            let got = try client.request("GET", "/v2/team-a/x/manifests/v1", as: .alice, accept)
            let blob = try digest(of: Array(layer.utf8))
            let fetched = try client.request("GET", "/v2/team-a/x/blobs/\(blob)", as: .alice)
            #expect(fetched.body.count == layer.utf8.count)
            proxy.stop()
            let pulls = try proxy.auditLines().filter { $0.event == "manifest.pull" }
            #expect(pulls.count == 1)
            #expect(pulls.first?["what.digest"] == image.digest)
            #expect(pulls.first?["what.size"] == "\(got.body.count + layer.utf8.count)")
        }
    }

    @Test("a pull is told of while its manifest is still on its way, and once")
    func slowPull() throws {
        let upstream = try RecordingUpstream(script: { exchange in
            try exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            try exchange.waitForEnd()
        })
        defer { upstream.stop() }
        try withProxy(upstream: upstream.url) { proxy in
            let client = try proxy.connect()
            try client.sendHead("GET", "/v2/team-a/x/manifests/v1", as: .alice)
            #expect(try client.reader.readHead().startLine == "HTTP/1.1 200 OK")
            _ = try eventually("the record of the pull") {
                try proxy.directory.read("audit.log").contains("manifest.pull") ? true : nil
            }
            client.socket.reset()
            try upstream.waitForEnds(1)
            proxy.stop()
            let pulls = try proxy.auditLines().filter { $0.event == "manifest.pull" }
            #expect(pulls.map { $0["who.user"] } == ["alice"])
            #expect(pulls.map { $0["what.size"] } == ["1000"])
        }
    }

    @Test("a login once, a wrong one, no credentials never")
    func logins() throws {
        try withProxy { proxy in
            for _ in 0..<3 { #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200) }
            let wrong = TestUser("alice", "wrong-\u{1F511}")
            #expect(try proxy.request("GET", "/v2/", as: wrong).status == 401)
            #expect(try proxy.request("GET", "/v2/").status == 401)
            proxy.stop()
            let lines = try proxy.auditLines()
            #expect(
                lines.filter { $0.event == "auth.succeeded" }.map { $0["who.user"] } == ["alice"])
            let failed = lines.filter { $0.event == "auth.failed" }
            #expect(failed.map { $0["who.user_claimed"] } == ["alice"])
            #expect(
                failed.allSatisfy { $0["who.user"] == nil && $0["why.reason"] == "wrong_login" })
            #expect(try !proxy.directory.read("audit.log").contains(wrong.password))
        }
    }

    @Test("a change that is answered is on the disk: kill -9 takes nothing away")
    func killed() throws {
        try withProxy { proxy in
            let client = try proxy.connect()
            let image = try client.pushImage("one", to: "team-a/x", tag: "v1", as: .alice)
            proxy.program.signal(SIGKILL)
            let made = try proxy.auditLines().filter { $0.event == "manifest.create" }
            #expect(made.map { $0["what.digest"] } == [image.digest])
            #expect(try proxy.verifyTrail().status == 0)
        }
    }

    /// All answers come at once, so that the records come together.
    @Test("200 pushes that are answered at once cost fewer than 40 fsyncs")
    func groupCommit() throws {
        let count = 200
        let gate = Gathering(count)
        let upstream = try RecordingUpstream { exchange in
            let isPut = exchange.method == "PUT"
            _ = try exchange.readBody()
            if isPut { gate.arrive() }
            try exchange.answer(isPut ? "201 Created" : "404 Not Found")
        }
        defer { upstream.stop() }
        try withProxy(audit: "{ path: audit.log }", upstream: upstream.url) { proxy in
            #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200)
            let clients = try (0..<count).map { _ in try proxy.connect(within: 60) }
            let before = try proxy.metric("registry_proxy_audit_fsyncs_total")
            let type = ["Content-Type: \(Manifest.mediaType)", "Content-Length: 2"]
            for (index, client) in clients.enumerated() {
                let target = "/v2/team-a/x/manifests/v\(index)"
                try client.sendHead("PUT", target, as: .alice, type)
                try client.send("{}")
            }
            for client in clients {
                #expect(try client.readResponse(answering: "PUT").status == 201)
                client.close()
            }
            let fsyncs = try proxy.metric("registry_proxy_audit_fsyncs_total") - before
            #expect(fsyncs < 40)
            let made = try proxy.auditLines().filter { $0.event == "manifest.create" }
            #expect(Set(made.compactMap { $0["what.tag"] }).count == count)
        }
    }

    @Test("a reload is a record with its changes, a refused one with its errors")
    func reloads() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.audit = "{ path: audit.log }"
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        settings.rules.removeLast()
        try proxy.reload(settings)
        settings.audit = "{ path: other.log }"
        try proxy.rewrite(settings)
        proxy.program.signal(SIGHUP)
        try proxy.waitForEvent("config.refused")
        proxy.stop()
        let lines = try proxy.auditLines()
        let loaded = lines.filter { $0.event == "config.loaded" }
        #expect(loaded.map { $0["why.generation"] } == ["1", "2"])
        #expect(loaded.last?.notes.contains { $0.contains("public-read") } == true)
        let refused = lines.filter { $0.event == "config.refused" }
        #expect(refused.first?.notes.contains { $0.contains("log.audit") } == true)
    }

    @Test("a second proxy on the same trail does not start")
    func secondWriter() throws {
        try withProxy { proxy in
            let configuration = proxy.directory.file("registry-proxy.yaml")
            let second = try Command.run([Project.program, "serve", "--config", configuration])
            #expect(second.status == 4, "\(second)")
            #expect(second.errorText.contains("another process writes"))
        }
    }
}

/// Holds those who arrive until all have.
private final class Gathering: @unchecked Sendable {
    // SAFETY: `missing` is read and written under `condition`.
    private let condition = NSCondition()
    private var missing: Int

    init(_ count: Int) { missing = count }

    func arrive() {
        condition.withLock {
            missing -= 1
            condition.broadcast()
            let deadline = Date(timeIntervalSinceNow: 60)
            while missing > 0, condition.wait(until: deadline) {}
        }
    }
}
