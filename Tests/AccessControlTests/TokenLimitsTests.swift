import AccessControl
import Bytes
import RegistryAPI
import Testing

@Suite struct TokenLimitsTests {
    private let policy = AccessPolicy(
        rules: [
            rule("all", ["user:ann"], ["team/**"], .allow(.all)),
            rule("no", ["anyone"], ["team/**"], tags: ["v1"], .deny(.overwrite)),
        ],
        server: [
            ServerGrant(
                index: 0, who: [.authenticated], actions: [.catalog, .admin], position: here)
        ]
    )

    private func ann(
        _ actions: Actions,
        _ repositories: [String] = ["team/**"],
        tags: [String]? = nil,
        from: [String] = []
    ) throws -> Identity {
        let limits = TokenLimits(
            id: "1",
            name: "ci",
            actions: actions,
            repositories: try repositories.map { try RepositoryPattern(ByteString($0)) },
            tags: try tags?.map { try TagPattern(ByteString($0)) },
            networks: try from.map { try IPNetwork(parsing: Array($0.utf8).span) }
        )
        return Identity(user: "ann", provider: .token, limits: limits)
    }

    private func name(_ text: String) -> RepositoryName? {
        let bytes = Array(text.utf8)
        return RepositoryName(validating: bytes.span)
    }

    private func granted(
        _ identity: Identity,
        _ repository: String,
        _ label: String? = nil,
        from: String = "10.0.0.1"
    ) -> Actions {
        var decision = Decision()
        let name = Array(repository.utf8)
        policy.decide(
            identity,
            name.span,
            tag: label.map { tag($0) },
            in: Circumstances(client: address(from), now: moment("2026-01-01")),
            into: &decision
        )
        return decision.granted
    }

    @Test("what a token is not for is not granted, and it grants nothing by itself")
    func intersection() throws {
        #expect(try granted(ann(.all), "team/x") == .all)
        #expect(try granted(ann(.create), "team/x") == [.pull, .create])
        #expect(try granted(ann(.all, ["team/x"]), "team/y") == [])
        #expect(try granted(ann(.all, ["**"]), "other/x") == [])
        #expect(try granted(ann(.all), "team/x", "v1") == [.pull, .create, .delete])
        let tagged = try ann(.push, tags: ["v*"])
        #expect(granted(tagged, "team/x", "v2") == [.pull, .create, .overwrite])
        #expect(granted(tagged, "team/x", "latest") == .pull)
        #expect(granted(tagged, "team/x") == [.pull, .create], "blobs of a tag that it is for")
        let near = try ann(.all, from: ["10.0.0.0/8"])
        #expect(granted(near, "team/x") == .all && granted(near, "team/x", from: "192.0.2.1") == [])
    }

    @Test("a token has no rights to the server")
    func server() throws {
        var scratch = Decision()
        let own = Identity(user: "ann", provider: .htpasswd)
        #expect(policy.serverActions(of: own, scratch: &scratch) == [.catalog, .admin])
        #expect(try policy.serverActions(of: ann(.all, ["**"]), scratch: &scratch) == [])
    }

    @Test("a scope is what is granted for some tag")
    func someTag() throws {
        let policy = AccessPolicy(
            rules: [rule("t", ["user:ann"], ["a"], tags: ["v*"], .allow([.overwrite, .delete]))])
        var scratch = Decision()
        let name = Array("a".utf8)
        let own = Identity(user: "ann", provider: .htpasswd)
        func ask(_ identity: Identity) -> Actions {
            policy.actionsForSomeTag(identity, name.span, in: Circumstances(), scratch: &scratch)
        }
        #expect(ask(own) == [.pull, .overwrite, .delete])
        #expect(try ask(ann(.delete, ["a"])) == .delete)
        #expect(ask(.anonymous) == [])
    }

    @Test("a denial because of a token says so, and one because of a rule names the rule")
    func denials() throws {
        let operation = RegistryOperation.manifest(
            .get,
            try #require(name("team/y")),
            .tag(tag("v1")),
            tags: []
        )
        var scratch = Decision()
        let verdict = policy.authorize(
            try ann(.all, ["team/x"]), operation, in: Circumstances(), scratch: &scratch)
        guard case .denied(let denial) = verdict else {
            Issue.record("allowed")
            return
        }
        #expect(denial.message.description.hasSuffix("(the token ci is not for it)"))
    }

    @Test("other rules have another text, and the same rules the same")
    func canonicalText() {
        func text(_ rules: AccessRule...) -> [UInt8] { AccessPolicy(rules: rules).canonicalText }
        let one = text(rule("a", ["user:x"], ["b"], .allow(.pull)))
        #expect(one == text(rule("a", ["user:x"], ["b"], .allow(.pull))))
        let others = [
            text(), text(rule("a", ["user:y"], ["b"], .allow(.pull))),
            text(rule("a", ["user:x"], ["c"], .allow(.pull))),
            text(rule("a", ["user:x"], ["b"], .deny(.pull))),
            text(rule("a", ["user:x"], ["b"], tags: [], .allow(.pull))),
            text(rule("a", ["user:x"], except: ["user:z"], ["b"], .allow(.pull))),
            text(rule("a", ["user:x"], ["b"], .allow(.pull), from: ["10.0.0.0/8"])),
        ]
        #expect(!others.contains(one))
    }
}
