// Guessing, through the built program: who is told to wait, and who goes on.

import Foundation
import Synchronization
import TestSupport
import Testing

@Suite(.ownThreads) struct ThrottleTests {
    private static func proxy(_ throttle: String? = nil) throws -> ProxyProcess {
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.users = [.alice, .bob]
        if let throttle { settings.auth = ["throttle: \(throttle)"] }
        return try ProxyProcess(settings)
    }

    @Test("after five wrong passwords the sixth is 429, and the right one from elsewhere is let in")
    func guessing() throws {
        let proxy = try Self.proxy()
        defer { proxy.stop() }
        let client = try proxy.connect()
        for number in 0..<5 {
            let guess = TestUser("alice", "guess \(number)")
            #expect(try client.request("GET", "/v2/", as: guess).status == 401)
        }
        let slowed = try client.request("GET", "/v2/", as: TestUser("alice", "guess 6"))
        #expect(slowed.status == 429)
        #expect(slowed.errorCode == "TOOMANYREQUESTS")
        #expect(slowed["Retry-After"].flatMap { Int($0) } ?? 0 >= 1)
        #expect(slowed["WWW-Authenticate"] == nil)
        // A wrong one that is known to be wrong is still that.
        #expect(
            try client.request("GET", "/v2/", as: TestUser("alice", "guess 1")).status == 401)
        #expect(try client.request("GET", "/v2/", as: .bob).status == 200)
        let elsewhere = try proxy.connect(from: 2)
        #expect(try elsewhere.request("GET", "/v2/", as: .alice).status == 200)
        // Known now, and so from everywhere.
        #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
        #expect(try proxy.metric("registry_proxy_throttled_total") == 1)
        let line = try #require(try proxy.accessLines(about: slowed).first)
        #expect(line.number("status") == 429 && line["outcome"] == "refused", "\(line)")
        #expect(line["user_claimed"] == "alice" && line["user"] == nil, "\(line)")
    }

    @Test("thirty wrong passwords of any users slow one source, but not whoever was let in before")
    func source() throws {
        let proxy = try Self.proxy()
        defer { proxy.stop() }
        let client = try proxy.connect()
        #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
        // Eight at a time: one by one, a busy machine takes longer for each than it is forgiven.
        let statuses = Mutex<[Int: Int]>([:])
        let numbers = Atomic(0)
        inParallel(8) {
            do {
                let client = try proxy.connect()
                for _ in 0..<8 {
                    let number = numbers.add(1, ordering: .relaxed).newValue
                    let guess = TestUser("user\(number)", "x")
                    let status = try client.request("GET", "/v2/", as: guess).status
                    statuses.withLock { $0[status, default: 0] += 1 }
                }
            } catch {
                Issue.record("\(error)")
            }
        }
        let counts = statuses.withLock(\.self)
        #expect(counts[401] ?? 0 >= 30 && counts[429] ?? 0 > 0, "\(counts)")
        #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
        let elsewhere = try proxy.connect(from: 2)
        #expect(try elsewhere.request("GET", "/v2/", as: .bob).status == 200)
    }

    @Test("the numbers are the operator's, and a reload takes them up")
    func settings() throws {
        let proxy = try Self.proxy("{ per_user_and_network: 2, per_network: 3 }")
        defer { proxy.stop() }
        let client = try proxy.connect()
        func statuses(_ users: [String], _ password: String) throws -> [Int] {
            try users.map {
                try client.request("GET", "/v2/", as: TestUser($0, "\(password) \($0)")).status
            }
        }
        #expect(try statuses(["alice"], "1") + statuses(["alice"], "2") == [401, 401])
        #expect(try statuses(["alice"], "3") == [429])
        #expect(try statuses(["bob", "carol"], "4") == [401, 429])
        var off = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        off.users = [.alice, .bob]
        off.auth = ["throttle: { enabled: false }"]
        try proxy.reload(off)
        for number in 0..<40 { #expect(try statuses(["alice"], "off \(number)") == [401]) }
    }

    @Test("credentials that are none cost nothing and are not counted")
    func malformed() throws {
        let proxy = try Self.proxy()
        defer { proxy.stop() }
        let client = try proxy.connect()
        for number in 0..<60 {
            let field = "Authorization: Basic \(number)"
            #expect(try client.request("GET", "/v2/", [field]).status == 401)
        }
        #expect(try client.request("GET", "/v2/", as: TestUser("alice", "no")).status == 401)
        #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
        #expect(try proxy.metric("registry_proxy_throttled_total") == 0)
    }
}
