// Robot tokens: passwords for machines, narrower than their owner.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct RobotTokenTests {
    private func withProxy(
        _ change: (inout ProxySettings) -> Void = { _ in },
        _ body: (ProxyProcess, ProxySettings) throws -> Void
    ) throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings.withTokens(upstream: upstream.url)
        change(&settings)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(proxy, settings)
    }

    private static let order = #"""
        {"name":"ci","actions":["pull","create"],"repositories":["team-a/app/**"],"expires":"90d"}
        """#

    fileprivate func mint(
        _ proxy: ProxyProcess,
        _ order: String = Self.order,
        as user: TestUser = .alice
    ) throws -> (id: String, robot: TestUser) {
        let answer = try proxy.request(
            "POST", "/auth/tokens", as: user, ["Content-Type: application/json"],
            body: Array(order.utf8))
        guard answer.status == 201, let object = jsonObject(answer.body),
            let id = object["id"] as? String, let token = object["token"] as? String,
            object["expires"] is String
        else { throw NeverCameTrue(description: "\(answer.status) \(answer.text)") }
        return (id, TestUser(user.name, token))
    }

    private func ids(_ proxy: ProxyProcess, as user: TestUser) throws -> [String] {
        let answer = try proxy.request("GET", "/auth/tokens", as: user)
        let tokens = jsonObject(answer.body)?["tokens"] as? [[String: Any]] ?? []
        return tokens.compactMap { $0["id"] as? String }
    }

    @Test("a token that is sent as the user's name is in no log")
    func swapped() throws {
        let keepsTrail: (inout ProxySettings) -> Void = { $0.audit = "{ path: audit.log }" }
        try withProxy(keepsTrail) { proxy, _ in
            let (_, robot) = try mint(proxy)
            for user in [
                TestUser(robot.password, "alice"), TestUser(robot.password, robot.password),
            ] {
                let answer = try proxy.request("GET", "/v2/team-a/app/manifests/v1", as: user)
                #expect(answer.status == 401)
                let line = try #require(proxy.accessLines(about: answer).first)
                #expect(line["user_claimed"] == nil)
            }
            proxy.stop()
            let secret = String(robot.password.dropFirst(4).prefix(40))
            let trail = try proxy.directory.read("audit.log")
            let log = try proxy.directory.read("access.log")
            #expect(trail.contains("auth.failed") && !trail.contains(secret))
            #expect(!log.isEmpty && !log.contains(secret))
        }
    }

    @Test("a robot token is its owner's password for less, and is kept hashed")
    func narrower() throws {
        try withProxy { proxy, _ in
            let (id, robot) = try mint(proxy)
            #expect(robot.password.contains(#/^rpx_[0-9A-Za-z]{46}$/#))
            #expect(try proxy.request("GET", "/v2/", as: robot).status == 200)
            let allowed = [
                ("GET", "/v2/team-a/app/web/manifests/v1"),
                ("POST", "/v2/team-a/app/web/blobs/uploads/"),
            ]
            for (method, target) in allowed {
                let answer = try proxy.request(method, target, as: robot)
                #expect(answer.status < 300, "\(target): \(answer.status)")
            }
            let digest = "sha256:" + String(repeating: "a", count: 64)
            let denied = [
                ("GET", "/v2/team-a/other/manifests/v1"), ("GET", "/v2/team-b/app/manifests/v1"),
                ("DELETE", "/v2/team-a/app/web/manifests/\(digest)"),
            ]
            for (method, target) in denied {
                let answer = try proxy.request(method, target, as: robot)
                #expect(answer.status == 403 && answer.errorCode == "DENIED", "\(target)")
            }
            let why = try proxy.request("GET", "/v2/team-a/other/manifests/v1", as: robot)
            #expect(why.errorMessage.contains("the token ci is not for it"))
            let file = try proxy.directory.read("robots.jsonl")
            #expect(!file.contains(robot.password) && file.contains(id))
            for wrong in [
                TestUser("bob", robot.password), TestUser("alice", robot.password + "0"),
                TestUser("alice", "rpx_" + String(repeating: "0", count: 46)),
            ] {
                #expect(try proxy.request("GET", "/v2/", as: wrong).status == 401)
            }
            proxy.stop()
            let logs = try proxy.accessLines() + proxy.program.errorLines
            #expect(!logs.contains { $0.contains(robot.password) })
            let used = logs.compactMap(AccessLine.init).filter { $0["path"] == allowed[0].1 }
            #expect(used.map { $0["user"] } == ["alice"] && used.map { $0["auth"] } == ["token"])
        }
    }

    @Test("tags and networks narrow it, too, and what it gets at the token endpoint stays within")
    func tagsAndNetworks() throws {
        try withProxy { proxy, _ in
            let (_, tagged) = try mint(
                proxy,
                #"""
                {"name":"t","actions":["push"],"repositories":["team-a/**"],"tags":["v*"],
                 "networks":["127.0.0.0/8"],"expires":"1h"}
                """#)
            let (_, far) = try mint(
                proxy,
                #"""
                {"name":"f","actions":["all"],"repositories":["**"],"networks":["10.0.0.0/8"],
                 "expires":"1h"}
                """#)
            let type = ["Content-Type: application/vnd.oci.image.manifest.v1+json"]
            func put(_ tag: String, _ user: TestUser?, _ fields: [String] = []) throws -> Int {
                try proxy.request(
                    "PUT", "/v2/team-a/x/manifests/\(tag)", as: user, type + fields,
                    body: Array("{}".utf8)
                ).status
            }
            #expect(try put("v1", tagged) == 201 && put("latest", tagged) == 403)
            #expect(try put("v1", far) == 403)
            let query =
                "scope=repository:team-a/x:pull,push,delete&scope=repository:team-b/x:pull"
            let token = try proxy.token(query, as: tagged)
            #expect(token.access == ["team-a/x": "pull,push"])
            #expect(try put("v1", nil, [token.field]) == 201)
            #expect(try put("latest", nil, [token.field]) == 403)
            #expect(try proxy.token(query, as: far).access.isEmpty)
        }
    }

    @Test("a leaked token cannot make, list or revoke tokens, nor see more of the server")
    func leaked() throws {
        try withProxy {
            $0.auth.append("challenge: bearer")
            $0.access = """
                access:
                  rules:
                    - { id: all, who: [authenticated], repos: ["**"], allow: [all] }
                  server:
                    - { who: [authenticated], allow: [catalog, admin] }
                """
        } _: { proxy, _ in
            let order = #"{"name":"x","actions":["all"],"repositories":["a/**"],"expires":"1h"}"#
            let (id, robot) = try mint(proxy, order)
            let token = try proxy.token(
                "scope=repository:b:pull&scope=registry:catalog:*", as: robot)
            #expect(token.access == ["catalog": "*"])
            let own = try proxy.token("", as: .alice)
            let requests: [(String, String, String?)] = [
                ("POST", "/auth/tokens", order), ("GET", "/auth/tokens", nil),
                ("DELETE", "/auth/tokens/\(id)", nil),
            ]
            for (method, target, body) in requests {
                let bytes = body.map { Array($0.utf8) }
                let answers = [
                    try proxy.request(method, target, as: robot, [], body: bytes),
                    try proxy.request(method, target, as: nil, [token.field], body: bytes),
                    try proxy.request(method, target, as: nil, [own.field], body: bytes),
                ]
                for answer in answers {
                    #expect(answer.status == 403 && answer.errorCode == "DENIED", "\(target)")
                }
                let nobody = try proxy.request(method, target, as: nil, [], body: bytes)
                #expect(nobody.status == 401)
                #expect(nobody["WWW-Authenticate"]?.hasPrefix("Basic ") == true)
            }
            #expect(try ids(proxy, as: .alice) == [id])
            #expect(try proxy.request("GET", "/v2/b/manifests/v1", as: robot).status == 403)
        }
    }

    @Test("owners list and revoke their own, administrators everyone's")
    func management() throws {
        try withProxy {
            let rules = ProxySettings.teamRules.map { "    - \($0)" }.joined(separator: "\n")
            $0.access = """
                access:
                  rules:
                \(rules)
                  server:
                    - { who: ["user:operator"], allow: [admin] }
                """
        } _: { proxy, _ in
            let (mine, robot) = try mint(proxy)
            let (his, _) = try mint(proxy, as: .bob)
            #expect(try ids(proxy, as: .alice) == [mine] && ids(proxy, as: .bob) == [his])
            #expect(Set(try ids(proxy, as: .root)) == [mine, his])
            let foreign = try proxy.request("DELETE", "/auth/tokens/\(his)", as: .alice)
            #expect(foreign.status == 404)
            let token = try proxy.token("", as: robot)
            #expect(try proxy.request("GET", "/v2/", [token.field]).status == 200)
            #expect(try proxy.request("DELETE", "/auth/tokens/\(mine)", as: .root).status == 204)
            #expect(try proxy.request("GET", "/v2/", as: robot).status == 401)
            #expect(try proxy.request("GET", "/v2/", [token.field]).status == 401)
            #expect(try proxy.request("DELETE", "/auth/tokens/\(mine)", as: .alice).status == 404)
            #expect(try ids(proxy, as: .alice).isEmpty)
        }
    }

    @Test("an order that makes no sense is 400 and says what is wrong")
    func orders() throws {
        try withProxy { proxy, _ in
            let wrong = [
                "", "[]", "{", #"{"name":"x"}"#,
                #"{"name":"","actions":["pull"],"repositories":["a"],"expires":"1h"}"#,
                #"{"name":"x","actions":["catalog"],"repositories":["a"],"expires":"1h"}"#,
                #"{"name":"x","actions":["pull"],"repositories":[],"expires":"1h"}"#,
                #"{"name":"x","actions":["pull"],"repositories":["a{"],"expires":"1h"}"#,
                #"{"name":"x","actions":["pull"],"repositories":["a"],"expires":"1x"}"#,
                #"{"name":"x","actions":["pull"],"repositories":["a"],"expires":"2020-01-01"}"#,
                #"{"name":"x","actions":["pull"],"repositories":["a"],"expires":"1h","more":1}"#,
            ]
            for text in wrong {
                let answer = try proxy.request(
                    "POST", "/auth/tokens", as: .alice, [], body: Array(text.utf8))
                #expect(answer.status == 400 && !answer.errorMessage.isEmpty, "\(text)")
            }
            let page = try proxy.request(
                "POST", "/auth/tokens", as: .alice, ["Origin: https://evil.example"],
                body: Array(Self.order.utf8))
            #expect(page.status == 403, "a page of another origin")
        }
    }

    @Test("instances that share the file and the key agree about what was revoked")
    func instances() throws {
        try withProxy { first, settings in
            var shared = settings
            let path = first.directory.file("robots.jsonl")
            let key = first.directory.file("token.key")
            shared.auth = ["token: { key_file: \(key) }", "robots: { file: \(path) }"]
            let second = try ProxyProcess(shared)
            defer { second.stop() }
            let (id, robot) = try mint(first)
            _ = try eventually("the other instance knows the token") {
                try second.request("GET", "/v2/", as: robot).status == 200 ? true : nil
            }
            let token = try second.token("", as: robot)
            #expect(try first.request("GET", "/v2/", [token.field]).status == 200)
            let config = first.directory.file("registry-proxy.yaml")
            func run(_ words: String...) throws -> Finished {
                try Command.run([Project.program, "token"] + words + ["--config", config])
            }
            #expect(try run("revoke", id).status == 0)
            _ = try eventually("the token is no good on either") {
                let statuses = try [
                    first.request("GET", "/v2/", as: robot),
                    second.request("GET", "/v2/", as: robot),
                    first.request("GET", "/v2/", [token.field]),
                    second.request("GET", "/v2/", [token.field]),
                ].map(\.status)
                return statuses == [401, 401, 401, 401] ? true : nil
            }
            #expect(try run("revoke", id).status == 1)
        }
    }

    @Test("the command makes, lists and revokes; use is recorded; the owner's end is the token's")
    func command() throws {
        try withProxy { proxy, settings in
            let config = proxy.directory.file("registry-proxy.yaml")
            func run(_ words: [String]) throws -> Finished {
                try Command.run([Project.program, "token"] + words + ["--config", config])
            }
            let mint = [
                "mint", "--owner", "alice", "--name", "nightly build", "--actions", "pull,create",
                "--repositories", "team-a/{x,y},team-a/z/**", "--tags", "v*", "--networks",
                "127.0.0.1", "--expires", "2099-12-31",
            ]
            // Nobody needs a token for longer than ten years.
            #expect(try run(mint.dropLast() + ["9999-12-31"]).status == 2)
            let made = try run(mint.dropLast() + ["5d", "--json"])
            let object = try #require(jsonObject(made.output), "\(made)")
            let id = try #require(object["id"] as? String)
            let robot = TestUser("alice", try #require(object["token"] as? String))
            _ = try eventually("the proxy knows the token") {
                try proxy.request("GET", "/v2/", as: robot).status == 200 ? true : nil
            }
            #expect(try proxy.request("GET", "/v2/team-a/y/tags/list", as: robot).status == 200)
            let listed = try eventually("its use is recorded") {
                let list = jsonObject(try run(["list", "--owner", "alice", "--json"]).output)
                let tokens = list?["tokens"] as? [[String: Any]] ?? []
                return tokens.first { $0["last_used"] is String }
            }
            #expect(listed["id"] as? String == id && listed["name"] as? String == "nightly build")
            #expect(listed["repositories"] as? [String] == ["team-a/{x,y}", "team-a/z/**"])
            let table = try run(["list"])
            #expect(table.text.contains(id) && !table.text.contains(robot.password))
            let plain = try run(mint.dropLast() + ["12h"])
            #expect(plain.text.contains(#/^rpx_[0-9A-Za-z]{46}\n$/#))
            var unknown = mint
            unknown[2] = "nobody"
            #expect(try run(unknown.dropLast() + ["5d"]).status == 1)
            var fewer = settings
            fewer.users = [.bob]
            try proxy.reload(fewer)
            #expect(try proxy.request("GET", "/v2/", as: robot).status == 401)
        }
    }
}

extension RobotTokenTests {
    @Test("owners in a directory: their groups are looked up, and without an account nobody mints")
    func directory() throws {
        let slapd = try Slapd()
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings.withTokens(upstream: upstream.url)
        let groups = "{ strategy: search, base: \"\(DirectoryData.groups)\", nested: walk }"
        settings.auth.append("cache: { ldap_lifetime: 100ms }")
        try settings.ask(slapd, groups: groups)
        settings.rules = [#"{ id: d, who: ["group:devs"], repos: ["dev/**"], allow: [push] }"#]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let owner = TestUser("user01", "pw01")
        let order = #"{"name":"x","actions":["pull"],"repositories":["dev/**"],"expires":"1h"}"#
        let (_, robot) = try mint(proxy, order, as: owner)
        let target = "/v2/dev/x/manifests/v1"
        #expect(try proxy.request("GET", target, as: robot).status == 200)
        #expect(try proxy.request("POST", "/v2/dev/x/blobs/uploads/", as: robot).status == 403)
        let token = try proxy.token("scope=repository:dev/x:pull,push", as: robot)
        #expect(token.access == ["dev/x": "pull"])
        #expect(try proxy.request("GET", target, [token.field]).status == 200)
        try slapd.delete(DirectoryData.dn("user01"))
        _ = try eventually("the owner's end is the token's") {
            try proxy.request("GET", target, as: robot).status == 401 ? true : nil
        }
        slapd.stop()
        _ = try eventually("nobody can tell") {
            try proxy.request("GET", target, as: robot).status == 503 ? true : nil
        }
    }
}
