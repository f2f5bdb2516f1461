import AccessControl
import Bytes
import HTTPWire
import RegistryAPI
import Testing

@Suite struct TagRuleTests {
    static let policy = AccessPolicy(
        groups: ["platform": ["ann"]],
        rules: [
            rule("ci", ["user:ci"], ["prod/**"], tags: ["v*", "@referrers"], .allow(.create)),
            rule("dev", ["user:dev"], ["prod/**"], .allow([.push, .delete])),
            rule("dev-tags", ["user:tag"], ["prod/**"], tags: ["dev-*"], .allow([.push, .delete])),
            rule(
                "immutable", ["anyone"], except: ["group:platform"], ["prod/**"], tags: ["v*"],
                .deny([.overwrite, .delete]), because: "release tags never change"),
            rule("ann", ["user:ann"], ["**"], .allow(.all)),
        ]
    )

    static let referrer = "sha256-" + String(repeating: "0a", count: 32)

    @Test(
        "tags restrict create, overwrite and delete of tags, and nothing else",
        arguments: [
            ("ci", "v1", [.pull, .create]), ("ci", "latest", .pull), ("ci", nil, [.pull, .create]),
            ("ci", referrer, [.pull, .create]), ("ci", referrer + ".sig", [.pull, .create]),
            ("ci", referrer + ".foo", .pull), ("ci", "sha256-" + "0a", .pull),
            ("dev", "v1", [.pull, .create]), ("dev", "latest", .all),
            ("dev", nil, [.pull, .create, .overwrite]),
            ("tag", "dev-1", .all), ("tag", "v1", .pull), ("tag", nil, [.pull, .create]),
            ("ann", "v1", .all), ("ann", nil, .all), ("eve", "v1", []),
        ] as [(String, String?, Actions)]
    )
    func contract(name: String, tag: String?, expected: Actions) {
        #expect(Self.policy.granted(user(name), "prod/api", tag: tag) == expected)
    }

    @Test(
        "a tag pattern covers these tags and not those",
        arguments: [
            ("v*", ["v", "v1", "v1.2-rc_3"], ["1v", "V1"]), ("*", ["a", "A.b_c-d"], []),
            ("?", ["a", "_"], ["ab"]), ("{a,B*}", ["a", "B", "Bx"], ["b", "ax"]),
            ("v1.0", ["v1.0"], ["v1x0"]),
            (
                "@referrers",
                [referrer, referrer + ".sig", referrer + ".att", referrer + ".sbom"],
                [
                    "sha256-", "sha256-x", referrer + "0", referrer + ".sig.sig",
                    "sha512-" + referrer.dropFirst(7), referrer.uppercased(),
                ]
            ),
        ] as [(String, [String], [String])]
    )
    func patterns(pattern: String, covered: [String], others: [String]) throws {
        let pattern = try TagPattern(ByteString(pattern))
        for tag in covered + others {
            let isMatch = pattern.matches(Array(tag.utf8).span)
            #expect(isMatch == covered.contains(tag), "\(tag)")
        }
    }

    @Test(
        "a text that is no tag pattern is refused",
        arguments: [
            ("", .empty), ("a/b", .strangeByteInTag(0x2F, at: 2)),
            ("@referrer", .strangeByteInTag(0x40, at: 1)), ("v**", .doubleStarInTag(at: 2)),
            ("{user}", .variableInTag(at: 1)), ("v{1", .openBrace(at: 2)),
        ] as [(String, PatternError)]
    )
    func badPattern(text: String, expected: PatternError) {
        #expect(throws: expected) { try TagPattern(ByteString(text)) }
    }

    @Test("a deny of pull with tags takes pull of all tags: tags never limit a pull")
    func denyOfPull() {
        let policy = AccessPolicy(rules: [
            rule("all", ["anyone"], ["**"], .allow(.all)),
            rule("no", ["anyone"], ["**"], tags: ["v*"], .deny([.pull, .create])),
        ])
        #expect(policy.granted(.anonymous, "a", tag: "v1") == [.overwrite, .delete])
        #expect(policy.granted(.anonymous, "a", tag: "x") == [.create, .overwrite, .delete])
        #expect(policy.granted(.anonymous, "a") == [.create, .overwrite, .delete])
    }

    @Test(
        "a push goes on as far as its tags allow",
        arguments: [
            ("ci", "manifests/v1", [.new], nil), ("ci", "manifests/v1", [.identical], nil),
            ("ci", "manifests/v1", [.other], "ci may not overwrite"),
            ("ci", "manifests/latest", nil, "ci may not push"),
            ("dev", "manifests/latest", [.other], nil),
            ("dev", "manifests/v1", [.other], "release tags never change"),
            ("ci", "manifests/\(sha256)", [], nil),
            ("ci", "manifests/\(sha256)?tag=v2&tag=v1", [.new, .new], nil),
            ("ci", "manifests/\(sha256)?tag=v2&tag=v1", [.new, .other], "overwrite prod/api:v2"),
            ("ci", "manifests/\(sha256)?tag=v2&tag=v1", [.other, .new], "overwrite prod/api:v1"),
            ("ci", "manifests/\(sha256)?tag=v2&tag=x", nil, "ci may not push prod/api:x"),
            ("eve", "manifests/\(sha256)", nil, "eve may not create"),
        ] as [(String, String, [TagState]?, String?)]
    )
    func push(name: String, path: String, states: [TagState]?, denial: String?) throws {
        var scratch = Decision()
        let put = try operation(.put, "/v2/prod/api/\(path)")
        switch Self.policy.authorize(user(name), put, in: Circumstances(), scratch: &scratch) {
        case .push(let push):
            let states = try #require(states)
            #expect(push.tags == push.tags.sorted { $0.bytes < $1.bytes })
            do throws(Denial) {
                let permit = try push.settled(by: states)
                #expect(denial == nil)
                #expect(permit.ruleIDs.map(\.description) == [name])
            } catch {
                let denial = try #require(denial)
                #expect(error.message.description.contains(denial), "\(error.message)")
            }
        case .denied(let refusal):
            let denial = try #require(denial)
            #expect(states == nil && refusal.message.description.contains(denial))
        default: Issue.record("a push is decided by its tags")
        }
    }

    /// What a delete needs: nothing more (`true`), never (`false`), or its tags (`nil`).
    @Test(
        "a delete by digest depends on tags only where a rule has some",
        arguments: [
            ("ann", "manifests/\(sha256)", true), ("dev", "manifests/\(sha256)", nil),
            ("tag", "manifests/\(sha256)", nil), ("ci", "manifests/\(sha256)", false),
            ("ann", "blobs/\(sha256)", true), ("dev", "blobs/\(sha256)", false),
            ("tag", "blobs/\(sha256)", false), ("dev", "manifests/v1", false),
            ("dev", "manifests/x", true), ("tag", "manifests/dev-1", true),
            ("tag", "manifests/x", false),
        ] as [(String, String, Bool?)]
    )
    func deletion(name: String, path: String, expected: Bool?) throws {
        var scratch = Decision()
        let delete = try operation(.delete, "/v2/prod/api/\(path)")
        switch Self.policy.authorize(user(name), delete, in: Circumstances(), scratch: &scratch) {
        case .permitted: #expect(expected == true)
        case .denied: #expect(expected == false)
        case .deletion: #expect(expected == nil)
        case .push: Issue.record("no push")
        }
    }

    @Test(
        "a digest goes if each of its tags may, and without tags as a blob does",
        arguments: [
            ("dev", ["x"], nil), ("dev", ["x", "v1"], "release tags never change"),
            ("dev", [], "release tags never change"), ("tag", ["dev-1", "dev-2"], nil),
            ("tag", ["dev-1", "x"], "tag may not delete prod/api:x"),
            ("tag", [], "tag may not delete prod/api@\(sha256) (rule immutable: "),
        ] as [(String, [String], String?)]
    )
    func settledDeletion(name: String, tags: [String], denial: String?) throws {
        var scratch = Decision()
        let delete = try operation(.delete, "/v2/prod/api/manifests/\(sha256)")
        let tags = tags.map(tag)
        switch Self.policy.authorize(user(name), delete, in: Circumstances(), scratch: &scratch) {
        case .deletion(let deletion):
            do throws(Denial) {
                _ = try deletion.settled(by: tags, scratch: &scratch)
                #expect(denial == nil)
            } catch {
                let denial = try #require(denial)
                #expect(error.message.description.contains(denial), "\(error.message)")
            }
        default: Issue.record("decided without its tags")
        }
    }
}
