// Logins through the whole program: one hash for many requests, a file that changes.

import Foundation
import NetIO
import TestSupport
import Testing

@Suite(.ownThreads) struct LoginTests {
    @Test("1,000 requests, 64 at a time, with one login of bcrypt cost 10 hash once")
    func oneHash() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.bcryptCost = 10
        settings.users = [.alice]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let statuses = Locked<[Int: Int]>([:])
        let left = Locked(1000)
        inParallel(64) {
            guard let client = try? proxy.connect(within: 60) else { return }
            while left.withLock({ left in
                left -= 1
                return left >= 0
            }) {
                let answer = try? client.request("GET", "/v2/team-a/x/manifests/v1", as: .alice)
                statuses.withLock { $0[answer?.status ?? 0, default: 0] += 1 }
            }
        }
        #expect(statuses.withLock { $0 } == [200: 1000])
        #expect(try proxy.metric("registry_proxy_password_hashes_total") == 1)
        #expect(try proxy.metric("registry_proxy_login_cache_hits_total") >= 900)
    }

    @Test("a wrong password is not let in by the memory of the right one")
    func wrongAfterRight() throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        let client = try proxy.connect()
        for _ in 0..<3 {
            #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
            let wrong = TestUser("alice", "s3cret:pa s")
            #expect(try client.request("GET", "/v2/", as: wrong).status == 401)
            let swapped = TestUser("bob", TestUser.alice.password)
            #expect(try client.request("GET", "/v2/", as: swapped).status == 401)
        }
    }

    /// HP24, HP25. crypt() ends at NUL, bcrypt at 72 bytes: neither may make two passwords equal.
    @Test("what the hash does not see is refused, and so is an empty password that is in the file")
    func nulAndLength() throws {
        let long = String(repeating: "p", count: 72)
        let users = [TestUser("long", long), TestUser("short", "secret")]
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.users = users + [TestUser("empty", "")]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        for user in users { #expect(try client.request("GET", "/v2/", as: user).status == 200) }
        let guesses = [
            TestUser("long", long + "x"), TestUser("short", "secret\u{0}"),
            TestUser("short", "secret\u{0}more"), TestUser("short", ""),
            TestUser("empty", ""),
        ]
        for guess in guesses {
            #expect(try client.request("GET", "/v2/", as: guess).status == 401, "\(guess)")
        }
    }

    @Test("every hash that htpasswd and mkpasswd write is understood")
    func formats() throws {
        // bcrypt in its three spellings, SHA-256, SHA-512 and yescrypt of "secret".
        let bcrypt = try PasswordLines.line(for: TestUser("x", "secret")).split(separator: ":")[1]
        var lines = ["2a", "2b", "2y"].map { "u\($0):$\($0)\(bcrypt.dropFirst(3))" }
        for (name, format) in [("u5", "5"), ("u6", "6")] {
            let hash = try Command.check(["openssl", "passwd", "-\(format)", "secret"]).text
            lines.append("\(name):\(hash.trimmingCharacters(in: .newlines))")
        }
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.users = []
        settings.passwordFile = lines.joined(separator: "\n") + "\n"
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        for name in ["u2a", "u2b", "u2y", "u5", "u6"] {
            let right = try client.request("GET", "/v2/", as: TestUser(name, "secret"))
            #expect(right.status == 200, "\(name)")
            let wrong = try client.request("GET", "/v2/", as: TestUser(name, "Secret"))
            #expect(wrong.status == 401, "\(name)")
        }
    }

    @Test("SIGHUP takes the new users' file, and a broken one changes nothing")
    func reload() throws {
        let proxy = try ProxyProcess(upstream: OwnAnswerTests.deadUpstream)
        defer { proxy.stop() }
        let client = try proxy.connect()
        let dave = TestUser("dave", "new here")
        #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
        #expect(try client.request("GET", "/v2/", as: dave).status == 401)
        try proxy.directory.write(PasswordLines.file(for: [dave]), to: "users.htpasswd")
        proxy.program.signal(SIGHUP)
        try proxy.waitForEvent("config.reloaded")
        #expect(try client.request("GET", "/v2/", as: dave).status == 200)
        #expect(try client.request("GET", "/v2/", as: .alice).status == 401, "no longer a user")
        try proxy.directory.write("dave:plaintext\n", to: "users.htpasswd")
        proxy.program.signal(SIGHUP)
        try proxy.waitForEvent("config.refused")
        #expect(try client.request("GET", "/v2/", as: dave).status == 200)
        #expect(try client.request("GET", "/v2/", as: TestUser("dave", "plaintext")).status == 401)
    }
}

/// Runs `work` on that many threads at once, and waits for all of them.
func inParallel(_ count: Int, _ work: @escaping @Sendable () -> Void) {
    let group = DispatchGroup()
    for _ in 0..<count {
        group.enter()
        Thread {
            work()
            group.leave()
        }
        .start()
    }
    group.wait()
}
