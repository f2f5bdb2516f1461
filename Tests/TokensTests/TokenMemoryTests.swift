import AccessControl
import AllocationCount
import Bytes
import RegistryAPI
import Testing

@testable import Tokens

@Suite struct TokenMemoryTests {
    private func isGood(_ finding: TokenMemory.Finding) -> Bool {
        if case .good = finding { true } else { false }
    }

    @Test(
        "a token seen before is found without asking for memory",
        .enabled(if: allocation_count_works(), "a sanitizer counts no allocations")
    )
    func allocations() throws {
        let memory = TokenMemory(try authority())
        let text = try memory.signer.text(token(groups: [GroupMembership(name: "ops")]))
        let beforeFirst = allocation_count()
        #expect(isGood(memory.find(text, now: start)))
        // Unless it counts, what follows says nothing.
        let counts = allocation_count() > beforeFirst
        // What the runtime makes once, for the first lookup of all.
        #expect(isGood(memory.find(text, now: start)))
        var found = 0
        let before = allocation_count()
        for _ in 0..<1000 {
            if case .good = memory.lookup(text.span, now: start + 1) { found += 1 }
        }
        #expect(allocation_count() == before)
        #expect(counts && found == 1000)
    }

    private func groups(_ count: Int) -> [GroupMembership] {
        (0..<count).map { GroupMembership(name: ByteString("g\($0)")) }
    }

    @Test(
        "the groups of a user are read once, however many tokens name them",
        .enabled(if: allocation_count_works(), "a sanitizer counts no allocations")
    )
    func sharedGroups() throws {
        let memory = TokenMemory(try authority())
        func allocations(_ user: ByteString, issued: Int64) throws -> Int {
            let text = try memory.signer.text(token(user: user, groups: groups(50), issued: issued))
            let before = allocation_count()
            let isGood = isGood(memory.find(text, now: issued))
            let made = Int(allocation_count() - before)
            #expect(isGood)
            return made
        }
        let first = try allocations("ann", issued: start)
        // Some take the place of another one.
        for user in ["bob", "carl", "dora", "ann2", "user1"] as [ByteString] {
            _ = try allocations(user, issued: start)
        }
        let users = ["ann", "bob", "carl", "dora", "ann2", "user1"] as [ByteString]
        let again = try users.map { try allocations($0, issued: start + 1) }
        #expect(again.count { $0 + 50 <= first } >= 4, "\(first), then \(again)")
    }

    @Test("tokens of one user may name other groups, fewer and more, in any order")
    func changedGroups() throws {
        let memory = TokenMemory(try authority())
        let orders = [2, 1, 3, 2, 0, 12, 1, 11].map(groups) + [groups(3).reversed(), groups(3)]
        for (number, groups) in orders.enumerated() {
            let made = token(user: "ann", groups: groups, issued: start + Int64(number))
            guard case .good(let entry) = memory.find(try memory.signer.text(made), now: start + 20)
            else {
                Issue.record("token \(number) is not good")
                continue
            }
            #expect(entry.token == made)
        }
    }

    @Test("a remembered token is compared whole")
    func wholeComparison() throws {
        let memory = TokenMemory(try authority(), capacity: 4)
        let text = try memory.signer.text(token())
        #expect(isGood(memory.find(text, now: start)))
        for index in text.indices {
            var other = text
            other[index] ^= 1
            #expect(!isGood(memory.find(other, now: start)))
        }
        #expect(isGood(memory.find(text, now: start)))
    }

    @Test(
        "a token ends with its last second, remembered or not, and does not begin before its time")
    func time() throws {
        for isRemembered in [true, false] {
            let memory = TokenMemory(try authority())
            let text = try memory.signer.text(token())
            if isRemembered { #expect(isGood(memory.find(text, now: start))) }
            #expect(isGood(memory.find(text, now: start + 299)))
            let fresh = TokenMemory(try authority())
            let chosen = isRemembered ? memory : fresh
            guard case .expired(let old) = chosen.find(text, now: start + 300) else {
                Issue.record("not expired")
                return
            }
            #expect(old == token())
            guard case .flawed(.early) = fresh.find(text, now: start - 11) else {
                Issue.record("not early")
                return
            }
            #expect(isGood(fresh.find(text, now: start - 10)))
        }
    }

    @Test("a full memory forgets, and what it forgot is verified again")
    func bounds() throws {
        let memory = TokenMemory(try authority(), capacity: 8)
        let texts = try (0..<200).map { number in
            try memory.signer.text(
                token(user: ByteString("u\(number)"), issued: start + Int64(number)))
        }
        for round in 0..<2 {
            for (number, text) in texts.enumerated() {
                guard case .good(let entry) = memory.find(text, now: start + 200) else {
                    Issue.record("round \(round): token \(number) is not good")
                    return
                }
                #expect(entry.token.user == ByteString("u\(number)"))
            }
        }
    }

    @Test("what was noted about a token is there at its next use")
    func notes() throws {
        let memory = TokenMemory(try authority())
        let text = try memory.signer.text(token())
        guard case .good(let first) = memory.find(text, now: start) else {
            Issue.record("not found")
            return
        }
        #expect(first.note == nil)
        let state = TokenState(generation: 7, users: 1, robots: 1)
        first.note = TokenNote(state: state, identity: .anonymous)
        guard case .good(let second) = memory.find(text, now: start) else {
            Issue.record("not found")
            return
        }
        #expect(second.note?.state == state)
    }
}

@Suite struct UploadTicketTests {
    private func binding(
        _ repository: ByteString = "team/x",
        _ upload: ByteString = "u1",
        user: ByteString? = "ann",
        robot: ByteString? = nil
    ) -> UploadTicket.Binding {
        UploadTicket.Binding(
            repository: repository, upload: upload, token(user: user, robot: robot))
    }

    @Test("a ticket counts for its session, its repository and its login alone")
    func bindings() throws {
        let signer = TokenSigner(try authority())
        let ticket = UploadTicket(for: binding(), signer: signer, now: start)
        #expect(ticket.text.count == UploadTicket.length)
        func counts(_ binding: UploadTicket.Binding, now: Int64 = start) -> Bool {
            UploadTicket(verifying: ticket.text, for: binding, signer: signer, now: now) != nil
        }
        #expect(counts(binding()))
        #expect(counts(binding(), now: start + 86_399) && !counts(binding(), now: start + 86_400))
        let others = [
            binding("team/y"), binding("team/x", "u2"), binding(user: "bob"), binding(user: nil),
            binding(robot: "r1"), binding("team/", "xu1"),
        ]
        for other in others { #expect(!counts(other)) }
    }

    @Test("no byte of a ticket can be changed, and another key's is none")
    func forgery() throws {
        let signer = TokenSigner(try authority())
        let ticket = UploadTicket(for: binding(), signer: signer, now: start)
        for index in ticket.text.bytes.indices {
            var other = ticket.text.bytes
            other[index] ^= 1
            let text = ByteString(other)
            #expect(
                UploadTicket(verifying: text, for: binding(), signer: signer, now: start) == nil)
        }
        let text = ticket.text
        let other = TokenSigner(try authority("b"))
        #expect(UploadTicket(verifying: text, for: binding(), signer: other, now: start) == nil)
        let rotated = TokenSigner(try authority("ab"))
        let kept = UploadTicket(verifying: text, for: binding(), signer: rotated, now: start + 9)
        #expect(kept?.expiry == start + 86_400)
    }
}
