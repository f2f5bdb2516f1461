// Records of tokens, of logins that are no passwords, and of how large a blob is.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct AuditEventTests {
    private func settings(upstream: String) -> ProxySettings {
        var settings = ProxySettings.withTokens(upstream: upstream)
        settings.audit = "{ path: audit.log }"
        return settings
    }

    private static let order = #"""
        {"name":"ci","actions":["pull","create"],"repositories":["team-a/**"],
         "tags":["v*"],"networks":["127.0.0.0/8"],"expires":"2027-06-30"}
        """#

    @Test("tokens are recorded when they are given out, made and taken back, and never themselves")
    func tokens() throws {
        let proxy = try ProxyProcess(settings(upstream: OwnAnswerTests.deadUpstream))
        defer { proxy.stop() }
        let scope = "scope=repository:team-a/x:pull,push&scope=repository:team-b/x:pull"
        let bearer = try proxy.token(scope, as: .alice)
        for _ in 0..<15 { _ = try proxy.token("scope=repository:public/x:pull") }
        let minted = try proxy.request(
            "POST", "/auth/tokens", as: .alice, [], body: Array(Self.order.utf8))
        let made = try #require(jsonObject(minted.body) as? [String: String])
        let id = try #require(made["id"])
        let robot = TestUser("alice", made["token"] ?? "")
        for _ in 0..<3 { #expect(try proxy.request("GET", "/v2/", as: robot).status == 200) }
        _ = try proxy.token(scope, as: robot)
        #expect(try proxy.request("DELETE", "/auth/tokens/\(id)", as: .alice).status == 204)
        #expect(try proxy.request("GET", "/v2/", as: robot).status == 401)
        proxy.stop()

        let lines = try proxy.auditLines()
        let issued = lines.filter { $0.event == "token.issued" }
        let known = issued.filter { $0["who.user"] == "alice" }
        #expect(known.map { $0["who.auth"] } == ["htpasswd", "token"])
        #expect(known.first?.notes == ["repository:team-a/x:pull,push"])
        #expect(known.last?.notes.last == "robot: \(id)")
        let nobodys = issued.filter { $0["who.user"] == nil }
        #expect(nobodys.count == 11 && nobodys.last?.count == 5)
        #expect(nobodys.allSatisfy { $0["who.auth"] == "anonymous" })

        let created = try #require(lines.first { $0.event == "token.created" })
        #expect(created["who.user"] == "alice" && created["http.method"] == "POST")
        let about = [
            "id: \(id)", "owner: alice", "name: ci", "actions: pull, create",
            "repositories: team-a/**", "tags: v*", "networks: 127.0.0.0/8",
            "expires: 2027-06-30T23:59:59Z",
        ]
        #expect(created.notes == about)
        let revoked = lines.filter { $0.event == "token.revoked" }
        #expect(revoked.map(\.notes) == [about] && revoked[0]["who.user"] == "alice")
        let logins = lines.filter { $0.event == "auth.succeeded" }
        #expect(logins.map { $0["who.auth"] } == ["htpasswd", "token"])
        let text = try proxy.directory.read("audit.log")
        #expect(!text.contains(robot.password) && !text.contains(bearer.text))
    }

    @Test("what the command line does to robot tokens is a record of the running proxy")
    func commandLine() throws {
        let proxy = try ProxyProcess(settings(upstream: OwnAnswerTests.deadUpstream))
        defer { proxy.stop() }
        let config = proxy.directory.file("registry-proxy.yaml")
        func run(_ words: String...) throws -> Finished {
            try Command.run([Project.program, "token"] + words + ["--config", config])
        }
        let minted = try run(
            "mint", "--owner", "bob", "--name", "nightly", "--actions", "pull", "--repositories",
            "team-b/**", "--expires", "1h", "--json")
        let id = try #require(jsonObject(Array(minted.text.utf8))?["id"] as? String)
        #expect(try run("revoke", id).status == 0)
        let notes = try eventually("both are recorded") { () -> [[String]]? in
            let lines = try proxy.auditLines().filter { $0.event.hasPrefix("token.") }
            return lines.map(\.event) == ["token.created", "token.revoked"]
                ? lines.map(\.notes) : nil
        }
        #expect(
            notes.allSatisfy {
                $0.prefix(3) == ["by: the command line", "id: \(id)", "owner: bob"]
            })
    }

    @Test("a token that is over is no wrong password, and one for something else no event")
    func refusedTokens() throws {
        let proxy = try ProxyProcess(settings(upstream: OwnAnswerTests.deadUpstream))
        defer { proxy.stop() }
        let over = try proxy.signedToken("alice", "repository:team-a/x:pull", expiresIn: -5)
        let narrow = try proxy.signedToken("alice", "repository:team-a/y:pull", expiresIn: 60)
        for token in [over, narrow] {
            let field = ["Authorization: Bearer \(token)"]
            #expect(try proxy.request("GET", "/v2/team-a/x/tags/list", field).status == 401)
        }
        proxy.stop()
        let failed = try proxy.auditLines().filter { $0.event == "auth.failed" }
        #expect(failed.map { $0["why.reason"] } == ["invalid_token"])
        #expect(failed.map { $0["who.user_claimed"] } == ["alice"])
    }

    @Test("a certificate is recorded as a login, once for each connection")
    func certificates() throws {
        let authority = try ClientAuthority()
        var settings = settings(upstream: OwnAnswerTests.deadUpstream)
        settings.tlsKeys = [
            "client_ca: \(authority.certificate)", "client_certificate: optional",
        ]
        settings.auth.append("client_certificates: { user: cn }")
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try authority.client("alice")
        let url = "https://localhost:\(proxy.securePort)/v2/"
        let finished = try Command.run([
            "curl", "--silent", "--cacert", proxy.certificates.ca, "--cert", client.certificate,
            "--key", client.key, "--output", "/dev/null", "--output", "/dev/null", "--write-out",
            "%{http_code} ", url, url,
        ])
        #expect(finished.text == "200 200 ")
        proxy.stop()
        let logins = try proxy.auditLines().filter { $0.event == "auth.succeeded" }
        #expect(logins.map { $0["who.auth"] } == ["certificate"])
        #expect(logins.map { $0["who.user"] } == ["alice"])
    }

    @Test("with the directory gone, a login that is believed a little longer is recorded as that")
    func stale() throws {
        let slapd = try Slapd()
        var settings = settings(upstream: OwnAnswerTests.deadUpstream)
        settings.users = [TestUser("local", "here")]
        settings.auth.append("cache: { ldap_lifetime: 100ms }")
        try settings.ask(slapd, more: ["stale_while_down: 1h"])
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        let known = TestUser("user01", "pw01")
        #expect(try client.request("GET", "/v2/", as: known).status == 200)
        slapd.stop()
        let record = try eventually("a stale login is recorded") { () -> AuditLine? in
            #expect(try client.request("GET", "/v2/", as: known).status == 200)
            return try proxy.auditLines().first { $0.event == "ldap.stale" }
        }
        #expect(record["who.user"] == "user01" && record["who.auth"] == "ldap")
        #expect(record.outcome == "done")
    }

    @Test("a pushed blob has its size, however many pieces it came in, also after a restart")
    func blobSizes() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let first = try ProxyProcess(settings(upstream: registry.url))
        defer { first.stop() }
        let second = try ProxyProcess(settings(upstream: registry.url))
        defer { second.stop() }
        let type = ["Content-Type: application/octet-stream"]
        /// Each piece but the last with PATCH, each through its own proxy.
        func push(_ pieces: [(proxy: ProxyProcess, bytes: [UInt8])]) throws -> String {
            let digest = try digest(of: pieces.flatMap(\.bytes))
            var session = try pieces[0].proxy.connect().startUpload("team-a/x", as: .alice)
            for piece in pieces.dropLast() {
                let answer = try piece.proxy.request(
                    "PATCH", session, as: .alice, type, body: piece.bytes)
                let next = answer["Location"] ?? ""
                session = String(
                    next[
                        (next.firstRange(of: "/v2/") ?? next.startIndex..<next.startIndex)
                            .lowerBound...])
            }
            let last = pieces[pieces.count - 1]
            let answer = try last.proxy.request(
                "PUT", "\(session)&digest=\(digest)", as: .alice, type, body: last.bytes)
            #expect(answer.status == 201, "\(answer.text)")
            return digest
        }
        func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in .random(in: 0...255) } }
        let expected = [
            try push([(first, bytes(10_000))]): 10_000,
            try push([(first, bytes(70_000)), (first, [])]): 70_000,
            try push([(first, bytes(1)), (first, [])]): 1,
            try push([(first, []), (first, bytes(20))]): 20,
            try push([(first, bytes(300)), (first, bytes(200)), (first, bytes(100))]): 600,
        ]
        let elsewhere = [
            try push([(first, bytes(300)), (second, bytes(200))]): 500,
            try push([(first, bytes(300)), (first, bytes(20)), (second, [])]): 320,
        ]
        for (proxy, expected) in [(first, expected), (second, elsewhere)] {
            proxy.stop()
            let pushed = try proxy.auditLines().filter { $0.event == "blob.push" }
            let sizes = pushed.map { ($0["what.digest"] ?? "", Int($0["what.size"] ?? "") ?? -1) }
            #expect(Dictionary(uniqueKeysWithValues: sizes) == expected)
        }
    }

    @Test("a registry that claims to have more of an upload than can be is not believed")
    func boundlessUpload() throws {
        let session = "/v2/team-a/x/blobs/uploads/1"
        let upstream = try RecordingUpstream { exchange in
            try exchange.readBody()
            switch exchange.method {
            case "PATCH":
                let fields = ["Location: \(session)", "Range: 0-9223372036854775806"]
                try exchange.answer("202 Accepted", fields)
            case "HEAD": try exchange.answer("200 OK", ["Content-Length: 12"])
            default: try exchange.answer("201 Created")
            }
        }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(settings(upstream: upstream.url))
        defer { proxy.stop() }
        let client = try proxy.connect()
        let type = ["Content-Type: application/octet-stream"]
        let piece = Array("hello".utf8)
        let begun = try client.request("PATCH", session, as: .alice, type, body: piece)
        #expect(begun.status == 202)
        let end = "\(session)?digest=\(RefusalTests.digest)"
        #expect(try client.request("PUT", end, as: .alice, type, body: piece).status == 201)
        proxy.stop()
        let pushed = try proxy.auditLines().filter { $0.event == "blob.push" }
        #expect(pushed.map { $0["what.size"] } == ["12"])
    }

    @Test("an overwrite has its old digest also where the registry names none")
    func digestByContent() throws {
        let old = #"{"schemaVersion":2}"#
        let upstream = try RecordingUpstream { exchange in
            _ = try exchange.readBody()
            switch (exchange.method, exchange.target.contains("dark")) {
            case ("PUT", _): try exchange.answer("201 Created")
            case ("GET", true): try exchange.answer("500 Internal Server Error")
            default: try exchange.answer("200 OK", body: old)
            }
        }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(settings(upstream: upstream.url))
        defer { proxy.stop() }
        let new = try Manifest(config: [], layers: [])
        let client = try proxy.connect()
        for tag in ["v1", "dark"] {
            let answer = try client.putManifest(new, at: tag, of: "team-a/x", as: .alice)
            #expect(answer.status == 201)
        }
        proxy.stop()
        let records = try proxy.auditLines().filter { $0.event == "manifest.overwrite" }
        #expect(records.map { $0["what.was"] } == [try digest(of: Array(old.utf8)), nil])
        #expect(records.map { $0["why.reason"] } == [nil, "was_unknown"])
    }

    @Test("a delete says which of its tags are not known, and a push that its tag is not")
    func doubts() throws {
        let digest = "sha256:" + String(repeating: "a", count: 64)
        let upstream = try RecordingUpstream { exchange in
            _ = try exchange.readBody()
            let names = (0...1000).map { "\"v\($0)\"" }.joined(separator: ",")
            switch exchange.method {
            case "DELETE": try exchange.answer("202 Accepted")
            case "PUT": try exchange.answer("201 Created")
            case "GET" where exchange.target.contains("many"):
                try exchange.answer("200 OK", body: #"{"name":"x","tags":["# + names + "]}")
            default: try exchange.answer("500 Internal Server Error")
            }
        }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(settings(upstream: upstream.url))
        defer { proxy.stop() }
        let client = try proxy.connect()
        for (repository, reference) in [("many", digest), ("none", digest), ("none", "v1")] {
            let target = "/v2/team-a/\(repository)/manifests/\(reference)"
            #expect(try client.request("DELETE", target, as: .alice).status == 202)
        }
        let new = try Manifest(config: [], layers: [])
        #expect(try client.putManifest(new, at: "v1", of: "team-a/none", as: .alice).status == 201)
        proxy.stop()
        let records = try proxy.auditLines().filter { $0["why.reason"] != nil }
        #expect(
            records.map { "\($0.event) \($0["why.reason"] ?? "")" } == [
                "manifest.delete tags_too_many", "manifest.delete tags_unknown",
                "tag.delete tag_unknown", "manifest.overwrite tag_unknown",
            ])
    }
}
