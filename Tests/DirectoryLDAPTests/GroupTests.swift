import Authentication
import Bytes
import TestSupport
import Testing

@testable import DirectoryLDAP

/// Groups of a real OpenLDAP server.
@Suite struct GroupTests {
    private static func asked(
        _ change: (inout DirectorySettings.Groups) -> Void
    ) throws -> Asked {
        var settings = try DirectorySettings.slapd(Slapd.shared())
        settings.groups.base = DirectoryData.groups
        change(&settings.groups)
        return try Asked(settings)
    }

    @Test("by the entry's memberOf", arguments: DirectorySettings.Groups.Nesting.allCases)
    func memberOf(nesting: DirectorySettings.Groups.Nesting) async throws {
        // OpenLDAP does not know Active Directory's rule.
        guard nesting != .chain else { return }
        try await onThread {
            let asked = try Self.asked {
                $0.strategy = .memberOf
                $0.nested = nesting
            }
            let all = nesting == .walk
            #expect(
                asked.groups("user01", "pw01") == (all ? ["all-eng", "company", "devs"] : ["devs"]))
            #expect(
                asked.groups("user20", "pw20")
                    == (all ? ["company", "loop-a", "loop-b", "readers"] : ["loop-a", "readers"]))
            #expect(asked.groups("user31", "pw31") == [])
            #expect(asked.groups("par(en)s", "pw-pa") == [DirectoryData.strangeGroup])
        }
    }

    @Test("by a search for the member, each kind of member attribute")
    func search() async throws {
        try await onThread {
            let direct = try Self.asked { $0.strategy = .search }
            #expect(direct.groups("user01", "pw01") == ["devs"])
            #expect(direct.groups("jsmith", "pw-js") == [DirectoryData.strangeGroup])
            let nested = try Self.asked {
                $0.strategy = .search
                $0.nested = .walk
            }
            #expect(nested.groups("user01", "pw01") == ["all-eng", "company", "devs"])
            #expect(nested.groups("user21", "pw21") == ["company", "loop-a", "loop-b", "readers"])
            let unique = try Self.asked {
                $0.strategy = .search
                $0.filter = "(uniqueMember={dn})"
            }
            #expect(unique.groups("jsmith", "pw-js") == ["uniq"])
            let posix = try Self.asked {
                $0.strategy = .search
                $0.base = DirectoryData.posix
                $0.filter = "(memberUid={user})"
            }
            #expect(posix.groups("st*r", "pw-st") == ["posix-devs"])
            #expect(posix.groups("star", "pw-other") == [])
        }
    }

    /// LD53, LD54.
    @Test("more groups than the limit, or none that can be asked for, is no answer")
    func undecidable() async throws {
        try await onThread {
            for strategy in [DirectorySettings.Groups.Strategy.memberOf, .search] {
                let asked = try Self.asked {
                    $0.strategy = strategy
                    $0.nested = .walk
                    $0.limit = 2
                }
                #expect(asked.login("user01", "pw01") == .undecidable(retryAfter: 5))
                let reason = asked.reports.undecided.first ?? ""
                #expect(reason.contains("more than 2 groups"))
                #expect(asked.login("user01", "wrong") == .wrongPassword)
            }
            let lost = try Self.asked {
                $0.strategy = .search
                $0.base = "ou=nowhere,\(DirectoryData.base)"
            }
            #expect(lost.login("user01", "pw01") == .undecidable(retryAfter: 5))
        }
    }

    @Test("without a password only the groups are told")
    func lookup() async throws {
        try await onThread {
            let asked = try Self.asked { $0.strategy = .memberOf }
            guard case .user(let user) = asked.directory.check("user01", nil, progress: nil) else {
                Issue.record("user01 is unknown")
                return
            }
            #expect(user.dn == ByteString(DirectoryData.dn("user01")))
            #expect(user.groups.map(\.dn) == [ByteString(DirectoryData.group("devs"))])
            #expect(asked.directory.check("nobody", nil, progress: nil) == .unknownUser)
        }
    }
}
