import AccessControl
import AllocationCount
import Bytes
import RegistryAPI
import Testing

@Suite struct AllocationTests {
    /// Every kind of rule, among ten thousand.
    static let policy: AccessPolicy = {
        var rules = (0..<10_000).map {
            rule("r\($0)", ["group:team-\($0)"], ["team-\($0)/**"], tags: ["v*"], .allow(.push))
        }
        // Found by an end, a middle, one of two beginnings, and a group's wildcard.
        for number in 0..<500 {
            rules += [
                rule("end\(number)", ["anyone"], ["**/end-\(number)"], .allow(.pull)),
                rule("mid\(number)", ["anyone"], ["*/mid-\(number)/*"], .allow(.pull)),
                rule("two\(number)", ["anyone"], ["{dev,team-7}/a/x\(number)"], .allow(.pull)),
                rule("wild\(number)", ["group:*-\(number)-*"], ["{group}/**"], .allow(.pull)),
            ]
        }
        rules += [
            rule("group", ["group:team-*"], ["{group}/{a,b}/**"], .allow(.push)),
            rule("user", ["authenticated"], ["**/{user}"], .allow(.delete), from: ["10.0.0.0/8"]),
            rule(
                "no", ["anyone"], except: ["user:x"], ["team-7/*/*"], tags: ["@referrers", "v?"],
                .deny(.overwrite), until: "2030-01-01"),
        ]
        return AccessPolicy(
            groups: [WrittenGroup(name: "team-7", directoryGroups: [.name("seven")])], rules: rules)
    }()

    @Test(
        "a decision among ten thousand rules asks for no memory",
        .enabled(if: allocation_count_works(), "a sanitizer counts no allocations")
    )
    func none() {
        let ann = user("ann", in: "team-9", "seven", "team-8")
        let name = Array("team-7/a/ann".utf8)
        let tag = tag("v1")
        let circumstances = Circumstances(client: address("10.1.1.1"), now: moment("2027-01-01"))
        var scratch = Decision()
        func decide() {
            Self.policy.decide(ann, name.span, tag: tag, in: circumstances, into: &scratch)
        }
        let beforeFirst = allocation_count()
        decide()
        // Unless it counts, what follows says nothing.
        let counts = allocation_count() > beforeFirst
        #expect(scratch.granted == [.pull, .create, .delete])
        #expect(scratch.allow.count == 3 && scratch.deny.count == 1)
        decide()
        let before = allocation_count()
        for _ in 0..<1000 { decide() }
        #expect(allocation_count() == before)
        #expect(counts)
    }
}
