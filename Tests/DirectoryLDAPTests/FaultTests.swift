import Authentication
import Bytes
import Foundation
import TestSupport
import Testing

@testable import DirectoryLDAP

/// Against a server that misbehaves.
@Suite struct FaultTests {
    private static let later = LoginVerdict.undecidable(retryAfter: 5)

    /// One login at a fake that answers everything well but what `special` answers.
    private static func login(
        groups: Bool = false,
        _ special: @escaping @Sendable (FakeDirectory.Visit, LDAPRequest) -> Bool
    ) async throws -> (LoginVerdict, FakeDirectory, Reports) {
        try await onThread {
            let fake = try FakeDirectory { visit in
                FakeDirectory.serve(visit) { special(visit, $0) }
            }
            var settings = try DirectorySettings.fake(fake.port)
            if groups { settings.groups.strategy = .search }
            let asked = try Asked(settings)
            return (asked.login("alice", "right"), fake, asked.reports)
        }
    }

    @Test("the fake is a directory as long as nobody meddles")
    func agreeable() async throws {
        let (verdict, fake, _) = try await Self.login { _, _ in false }
        #expect(verdict.userName == "alice")
        #expect(fake.count(0x60) == 1 && fake.count(0x63) == 1)
        #expect(fake.visitCount == 2, "the user's password is tried on a connection of its own")
    }

    /// LD19, LD25: results that are no answer.
    @Test(
        "a search or bind that ends in any other way is no answer",
        arguments: [
            (0x63, 4), (0x63, 3), (0x63, 51), (0x63, 52), (0x63, 1), (0x63, 10), (0x60, 14),
            (0x60, 8), (0x60, 51),
        ] as [(UInt8, UInt8)])
    func otherCodes(tag: UInt8, code: UInt8) async throws {
        let (verdict, _, _) = try await Self.login { visit, request in
            guard request.tag == tag else { return false }
            visit.send(LDAPAnswer.result(request.number, tag == 0x60 ? 0x61 : 0x65, code: code))
            return true
        }
        #expect(verdict == Self.later)
    }

    /// LD16, LD18.
    @Test("an entry without a name, and a mere reference, are nobody")
    func nobody() async throws {
        let (nameless, _, reports) = try await Self.login { visit, request in
            guard request.tag == 0x63 else { return false }
            visit.send(LDAPAnswer.entry(request.number, dn: "", [("uid", ["alice"])]))
            visit.send(LDAPAnswer.result(request.number, 0x65))
            return true
        }
        #expect(nameless == .wrongPassword)
        #expect(reports.refusals == ["the entry has no name"])
        let elsewhere = try FakeDirectory { FakeDirectory.serve($0) }
        let (referred, _, _) = try await Self.login { visit, request in
            guard request.tag == 0x63 else { return false }
            let url = LDAPAnswer.wrap(0x04, Array("\(elsewhere.url)/dc=x".utf8))
            visit.send(LDAPAnswer.message(request.number, 0x73, url))
            visit.send(LDAPAnswer.result(request.number, 0x65))
            return true
        }
        #expect(referred == .unknownUser)
        #expect(elsewhere.visitCount == 0)
    }

    /// LD24.
    @Test("a referral is never followed")
    func referral() async throws {
        let elsewhere = try FakeDirectory { FakeDirectory.serve($0) }
        let (verdict, _, reports) = try await Self.login { visit, request in
            guard request.tag == 0x60 else { return false }
            let url = LDAPAnswer.wrap(0xA3, LDAPAnswer.wrap(0x04, Array(elsewhere.url.utf8)))
            visit.send(LDAPAnswer.result(request.number, 0x61, code: 10, more: url))
            return true
        }
        #expect(verdict == .wrongPassword)
        #expect(reports.refusals == ["the server refers to another"])
        #expect(elsewhere.visitCount == 0)
    }

    /// LD26 to LD29: what is no answer to the question.
    @Test("an answer that does not belong to the question is none", arguments: 0..<5)
    func confused(kind: Int) async throws {
        let (verdict, fake, _) = try await Self.login { visit, request in
            guard request.tag == 0x60 else { return false }
            switch kind {
            case 0: visit.send(LDAPAnswer.result(request.number + 1, 0x61))
            case 1: visit.send(LDAPAnswer.entry(request.number, dn: "uid=x", []))
            case 2:
                let name = LDAPAnswer.wrap(0x8A, Array("1.3.6.1.4.1.1466.20036".utf8))
                visit.send(LDAPAnswer.result(0, 0x78, code: 52, more: name))
            case 3: visit.send([0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF])
            default: visit.send(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
            }
            return true
        }
        #expect(verdict == Self.later)
        // None at all, if the machine was too busy to come so far in time.
        #expect(fake.count(0x60) <= 1, "a password is sent once")
    }

    /// LD30.
    @Test("a hundred megabytes of entries are not read")
    func flood() async throws {
        let big = String(repeating: "x", count: 60_000)
        let (verdict, _, _) = try await Self.login { visit, request in
            guard request.tag == 0x63 else { return false }
            let entry = LDAPAnswer.entry(request.number, dn: "uid=a", [("uid", [big])])
            for _ in 0..<1_700 { visit.send(entry) }
            return true
        }
        #expect(verdict == Self.later)
        let (huge, _, _) = try await Self.login { visit, request in
            guard request.tag == 0x63 else { return false }
            visit.send([0x30, 0x83, 0xFF, 0xFF, 0xFF])
            for _ in 0..<255 { visit.send([UInt8](repeating: 0, count: 65536)) }
            return true
        }
        #expect(huge == Self.later)
    }

    /// LD31.
    @Test("silence ends at the deadline", arguments: [0x60, 0x63, 0x77] as [UInt8])
    func silence(tag: UInt8) async throws {
        let (verdict, _, reports) = try await Self.login { _, request in request.tag == tag }
        #expect(verdict == Self.later)
        let reason = reports.undecided.first ?? ""
        #expect(reason.contains("no answer in time"), "\(reason)")
    }

    /// LD32, LD33.
    @Test(
        "silence instead of a handshake ends at the deadline, and takes no processor time",
        arguments: [DirectorySettings.Security.tls, .startTLS])
    func silentHandshake(security: DirectorySettings.Security) async throws {
        try await onThread {
            let fake = try FakeDirectory { visit in
                if security == .startTLS, let request = visit.next() {
                    visit.send(LDAPAnswer.result(request.number, 0x78))
                }
                while case .bytes? = try? visit.socket.receive(within: 120) {}
            }
            var settings = try DirectorySettings.fake(fake.port, security)
            settings.connectTimeout = 3_000_000_000
            let asked = try Asked(settings)
            let before = threadSeconds()
            #expect(asked.login("alice", "right") == Self.later)
            // Of three seconds; a loop that spins takes all of them.
            #expect(threadSeconds() - before < 0.5)
            let reason = asked.reports.undecided.first ?? ""
            #expect(reason.contains("no answer in time"), "\(reason)")
        }
    }

    /// LD34 to LD37.
    @Test("a reset is no answer, and a password is never sent twice", arguments: 0..<4)
    func reset(stage: Int) async throws {
        let (verdict, fake, _) = try await Self.login { visit, request in
            switch (stage, request.tag) {
            case (0, 0x63): visit.reset()
            case (1, 0x63):
                let entry = LDAPAnswer.entry(request.number, dn: "uid=a", [("uid", ["alice"])])
                visit.send(Array(entry.prefix(20)))
                visit.reset()
            case (2, 0x60): visit.reset()
            case (3, 0x77): visit.reset()
            default: return false
            }
            return true
        }
        #expect(verdict == Self.later)
        #expect(fake.count(0x60) <= 1)
    }

    /// LD36 and field.md 1.3: the connection that waited had died.
    @Test("a search on a connection that has died meanwhile is made once more on a new one")
    func retry() async throws {
        try await onThread {
            let fake = try FakeDirectory { visit in
                var searches = 0
                FakeDirectory.serve(visit) { request in
                    if request.tag == 0x63 { searches += 1 }
                    guard visit.index == 0, searches == 2 else { return false }
                    visit.reset()
                    return true
                }
            }
            let asked = try Asked(.fake(fake.port))
            #expect(asked.login("alice", "right").userName == "alice")
            #expect(asked.login("alice", "right").userName == "alice")
            #expect(fake.count(0x63) == 3)
            #expect(asked.reports.all.isEmpty)
        }
    }

    /// LD54.
    @Test("groups that cannot be read after a good login are no groups at all")
    func groupsDown() async throws {
        let (verdict, _, _) = try await Self.login(groups: true) { visit, request in
            guard request.tag == 0x63, request.bytes.firstRange(of: Array("member".utf8)) != nil
            else { return false }
            visit.reset()
            return true
        }
        #expect(verdict == Self.later)
    }

    /// LD59.
    @Test("a server that took the login for an anonymous one has accepted nothing")
    func anonymous() async throws {
        let (verdict, _, reports) = try await Self.login { visit, request in
            guard request.tag == 0x77 else { return false }
            let nobody = LDAPAnswer.authorization("")
            visit.send(LDAPAnswer.result(request.number, 0x78, more: nobody))
            return true
        }
        #expect(verdict == .wrongPassword)
        #expect(reports.refusals == ["the server took the login for an anonymous one"])
    }

    /// LD38 and fault 11.
    @Test("after five failures nobody is asked until the probe")
    func breaker() async throws {
        try await onThread {
            let fake = try FakeDirectory { $0.reset() }
            let asked = try Asked(.fake(fake.port))
            for _ in 0..<20 { #expect(asked.login("alice", "right") == Self.later) }
            #expect(fake.visitCount <= 6, "five logins and at most one probe")
        }
    }
}

/// Processor time of this thread.
func threadSeconds() -> Double {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
