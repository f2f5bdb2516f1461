import Authentication
import Bytes
import Synchronization
import TestSupport
import Testing

@testable import DirectoryLDAP

/// Against a real OpenLDAP server.
@Suite struct SlapdTests {
    @Test("everybody logs in, whatever is in the name, the entry's name and the password")
    func everybody() async throws {
        try await onThread {
            let slapd = try Slapd.shared()
            let asked = try Asked(.slapd(slapd))
            for person in DirectoryData.ordinary + DirectoryData.special {
                let password = person.password ?? ""
                #expect(asked.login(person.login, password).userName == person.login)
                #expect(
                    asked.login(person.login, password + "x") == .wrongPassword, "\(person.login)")
            }
            #expect(Set(asked.reports.refusals) == ["wrong password"])
        }
    }

    @Test("over ldaps as well", arguments: [DirectorySettings.Security.tls, .startTLS])
    func security(security: DirectorySettings.Security) async throws {
        try await onThread {
            let asked = try Asked(.slapd(Slapd.shared(), security))
            #expect(asked.login("alice", "s3cret:pa ss").userName == "alice")
            #expect(asked.login("alice", "wrong") == .wrongPassword)
            #expect(asked.login("nobody", "x") == .unknownUser)
        }
    }

    /// LD07 to LD11, LD13, LD17; LD02, LD03 and LD01 never get this far.
    @Test(
        "no user name is more than a name",
        arguments: [
            "*", "alice)(uid=*", "*)(|(uid=*", #"alice\2a"#, #"alice\00"#, "a*", "(", ")", "\\",
            "uid=alice,ou=people,dc=example,dc=com", "nobody",
        ])
    func injection(name: String) async throws {
        try await onThread {
            let asked = try Asked(.slapd(Slapd.shared()))
            #expect(asked.login(name, "s3cret:pa ss") == .unknownUser)
        }
    }

    /// LD01 and LD03: the server would take both for an anonymous login, and must not be asked.
    @Test("an empty password and a blank user ask nobody")
    func nothing() async throws {
        try await onThread {
            let slapd = try Slapd(allows: "bind_anon_cred bind_anon_dn")
            let asked = try Asked(.slapd(slapd))
            #expect(asked.login("alice", "") == .unknownUser)
            #expect(asked.login("   ", "x") == .unknownUser)
            #expect(slapd.count("filter=\"(uid=") == 0)
        }
    }

    /// LD15, LD20 to LD23.
    @Test(
        "who may not log in is refused, each for the right reason",
        arguments: [
            ("locked", "pw-locked", "account locked"),
            ("mustchange", "pw-must", "password must be changed"),
            ("expired", "pw-expired", "password expired"),
            ("nopassword", "x", "wrong password"),
        ])
    func barred(name: String, password: String, reason: String) async throws {
        try await onThread {
            let asked = try Asked(.slapd(Slapd.shared()))
            #expect(asked.login(name, password) == .wrongPassword)
            #expect(asked.reports.refusals == [reason])
        }
    }

    /// LD15.
    @Test("two entries that match are nobody")
    func ambiguous() async throws {
        try await onThread {
            let search = DirectorySettings.Users.Search(
                base: DirectoryData.base, filter: "(uid={user})")
            let users = DirectorySettings.Users(login: .found(by: search), attribute: "uid")
            let asked = try Asked(.slapd(Slapd.shared(), users: users))
            #expect(asked.login("dup", "pw-dup-people") == .wrongPassword)
            #expect(asked.reports.refusals == ["several entries match"])
        }
    }

    /// LD50.
    @Test("the user is who the entry says, however it was typed", arguments: ["ALICE", "Alice "])
    func canonical(typed: String) async throws {
        try await onThread {
            let asked = try Asked(.slapd(Slapd.shared()))
            #expect(asked.login(typed, "s3cret:pa ss").userName == "alice")
        }
    }

    /// LD14 among them.
    @Test("a name made of the user's, with or without a service account", arguments: [true, false])
    func template(hasService: Bool) async throws {
        try await onThread {
            let users = DirectorySettings.Users(
                login: .dn("uid={user},\(DirectoryData.people)"), attribute: "uid")
            var settings = try DirectorySettings.slapd(Slapd.shared(), users: users)
            if !hasService { settings.service = nil }
            let asked = try Asked(settings)
            for name in ["alice", "com,ma", "par(en)s", "st*r", #"back\slash"#, "plus+eq=x"] {
                let person = try #require(DirectoryData.special.first { $0.login == name })
                #expect(asked.login(name, person.password ?? "").userName == name)
                #expect(asked.login(name, "no") == .wrongPassword)
            }
            #expect(asked.login("ALICE", "s3cret:pa ss").userName == "alice")
            #expect(asked.login("cn=admin,dc=example", "adminpw") == .wrongPassword)
        }
    }

    /// LD49.
    @Test("a service account that is refused decides nothing, and is told once")
    func serviceRefused() async throws {
        try await onThread {
            var settings = try DirectorySettings.slapd(Slapd.shared())
            settings.service?.password = secret("wrong")
            let asked = try Asked(settings)
            for _ in 0..<3 {
                #expect(asked.login("alice", "s3cret:pa ss") == .undecidable(retryAfter: 5))
            }
            let alarms = asked.reports.all.filter {
                if case .serviceRefused = $0 { true } else { false }
            }
            #expect(alarms.count == 1)
        }
    }

    @Test("a base that does not exist is a fault, not an unknown user")
    func wrongBase() async throws {
        try await onThread {
            let search = DirectorySettings.Users.Search(
                base: "ou=no,dc=example,dc=com", filter: "(uid={user})")
            let users = DirectorySettings.Users(login: .found(by: search), attribute: "uid")
            let asked = try Asked(.slapd(Slapd.shared(), users: users))
            #expect(asked.login("alice", "s3cret:pa ss") == .undecidable(retryAfter: 5))
            #expect(asked.reports.undecided.first?.contains("noSuchObject") == true)
        }
    }

    @Test("one login is one search and one bind of the user")
    func requests() async throws {
        try await onThread {
            let slapd = try Slapd()
            let asked = try Asked(.slapd(slapd))
            let dn = DirectoryData.dn("user07")
            for round in 1...2 {
                #expect(asked.login("user07", "pw07").userName == "user07")
                _ = try eventually("the log") {
                    slapd.count("BIND dn=\"\(dn)\" mech=SIMPLE") == round ? 1 : nil
                }
                #expect(slapd.count("SRCH base=", "filter=\"(uid=user07)\"") == round)
            }
            // The service account's connection is used again.
            #expect(slapd.count("BIND dn=\"\(DirectoryData.serviceDN)\" mech=SIMPLE") == 1)
        }
    }

    /// LD58.
    @Test("100 logins at once get each their own answer")
    func parallel() async throws {
        let slapd = try await onThread { try Slapd.shared() }
        let asked = try Asked(.slapd(slapd))
        let pool = try BlockingLogins(threadCount: 4)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                group.addTask {
                    let person = DirectoryData.ordinary[number % 50]
                    let isRight = number % 3 != 0
                    let password = isRight ? person.password ?? "" : "wrong"
                    let verdict = await pool.run { asked.login(person.login, password) }
                    #expect(isRight ? verdict.userName == person.login : verdict == .wrongPassword)
                }
            }
        }
    }

    /// LD55 to LD57 as far as the directory goes; the cache in front is bounded by its lifetime.
    @Test("a changed password, a lost group and a deleted user are known at once")
    func changes() async throws {
        try await onThread {
            let slapd = try Slapd()
            var settings = try DirectorySettings.slapd(slapd)
            settings.groups.strategy = .memberOf
            let asked = try Asked(settings)
            #expect(asked.groups("user01", "pw01") == ["devs"])
            let devs = DirectoryData.group("devs")
            let user = DirectoryData.dn("user01")
            try slapd.modify("dn: \(devs)\nchangetype: modify\ndelete: member\nmember: \(user)\n")
            #expect(asked.groups("user01", "pw01") == [])
            try slapd.modify(
                "dn: \(user)\nchangetype: modify\nreplace: userPassword\nuserPassword: new\n")
            #expect(asked.login("user01", "pw01") == .wrongPassword)
            #expect(asked.login("user01", "new").userName == "user01")
            try slapd.delete(user)
            #expect(asked.login("user01", "new") == .unknownUser)
        }
    }

    /// LD38, LD61 and fault 15.
    @Test("a server that stops and comes back is noticed, without a restart")
    func outage() async throws {
        try await onThread {
            let slapd = try Slapd()
            let asked = try Asked(.slapd(slapd))
            #expect(asked.login("user02", "pw02").userName == "user02")
            slapd.stop()
            for _ in 0..<6 {
                #expect(asked.login("user02", "pw02") == .undecidable(retryAfter: 5))
            }
            #expect(asked.directory.health.allSatisfy { !$0.isUp })
            try slapd.start()
            _ = try eventually("the directory is up again", within: 60) {
                asked.directory.health.allSatisfy(\.isUp) ? true : nil
            }
            #expect(asked.login("user02", "pw02").userName == "user02")
            let kinds = asked.reports.all.compactMap { event -> String? in
                switch event {
                case .down: "down"
                case .up: "up"
                default: nil
                }
            }
            #expect(kinds == ["down", "up"])
        }
    }

    /// LD61, LD62.
    @Test("the second server answers where the first does not, and never where it does")
    func failover() async throws {
        try await onThread {
            let slapd = try Slapd.shared()
            let dead = try FakeDirectory { $0.reset() }
            var settings = try DirectorySettings.slapd(slapd)
            settings.servers.insert(.local(dead.port, .startTLS), at: 0)
            let asked = try Asked(settings)
            #expect(asked.login("user03", "pw03").userName == "user03")
            #expect(asked.login("user03", "no") == .wrongPassword)
            let agreeable = try FakeDirectory { FakeDirectory.serve($0) }
            settings.servers[0] = settings.servers[1]
            settings.servers[1] = .local(agreeable.port)
            let strict = try Asked(settings)
            #expect(strict.login("user03", "no") == .wrongPassword)
            #expect(strict.login("nobody", "no") == .unknownUser)
            #expect(agreeable.visitCount == 0)
        }
    }
}
