// Bearer tokens: who gets which, and what they are good for.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct TokenTests {
    private func withProxy(
        _ change: (inout ProxySettings) -> Void = { _ in },
        _ body: (ProxyProcess) throws -> Void
    ) throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings.withTokens(upstream: upstream.url)
        change(&settings)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(proxy)
    }

    @Test("a 401 says where to get a token, and for what")
    func challenges() throws {
        try withProxy { proxy in
            let realm = "http://127.0.0.1:\(proxy.plainPort)/auth/token"
            let digest = "sha256:" + String(repeating: "a", count: 64)
            let wanted: [(String, String, String)] = [
                ("GET", "/v2/", ""), ("GET", "/v2/a/b/manifests/v1", "repository:a/b:pull"),
                ("HEAD", "/v2/a/b/blobs/\(digest)", "repository:a/b:pull"),
                ("GET", "/v2/a/b/tags/list", "repository:a/b:pull"),
                ("POST", "/v2/a/b/blobs/uploads/", "repository:a/b:pull,push"),
                ("PUT", "/v2/a/b/manifests/v1", "repository:a/b:pull,push"),
                ("PATCH", "/v2/a/b/blobs/uploads/u", "repository:a/b:pull,push"),
                ("DELETE", "/v2/a/b/manifests/\(digest)", "repository:a/b:delete"),
                (
                    "POST", "/v2/a/b/blobs/uploads/?mount=\(digest)&from=c",
                    "repository:a/b:pull,push repository:c:pull"
                ),
            ]
            for (method, target, scope) in wanted {
                let answer = try proxy.request(method, target)
                #expect(answer.status == 401 && answer["WWW-Authenticate"] != nil, "\(target)")
                let scopes = scope.isEmpty ? "" : ",scope=\"\(scope)\""
                let challenge = "Bearer realm=\"\(realm)\",service=\"registry-proxy\"\(scopes)"
                #expect(answer["WWW-Authenticate"] == challenge)
            }
        }
    }

    @Test(
        "challenge: auto asks for a token only if rules let anybody in; external_url is the realm")
    func challengeModes() throws {
        let closed = [#"{ id: a, who: [authenticated], repos: ["**"], allow: [pull] }"#]
        let open = [#"{ id: a, who: [anonymous], repos: ["x"], allow: [pull] }"#]
        for (mode, rules, isBearer) in [
            ("auto", closed, false), ("auto", open, true), ("basic", open, false),
            ("bearer", closed, true),
        ] {
            try withProxy {
                $0.auth.append("challenge: \(mode)")
                $0.rules = rules
                $0.more = ["external_url: https://registry.test"]
            } _: { proxy in
                let challenge = try proxy.request("GET", "/v2/")["WWW-Authenticate"] ?? ""
                let realm = "Bearer realm=\"https://registry.test/auth/token\""
                #expect(challenge.hasPrefix(isBearer ? realm : "Basic realm="), "\(mode)")
                // Whatever is asked for, both are taken.
                #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200)
                let token = try proxy.token("", as: .alice)
                #expect(try proxy.request("GET", "/v2/", [token.field]).status == 200)
            }
        }
    }

    @Test("a token is for what was asked and the rules allow, however it was asked")
    func granted() throws {
        try withProxy { proxy in
            let repeated = try proxy.token(
                "account=alice&client_id=docker&offline_token=true&service=registry-proxy"
                    + "&scope=repository:team-a/x:pull,push&scope=repository:team-b/y:pull"
                    + "&scope=repository:public/z:pull,push&scope=repository:team-a/x:delete",
                as: .alice)
            let wanted = ["team-a/x": "pull,push,delete", "public/z": "pull"]
            #expect(repeated.access == wanted)
            #expect(repeated.claims["sub"] as? String == "alice")
            #expect(repeated.claims["aud"] as? String == "registry-proxy")
            #expect(repeated.answer["expires_in"] as? Int == 300)
            #expect(repeated.answer["issued_at"] is String)
            #expect(repeated.answer["refresh_token"] == nil)
            let spaced = try proxy.token(
                "scope=repository:team-a/x:pull,push+repository:public/z:pull%20"
                    + "repository(plugin):team-a/x:delete", as: .alice)
            #expect(spaced.access == wanted)
            let nobody = try proxy.token(
                "scope=repository:public/z:pull,push&scope=repository:team-a/x:pull")
            #expect(nobody.access == ["public/z": "pull"])
            #expect(nobody.claims["sub"] as? String == "")
            let star = try proxy.token("scope=repository:team-a/x:*", as: .alice)
            #expect(star.access == ["team-a/x": "pull,push,delete"])
            let odd = "scope=repository:host:5000/team-a/x:pull&scope=weird:team-a/x:pull"
            #expect(try proxy.token(odd, as: .alice).access.isEmpty)
            #expect(try proxy.token("", as: .alice).access.isEmpty)
            let catalog = try proxy.token("scope=registry:catalog:*", as: .bob)
            #expect(catalog.access == ["catalog": "*"])
        }
    }

    @Test("forms: the password grant, none at all, and what is refused")
    func forms() throws {
        try withProxy { proxy in
            let form = ["Content-Type: application/x-www-form-urlencoded"]
            func post(_ text: String, as user: TestUser? = nil) throws -> Response {
                try proxy.request("POST", "/auth/token", as: user, form, body: Array(text.utf8))
            }
            let scope = "scope=repository%3Ateam-a%2Fx%3Apull%2Cpush"
            let login = "username=alice&password=s3cret%3Apa+ss"
            let grant = "grant_type=password&service=registry-proxy&client_id=containerd-client"
            let answer = try post("\(grant)&\(scope)&\(login)&access_type=offline")
            let token = try #require(IssuedToken(answer))
            #expect(token.access == ["team-a/x": "pull,push"])
            #expect(token.answer["scope"] as? String == "repository:team-a/x:pull,push")
            #expect(answer["Cache-Control"] == "no-store")
            #expect(IssuedToken(try post(scope))?.claims["sub"] as? String == "")
            let byField = IssuedToken(try post(scope, as: .alice))
            #expect(byField?.access == ["team-a/x": "pull,push"])
            let wrong = "grant_type=password&username=alice&password=wrong"
            let refused: [(String, Int, String)] = [
                (wrong, 401, "UNAUTHORIZED"), ("grant_type=password", 401, "UNAUTHORIZED"),
                ("grant_type=password&username=a%3Ab&password=x", 401, "UNAUTHORIZED"),
                ("grant_type=refresh_token&refresh_token=x", 401, "UNAUTHORIZED"),
                ("grant_type=implicit", 400, "UNSUPPORTED"),
                ("scope=nonsense", 400, "BAD_REQUEST"), ("scope=a:b", 400, "BAD_REQUEST"),
                ("service=other", 400, "BAD_REQUEST"),
            ]
            for (text, status, code) in refused {
                let answer = try post(text)
                #expect(answer.status == status && answer.errorCode == code, "\(text)")
                let challenge = answer["WWW-Authenticate"] ?? ""
                #expect(challenge.hasPrefix("Basic realm=") == (status == 401), "\(text)")
            }
            #expect(try post("\(grant)&\(login)", as: .bob).status == 400, "two logins")
            let long = String(repeating: "a", count: 17_000)
            #expect(try post(long).status == 413)
        }
    }

    @Test("a wrong login gets no token, and no other route or method gets anything")
    func refusals() throws {
        try withProxy { proxy in
            let wrong = try proxy.request("GET", "/auth/token", as: TestUser("alice", "wrong"))
            #expect(wrong.status == 401 && wrong.errorCode == "UNAUTHORIZED")
            #expect(wrong["WWW-Authenticate"]?.hasPrefix("Basic realm=") == true)
            #expect(try proxy.request("GET", "/auth/token?service=other", as: .alice).status == 400)
            #expect(try proxy.request("GET", "/auth/token?scope=x", as: .alice).status == 400)
            let options = try proxy.request("OPTIONS", "/auth/token")
            #expect(options.status == 204 && options["Allow"] == "GET, POST, OPTIONS")
            let put = try proxy.request("PUT", "/auth/token", as: .alice)
            #expect(put.status == 405 && put["Allow"] == "GET, POST, OPTIONS")
            #expect(try proxy.request("GET", "/auth/tokenx", as: .alice).status == 404)
            #expect(try proxy.request("GET", "/auth/token/", as: .alice).status == 404)
        }
    }

    @Test("a token does what it is for, as its user, and nothing else")
    func use() throws {
        try withProxy { proxy in
            let token = try proxy.token("scope=repository:team-a/x:pull", as: .alice)
            let manifest = "/v2/team-a/x/manifests/v1"
            #expect(try proxy.request("GET", manifest, [token.field]).status == 200)
            #expect(try proxy.request("GET", "/v2/", [token.field]).status == 200)
            for (method, target) in [
                ("POST", "/v2/team-a/x/blobs/uploads/"), ("GET", "/v2/team-a/y/manifests/v1"),
                ("GET", "/v2/_catalog"),
            ] {
                let narrow = try proxy.request(method, target, [token.field])
                #expect(narrow.status == 401, "\(target)")
                let challenge = narrow["WWW-Authenticate"] ?? ""
                #expect(challenge.hasSuffix(#",error="insufficient_scope""#), "\(challenge)")
            }
            let denied = try proxy.request("GET", "/v2/team-b/x/manifests/v1", [token.field])
            #expect(denied.status == 403 && denied.errorCode == "DENIED")
            proxy.stop()
            let lines = try proxy.accessLines().compactMap(AccessLine.init)
            let used = lines.filter { $0["path"] == manifest }
            #expect(used.map { $0["user"] } == ["alice"] && used.map { $0["auth"] } == ["token"])
            let issued = lines.filter { $0["operation"] == "token" }
            #expect(issued.count == 1 && issued[0]["query"] == nil)
        }
    }

    @Test("a token for nobody is no login, but good enough for /v2/")
    func anonymous() throws {
        try withProxy { proxy in
            let token = try proxy.token("scope=repository:public/x:pull")
            #expect(try proxy.request("GET", "/v2/", [token.field]).status == 200)
            let pull = try proxy.request("GET", "/v2/public/x/manifests/v1", [token.field])
            #expect(pull.status == 200)
            let other = try proxy.request("GET", "/v2/team-a/x/manifests/v1", [token.field])
            let challenge = other["WWW-Authenticate"] ?? ""
            #expect(
                other.status == 401 && challenge.hasSuffix(#"scope="repository:team-a/x:pull""#))
            let old = try proxy.signedToken(nil, "", expiresIn: -1)
            let field = "Authorization: Bearer \(old)"
            #expect(try proxy.request("GET", "/v2/public/x/manifests/v1", [field]).status == 401)
        }
    }

    @Test("no other token is good for anything, and none stands in a log")
    func forgeries() throws {
        try withProxy { proxy in
            let scopes = "repository:team-a/x:pull"
            let good = try proxy.signedToken("alice", scopes, expiresIn: 300)
            let parts = good.split(separator: ".").map(String.init)
            let none = base64(Array(#"{"typ":"JWT","alg":"none"}"#.utf8))
                .replacing("=", with: "")
            let strange = String(repeating: "0", count: 64)
            let forged = [
                "\(none).\(parts[1]).", "\(none).\(parts[1]).\(parts[2])",
                "\(parts[0]).\(parts[1])", String(good.dropLast()), good + "A",
                "\(parts[0]).\(parts[1]).\(parts[1])",
                try proxy.signedToken("alice", scopes, expiresIn: -1),
                try proxy.signedToken("alice", scopes, expiresIn: 300, service: "other"),
                try proxy.signedToken("alice", scopes, expiresIn: 300, key: strange),
                try proxy.signedToken("nobody-here", scopes, expiresIn: 300),
                good + String(repeating: "A", count: 9000), "x", "",
            ]
            let manifest = "/v2/team-a/x/manifests/v1"
            func answer(_ token: String) throws -> Response {
                try proxy.request("GET", manifest, ["Authorization: Bearer \(token)"])
            }
            #expect(try answer(good).status == 200)
            for token in forged {
                let answer = try answer(token)
                #expect(answer.status == 401 && answer.errorCode == "UNAUTHORIZED", "\(token)")
                let challenge = answer["WWW-Authenticate"] ?? ""
                #expect(challenge.hasSuffix(#",error="invalid_token""#), "\(token): \(challenge)")
            }
            proxy.stop()
            let logs = try proxy.accessLines() + proxy.program.errorLines
            for token in forged + [good] where token.count > 8 {
                #expect(!logs.contains { $0.contains(token.suffix(20)) })
            }
        }
    }

    @Test("what the rules or the users' file take away, a token loses at its next request")
    func liveRules() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings.withTokens(upstream: upstream.url)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let token = try proxy.token("scope=repository:team-a/x:pull", as: .alice)
        let target = "/v2/team-a/x/manifests/v1"
        #expect(try proxy.request("GET", target, [token.field]).status == 200)
        let rules = settings.rules
        settings.rules = rules.filter { !$0.contains("team-a") }
        try proxy.reload(settings)
        #expect(try proxy.request("GET", target, [token.field]).status == 403)
        settings.rules = rules
        try proxy.reload(settings)
        #expect(try proxy.request("GET", target, [token.field]).status == 200)
        settings.users = [.bob]
        try proxy.reload(settings)
        let gone = try proxy.request("GET", target, [token.field])
        #expect(gone.status == 401)
        #expect(gone["WWW-Authenticate"]?.hasSuffix(#"error="invalid_token""#) == true)
    }

    @Test("keys: made once with mode 0600, shared by instances, the last of several signs")
    func keys() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        let settings = ProxySettings.withTokens(upstream: upstream.url)
        let first = try ProxyProcess(settings)
        defer { first.stop() }
        let path = first.directory.file("token.key")
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o600)
        let key = try first.directory.read("token.key")
        let newer = key + String(repeating: "5", count: 64) + "\n"
        let second = try ProxyProcess(settings) { try $0.write(newer, to: "token.key") }
        defer { second.stop() }
        let old = try first.token("", as: .alice)
        #expect(try second.request("GET", "/v2/", [old.field]).status == 200)
        let new = try second.token("", as: .alice)
        #expect(try first.request("GET", "/v2/", [new.field]).status == 401)
        try first.directory.write(newer, to: "token.key")
        try first.waitForEvent("config.reloaded")
        #expect(try first.request("GET", "/v2/", [new.field]).status == 200)
        #expect(try first.request("GET", "/v2/", [old.field]).status == 200)
    }
}
