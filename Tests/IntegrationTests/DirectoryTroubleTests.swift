// What a directory does wrong, or is asked to do, seen from outside the built program.

import Foundation
import NetIO
import TestSupport
import Testing

/// A directory in the clear that a test breaks and repairs while the program runs. It knows alice,
/// with any password.
private final class TroubledDirectory: Sendable {
    enum Trouble: String, CaseIterable, Sendable {
        /// Takes requests and never answers.
        case silent
        /// Cuts the connection when a password has come.
        case resetsMidBind
        /// Cuts every connection at once.
        case resets
        /// Answers what it was asked only when the trouble is over.
        case late
    }

    private let state: State
    let fake: FakeDirectory

    private final class State: Sendable {
        private let trouble = Locked<Trouble?>(nil)
        private let condition = NSCondition()

        var current: Trouble? { trouble.withLock { $0 } }

        func set(_ new: Trouble?) {
            trouble.withLock { $0 = new }
            condition.lock()
            condition.broadcast()
            condition.unlock()
        }

        func waitForCalm() {
            condition.lock()
            while current != nil { condition.wait() }
            condition.unlock()
        }
    }

    init() throws {
        let state = State()
        self.state = state
        fake = try FakeDirectory { visit in
            if state.current == .resets { return visit.reset() }
            FakeDirectory.serve(visit) { request in
                switch state.current {
                case .silent: return true
                case .resets:
                    visit.reset()
                    return true
                case .resetsMidBind where request.tag == 0x60:
                    visit.reset()
                    return true
                case .late:
                    state.waitForCalm()
                    return false
                case .resetsMidBind, nil: return false
                }
            }
        }
    }

    func begin(_ trouble: Trouble) { state.set(trouble) }
    func end() { state.set(nil) }
}

extension ProxySettings {
    /// Asks a fake, which needs neither TLS nor an account.
    fileprivate mutating func ask(_ fake: FakeDirectory, timeouts: String, order: String? = nil) {
        auth += [
            "ldap:", "  servers: [\"\(fake.url)\"]", "  insecure: true",
            "  users: { base: \"\(DirectoryData.people)\", filter: \"(uid={user})\" }",
            "  timeouts: \(timeouts)",
        ]
    }
}

@Suite(.ownThreads) struct DirectoryTroubleTests {
    /// LD31, LD34 to LD38, faults 11 to 15.
    @Test(
        "cached users go on, others get 503 within the deadline, and it ends when the trouble ends",
        arguments: TroubledDirectory.Trouble.allCases.map(\.rawValue))
    func trouble(kind: String) throws {
        let trouble = try #require(TroubledDirectory.Trouble(rawValue: kind))
        let directory = try TroubledDirectory()
        defer { directory.end() }
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.users = [TestUser("local", "here")]
        settings.ask(directory.fake, timeouts: "{ connect: 20s, operation: 1s }")
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect(within: 60)
        func status(_ password: String) throws -> Int {
            try client.request("GET", "/v2/", as: TestUser("alice", password)).status
        }
        _ = try eventually("a login, however slow this machine is") {
            try status("known") == 200 ? true : nil
        }
        let binds = directory.fake.count(0x60)
        directory.begin(trouble)
        let before = try proxy.processorSeconds()
        for round in 0..<8 {
            #expect(try status("known") == 200)
            let answer = try client.request(
                "GET", "/v2/", as: TestUser("alice", "unknown \(round)"))
            #expect(answer.status == 503 && answer["Retry-After"] == "5", "\(answer.text)")
        }
        // A loop that spins takes all of the seconds that the deadlines are long.
        #expect(try proxy.processorSeconds() - before < 1)
        #expect(try client.request("GET", "/v2/", as: TestUser("local", "here")).status == 200)
        try proxy.waitForEvent("ldap.down")
        #expect(directory.fake.count(0x60) - binds <= 8, "a password is sent once")
        directory.end()
        try proxy.waitForEvent("ldap.up")
        _ = try eventually("others log in again") { try status("new") == 200 ? true : nil }
        #expect(try proxy.metric("registry_proxy_ldap_up") == 1)
    }

    /// LD01 to LD06, LD12, LD13; LD07 to LD11 reach the directory, as one value each.
    @Test("what is no login asks no directory")
    func nothing() throws {
        let fake = try FakeDirectory { FakeDirectory.serve($0) }
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.users = [TestUser("local", "here")]
        settings.ask(fake, timeouts: "{ connect: 20s, operation: 60s }")
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        let visits = fake.visitCount
        let logins: [[UInt8]] = [
            Array("alice:".utf8), Array(":secret".utf8), Array("   :secret".utf8),
            Array("alice".utf8), Array("alice:\0".utf8), Array("alice:good\0".utf8),
            Array("alice:a\nb".utf8), Array("alice:a\u{7F}".utf8), Array("al\u{1}ce:x".utf8),
            [0x61, 0x80, 0x3A, 0x78], [0xFF, 0x3A, 0x78], Array("alice:".utf8) + [0xC3],
            [UInt8](repeating: 0x61, count: 129) + Array(":x".utf8),
            Array("alice:".utf8) + [UInt8](repeating: 0x61, count: 257),
        ]
        for login in logins {
            let answer = try client.request(
                "GET", "/v2/", ["Authorization: Basic \(base64(login))"])
            #expect(answer.status == 401, "\(login)")
        }
        #expect(fake.visitCount == visits && fake.seen.isEmpty)
        #expect(try client.request("GET", "/v2/", as: TestUser("alice", "x")).status == 200)
        #expect(!fake.seen.isEmpty)
    }

    /// LD55 to LD57.
    @Test("who is disabled, has another password or has left a group notices within the lifetime")
    func changes() throws {
        let slapd = try Slapd()
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.users = [TestUser("local", "here")]
        settings.auth = ["cache: { ldap_lifetime: 100ms, wrong_lifetime: 100ms }"]
        settings.rules = [#"{ id: dev, who: ["group:devs"], repos: ["dev/**"], allow: [pull] }"#]
        try settings.ask(
            slapd, groups: "{ strategy: search, base: \"\(DirectoryData.groups)\" }")
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect()
        func becomes(_ expected: Int, _ user: TestUser) throws {
            _ = try eventually("\(user.name) gets \(expected)") {
                let answer = try client.request("GET", "/v2/dev/a/tags/list", as: user)
                return answer.status == expected ? true : nil
            }
        }
        let users = ["01", "02", "03"].map { TestUser("user\($0)", "pw\($0)") }
        // 502: the rules allow it, and the registry is not there.
        for user in users { try becomes(502, user) }
        let dn = users.map { DirectoryData.dn($0.name) }
        try slapd.modify(
            "dn: \(dn[0])\nchangetype: modify\nreplace: pwdAccountLockedTime\n"
                + "pwdAccountLockedTime: 000001010000Z\n")
        try becomes(401, users[0])
        try slapd.modify(
            "dn: \(dn[1])\nchangetype: modify\nreplace: userPassword\nuserPassword: new\n")
        try becomes(401, users[1])
        try becomes(502, TestUser("user02", "new"))
        try slapd.modify(
            "dn: \(DirectoryData.group("devs"))\nchangetype: modify\ndelete: member\n"
                + "member: \(dn[2])\n")
        try becomes(403, users[2])
    }

    @Test(
        "fifty people in nested groups, and everybody with a strange name, log in by every client")
    func clients() throws {
        let proxy = try ProxyProcess(
            {
                var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
                settings.users = [TestUser("local", "here")]
                settings.auth = ["throttle: { enabled: false }"]
                settings.rules = [
                    #"{ id: co, who: ["group:company"], repos: ["co/**"], allow: [pull] }"#
                ]
                try settings.ask(
                    Slapd.shared(),
                    groups:
                        "{ strategy: search, base: \"\(DirectoryData.groups)\", nested: walk }")
                return settings
            }())
        defer { proxy.stop() }
        let work = try TemporaryDirectory("logins")
        // Two in five of the ordinary ones: the others have the same kind of name.
        let people =
            DirectoryData.special
            + DirectoryData.ordinary.enumerated().compactMap {
                $0.offset % 5 < 2 ? $0.element : nil
            }
        let lines = people.map { person in
            "\(base64(Array(person.login.utf8))) \(base64(Array((person.password ?? "").utf8)))\n"
        }
        let finished = try Command.run(
            ["\(Project.tools)/clients/logins"],
            environment: [
                "WORK": work.path, "PORT": "\(proxy.securePort)",
                "CA_FILE": proxy.certificates.ca,
                "LOGINS": try work.write(lines.joined(), to: "people"),
            ],
            within: 300
        )
        if finished.status == 77 {
            try RealClientTests.skip("logins", finished.errorText)
        } else {
            #expect(finished.status == 0, "\(finished)")
            #expect(finished.text.contains("\(people.count) users"), "\(finished)")
        }
    }
}

extension ProxyProcess {
    /// Processor time of the program so far.
    fileprivate func processorSeconds() throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12])
        else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}
