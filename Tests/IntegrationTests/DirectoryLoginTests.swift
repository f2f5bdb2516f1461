// Logins that a directory decides, through the built program.

import Foundation
import NetIO
import TestSupport
import Testing

@Suite(.ownThreads) struct DirectoryLoginTests {
    private static func proxy(
        _ slapd: Slapd,
        users: [TestUser] = [TestUser("local", "here")],
        _ change: (inout ProxySettings) throws -> Void = { try $0.ask(Slapd.shared()) }
    ) throws -> ProxyProcess {
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.users = users
        try change(&settings)
        return try ProxyProcess(settings)
    }

    @Test("everybody in the directory logs in, and is called what the directory says")
    func everybody() throws {
        let proxy = try Self.proxy(Slapd.shared())
        defer { proxy.stop() }
        let client = try proxy.connect()
        for person in DirectoryData.ordinary + DirectoryData.special {
            let answer = try client.request("GET", "/v2/", as: person.user)
            #expect(answer.status == 200, "\(person.login)")
        }
        for user in [TestUser("alice", "wrong"), TestUser("nobody", "x"), TestUser("alice", "")] {
            #expect(try client.request("GET", "/v2/", as: user).status == 401)
        }
        let loud = try client.request("GET", "/v2/", as: TestUser("ALICE", "s3cret:pa ss"))
        #expect(loud.status == 200)
        let line = try #require(try proxy.accessLines(about: loud).first)
        #expect(line["user"] == "alice" && line["auth"] == "ldap", "\(line)")
    }

    @Test("10,000 requests of one user within the lifetime cost one search and one bind")
    func oneSearchOneBind() throws {
        let slapd = try Slapd()
        let proxy = try Self.proxy(slapd) { settings in
            // However slow the machine is.
            settings.auth = ["cache: { ldap_lifetime: 5m }"]
            try settings.ask(slapd)
        }
        defer { proxy.stop() }
        let user = TestUser("user05", "pw05")
        let served = Locked(0)
        inParallel(4) {
            guard let client = try? proxy.connect() else { return }
            for _ in 0..<2500 {
                guard (try? client.request("GET", "/v2/", as: user).status) == 200 else { return }
                served.withLock { $0 += 1 }
            }
        }
        #expect(served.withLock { $0 } == 10_000)
        #expect(slapd.count("SRCH base=", "(uid=user05)") == 1)
        #expect(slapd.count("BIND dn=\"\(DirectoryData.dn("user05"))\" method=128") == 1)
        #expect(try proxy.metric("registry_proxy_login_cache_hits_total") >= 9_996)
    }

    @Test("a directory's groups are groups in rules")
    func groups() throws {
        let proxy = try Self.proxy(Slapd.shared()) { settings in
            let groups =
                "{ strategy: search, base: \"\(DirectoryData.groups)\", nested: walk }"
            try settings.ask(Slapd.shared(), groups: groups)
            settings.rules = [
                #"{ id: dev, who: ["group:devs"], repos: ["dev/**"], allow: [push] }"#,
                #"{ id: co, who: ["group:company"], repos: ["co/**"], allow: [pull] }"#,
            ]
        }
        defer { proxy.stop() }
        let client = try proxy.connect()
        func status(_ user: String, _ repository: String) throws -> Int {
            let two = user.suffix(2)
            let target = "/v2/\(repository)/tags/list"
            return try client.request("GET", target, as: TestUser(user, "pw\(two)")).status
        }
        // 502: the rules allow it, and the registry is not there.
        #expect(try status("user01", "dev/a") == 502)
        #expect(try status("user01", "co/a") == 502)
        #expect(try status("user16", "co/a") == 502)
        #expect(try status("user16", "dev/a") == 403)
        #expect(try status("user40", "co/a") == 403)
    }

    @Test("only an unknown user goes on to the next place, in the order that is written")
    func order() throws {
        let slapd = try Slapd()
        let both = [TestUser("user01", "from the file"), TestUser("local", "here")]
        let proxy = try Self.proxy(slapd, users: both) { try $0.ask(slapd) }
        defer { proxy.stop() }
        let client = try proxy.connect()
        func status(_ name: String, _ password: String) throws -> Int {
            try client.request("GET", "/v2/", as: TestUser(name, password)).status
        }
        #expect(try status("user01", "from the file") == 200)
        // The directory's password of a user whom the file knows is wrong.
        #expect(try status("user01", "pw01") == 401)
        #expect(try status("user02", "pw02") == 200)
        #expect(slapd.count("(uid=user01)") == 0)
        #expect(slapd.count("(uid=local)") == 0)
        var other = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        other.users = both
        other.auth = ["order: [ldap, htpasswd]"]
        try other.ask(slapd)
        try proxy.reload(other)
        #expect(try status("user01", "pw01") == 200)
        #expect(try status("user01", "from the file") == 401)
        #expect(try status("local", "here") == 200)
        slapd.stop()
        // The directory might know the user: nobody else may decide.
        #expect(try status("local", "here too") == 503)
    }

    /// LD38, fault 11.
    @Test("while the directory is down others get 503, and it is noticed when it is back")
    func outage() throws {
        let slapd = try Slapd()
        let proxy = try Self.proxy(slapd) { try $0.ask(slapd) }
        defer { proxy.stop() }
        let client = try proxy.connect()
        let known = TestUser("user01", "pw01")
        let other = TestUser("user02", "pw02")
        #expect(try client.request("GET", "/v2/", as: known).status == 200)
        let up = "registry_proxy_ldap_up"
        #expect(try proxy.metric(up) == 1)
        slapd.stop()
        for _ in 0..<6 {
            let answer = try client.request("GET", "/v2/", as: other)
            #expect(answer.status == 503)
            #expect(answer["Retry-After"] == "5")
            #expect(answer.errorCode == "UNAVAILABLE")
            #expect(answer["WWW-Authenticate"] == nil)
        }
        try proxy.waitForEvent("ldap.down")
        #expect(try proxy.metric(up) == 0)
        #expect(try client.request("GET", "/v2/", as: known).status == 200)
        #expect(try client.request("GET", "/v2/", as: TestUser("local", "here")).status == 200)
        try slapd.start()
        try proxy.waitForEvent("ldap.up")
        #expect(try client.request("GET", "/v2/", as: other).status == 200)
        #expect(try proxy.metric("registry_proxy_logins_total", where: "unavailable") == 6)
        #expect(try proxy.metric(up) == 1)
    }

    @Test("with stale_while_down known users go on beyond their lifetime, and nobody else")
    func stale() throws {
        let slapd = try Slapd()
        let proxy = try Self.proxy(slapd) { settings in
            settings.auth = ["cache: { ldap_lifetime: 100ms }"]
            try settings.ask(slapd, more: ["stale_while_down: 1h"])
        }
        defer { proxy.stop() }
        let client = try proxy.connect()
        let known = TestUser("user01", "pw01")
        #expect(try client.request("GET", "/v2/", as: known).status == 200)
        slapd.stop()
        let hits = "registry_proxy_logins_total"
        // Until a request has found the entry too old and the directory gone.
        _ = try eventually("a stale login is used") { () -> Bool? in
            let status = try client.request("GET", "/v2/", as: known).status
            #expect(status == 200)
            return proxy.eventCount("ldap.undecided") > 0 ? true : nil
        }
        #expect(try client.request("GET", "/v2/", as: TestUser("user01", "no")).status == 503)
        #expect(try client.request("GET", "/v2/", as: TestUser("user02", "pw02")).status == 503)
        #expect(try proxy.metric(hits, where: "accepted") >= 2)
    }

    @Test("other settings of the directory forget who was logged in")
    func reload() throws {
        let slapd = try Slapd()
        let proxy = try Self.proxy(slapd) { try $0.ask(slapd) }
        defer { proxy.stop() }
        let client = try proxy.connect()
        let user = TestUser("user09", "pw09")
        func log(in expected: Int) throws {
            #expect(try client.request("GET", "/v2/", as: user).status == 200)
            #expect(slapd.count("SRCH base=", "(uid=user09)") == expected)
        }
        try log(in: 1)
        var same = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        same.users = [TestUser("local", "here")]
        try same.ask(slapd)
        try proxy.reload(same)
        try log(in: 1)
        var other = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        other.users = same.users
        try other.ask(slapd, groups: "{ strategy: member_of }")
        try proxy.reload(other)
        try log(in: 2)
    }
}

/// `registry-proxy ldap-check`.
@Suite(.ownThreads) struct DirectoryCheckTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory("ldap-check") }

    private func configuration(
        port: Int,
        ca: String,
        _ more: String = ""
    ) throws -> String {
        let slapd = try Slapd.shared()
        return try directory.write(
            """
            listen: [{ address: "127.0.0.1:0" }]
            upstream: { url: "http://127.0.0.1:5000" }
            auth:
              ldap:
                servers: ["ldap://127.0.0.1:\(port)"]
                start_tls: true
                \(ca)
                bind_dn: "\(DirectoryData.serviceDN)"
                bind_password_file: \(try slapd.passwordFile())
                users: { base: "\(DirectoryData.people)" }
                groups: { strategy: member_of }
                \(more)
            """,
            to: "config.yaml"
        )
    }

    private func check(
        _ user: String,
        _ password: String,
        _ configuration: String,
        _ more: [String] = [],
        environment: [String: String] = [:]
    ) throws -> Finished {
        try Command.run(
            [Project.program, "ldap-check", user, "--config", configuration] + more,
            environment: environment,
            in: directory.path,
            input: Array((password + "\n").utf8)
        )
    }

    @Test("each step is printed, and the exit code says how it ended")
    func steps() throws {
        let slapd = try Slapd.shared()
        let path = try configuration(port: slapd.port, ca: "ca: \(slapd.certificates.ca)")
        let right = try check("Alice", "s3cret:pa ss", path)
        #expect(right.status == 0, "\(right)")
        for words in [
            "server", "tls", "service bind", "search", "bind", "dn ", DirectoryData.dn("alice"),
            "user          alice\n", "group         devs", " ms)", "result        right",
        ] { #expect(right.text.contains(words), "\(words): \(right.text)") }
        #expect(!right.text.contains("s3cret"))
        let wrong = try check("alice", "no", path)
        #expect(wrong.status == 1 && wrong.text.contains("wrong password"), "\(wrong)")
        #expect(try check("nobody", "x", path).status == 1)
        #expect(try check("alice", "", path).status == 1)
        let lookup = try check("alice", "", path, ["--no-password"])
        #expect(lookup.status == 0 && lookup.text.contains("group         devs"), "\(lookup)")
        let dead = try configuration(port: freePort(), ca: "ca: \(slapd.certificates.ca)")
        let unanswered = try check("alice", "x", dead)
        #expect(unanswered.status == 4 && !unanswered.errorText.isEmpty, "\(unanswered)")
        #expect(try check("alice", "x", "/nonexistent").status == 3)
        #expect(try Command.run([Project.program, "ldap-check"]).status == 2)
        let probe = ["check", "--config", dead, "--probe"]
        let probed = try Command.run([Project.program] + probe)
        #expect(probed.status == 4 && probed.errorText.contains("auth.ldap.servers"), "\(probed)")
        _ = try configuration(port: slapd.port, ca: "ca: \(slapd.certificates.ca)")
        // The registry of this configuration does not answer; the directory does.
        let answered = try Command.run([Project.program] + probe)
        #expect(!answered.errorText.contains("auth.ldap"), "\(answered)")
    }

    /// LD45.
    @Test("no file and no variable makes a wrong certificate right")
    func environment() throws {
        let slapd = try Slapd.shared()
        try directory.write("TLS_REQCERT never\n", to: "ldaprc")
        try directory.write("TLS_REQCERT never\n", to: "home/.ldaprc")
        let ca = try Certificates.shared().ca
        let variables = [
            "LDAPTLS_REQCERT": "never", "LDAPCONF": directory.file("ldaprc"),
            "HOME": directory.file("home"), "LDAPTLS_CACERT": ca, "SSL_CERT_FILE": ca,
        ]
        let other = try Certificates()
        for authorities in ["", "ca: \(other.ca)"] {
            let path = try configuration(port: slapd.port, ca: authorities)
            let refused = try check("alice", "s3cret:pa ss", path, environment: variables)
            #expect(refused.status == 4, "\(refused)")
            #expect(refused.errorText.contains("certificate"), "\(refused)")
        }
    }
}
