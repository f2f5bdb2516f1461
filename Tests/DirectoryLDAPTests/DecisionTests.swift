import Bytes
import Testing

@testable import DirectoryLDAP

/// What is decided without a directory.
@Suite struct DecisionTests {
    private let second: Int64 = 1_000_000_000

    private func result(_ code: Int32, _ diagnostic: String = "", policy: Int32? = nil)
        -> LDAPResult
    {
        LDAPResult(code: code, diagnostic: diagnostic, policyError: policy, authorization: nil)
    }

    /// LD20 to LD25.
    @Test("the codes that mean no are refusals of their own, all others mean that nobody knows")
    func bindCodes() {
        let refusals: [Int32: LoginRefusal] = [
            49: .wrongPassword, 32: .noSuchEntry, 34: .invalidName, 48: .noPassword,
            53: .unwilling, 10: .referred,
        ]
        for code in Int32(0)...100 {
            let outcome = BindOutcome(result(code))
            if code == 0 {
                #expect(outcome == .accepted)
            } else if let refusal = refusals[code] {
                #expect(outcome == .refused(refusal))
            } else {
                guard case .failed = outcome else {
                    Issue.record("code \(code)")
                    continue
                }
            }
        }
        #expect(Set(refusals.values.map(\.rawValue)).count == refusals.count)
    }

    @Test(
        "the state of an account is told to the log",
        arguments: [
            ("data 52e", LoginRefusal.wrongPassword), ("data 525", .wrongPassword),
            ("data 530", .wrongHours), ("data 531", .wrongWorkstation),
            ("data 532", .passwordExpired), ("data 533", .disabled), ("data 701", .accountExpired),
            ("data 773", .mustChangePassword), ("data 775", .locked), ("data", .wrongPassword),
            ("data 999", .wrongPassword),
        ])
    func activeDirectory(words: String, refusal: LoginRefusal) {
        let text = "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, "
        #expect(BindOutcome(result(49, "\(text)\(words), v4563")) == .refused(refusal))
    }

    /// LD21, LD22.
    @Test("a password policy refuses what the bind accepts")
    func policy() {
        #expect(BindOutcome(result(0, policy: 2)) == .refused(.mustChangePassword))
        #expect(BindOutcome(result(49, policy: 1)) == .refused(.locked))
        #expect(BindOutcome(result(49, policy: 0)) == .refused(.passwordExpired))
        // The password is too short to be set anew: none of our concern.
        #expect(BindOutcome(result(0, policy: 6)) == .accepted)
    }

    /// LD59.
    @Test("who the server says we are must be who we are")
    func whoAmI() {
        func problem(_ name: ByteString?, code: Int32 = 0) -> LoginRefusal? {
            var answer = result(code)
            answer.authorization = name
            return DirectoryLogin.problem(with: answer, expecting: "uid=alice,dc=x")
        }
        #expect(problem("dn:uid=alice,dc=x") == nil)
        #expect(problem("dn:UID=Alice,DC=x") == nil)
        #expect(problem("u:alice") == nil)
        #expect(problem("") == .anonymous)
        #expect(problem("dn:") == .anonymous)
        #expect(problem(nil) == .anonymous)
        #expect(problem("dn:uid=bob,dc=x") == .otherIdentity)
        #expect(problem(nil, code: 2) == nil)
    }

    /// LD16, LD50.
    @Test("the user is the one value of the entry's attribute, if it can be a user")
    func owners() {
        func owner(_ values: [ByteString], dn: ByteString = "uid=a,dc=x") -> Owner.Finding {
            Owner.of(LDAPEntry(dn: dn, attributes: ["uid": values]), others: 0, "UID")
        }
        #expect(owner(["alice"]) == .owner(Owner(name: "alice", dn: "uid=a,dc=x")))
        #expect(owner(["alice"], dn: "") == .refused(.namelessEntry))
        for values in [[], ["a", "b"], ["a\nb"], ["a\u{7F}"], ["a:b"], [""]] as [[ByteString]] {
            #expect(owner(values) == .refused(.badAttribute))
        }
        #expect(owner([ByteString([0xFF])]) == .refused(.badAttribute))
        #expect(owner([ByteString([UInt8](repeating: 97, count: 129))]) == .refused(.badAttribute))
        let entry = LDAPEntry(dn: "uid=a", attributes: ["uid": ["a"]])
        #expect(Owner.of(entry, others: 1, "uid") == .refused(.ambiguous))
    }

    /// LD38.
    @Test("five failures within ten seconds open the breaker, and a probe is due every five")
    func breaker() {
        var breaker = Breaker()
        var falls: [Bool] = []
        for number in 0..<5 {
            #expect(!breaker.isOpen)
            falls.append(breaker.noteFailure(at: Int64(number) * 2 * second))
        }
        #expect(falls == [true, false, false, false, false])
        #expect(breaker.isOpen && !breaker.isUp)
        let probe = breaker.probeTime ?? 0
        #expect(probe > 4 * second && probe <= 5 * second)
        breaker.noteProbe(at: 100 * second)
        #expect(breaker.probeTime ?? 0 > 104 * second)
        let rises = [breaker.noteAnswer(), breaker.noteAnswer()]
        #expect(rises == [true, false])
        #expect(breaker == Breaker() && breaker.probeTime == nil)
    }

    @Test("failures that lie apart, or with an answer between them, do not open it")
    func rareFailures() {
        var breaker = Breaker()
        for number in 0..<20 { _ = breaker.noteFailure(at: Int64(number) * 3 * second) }
        #expect(!breaker.isOpen)
        breaker = Breaker()
        for number in 0..<20 {
            _ = breaker.noteFailure(at: Int64(number))
            if number % 4 == 3 { _ = breaker.noteAnswer() }
        }
        #expect(!breaker.isOpen)
    }

    @Test("groups are found once each, a cycle ends, and one name is one group")
    func groups() throws {
        var found = FoundGroups(limit: 3)
        try found.add(names: ["cn=a,dc=x", "CN=A, DC=X", "cn=b,dc=x"])
        let new = found.takeNew(atMost: 5)
        #expect(new == ["cn=a,dc=x", "cn=b,dc=x"])
        try found.add("cn=b,dc=x", named: "b")
        let nothing = found.takeNew(atMost: 5)
        #expect(nothing == nil)
        #expect(try found.checked().map(\.name) == ["a", "b"])
        try found.add("cn=a,ou=other,dc=x", named: "a")
        #expect(throws: LDAPError(.groups, .ambiguousGroup("a"))) { try found.checked() }
        let full = found
        #expect(throws: LDAPError(.groups, .tooManyGroups(limit: 3))) {
            var more = full
            try more.add("cn=c,dc=x", named: "c")
        }
    }
}
