import Bytes
import HTTPWire
import RegistryAPI
import Testing

@testable import AccessControl

/// A verdict in a form that a table can hold.
struct Told: Equatable {
    var operation = ""
    var rules: [String] = []
    var isDowngraded = false
    var mayCreate = false
    var mayOverwrite = false
    var otherwise: String?
    var dependsOnTags = false
    var denial: String?

    /// For pushes of one tag at most.
    private mutating func tell(of push: consuming PendingPush) {
        let count = push.tags.count
        mayCreate = count == 0 || !push.depends(onTagAt: 0)
        mayOverwrite = mayCreate
        guard count > 0, push.depends(onTagAt: 0) else { return }
        mayCreate = push.grants(.create)
        mayOverwrite = push.grants(.overwrite)
        do throws(Denial) {
            _ = try push.settled(by: [mayCreate ? .other : .new])
        } catch {
            otherwise = error.message.description
        }
    }

    init(_ policy: AccessPolicy, _ identity: Identity, _ method: HTTPWire.Method, _ target: String)
        throws
    {
        var scratch = Decision()
        switch policy.authorize(
            identity, try AccessControlTests.operation(method, target), in: Circumstances(),
            scratch: &scratch)
        {
        case .permitted(let permit):
            operation = permit.operation.name.description
            rules = permit.ruleIDs.map(\.description)
            isDowngraded = permit.isMountDowngraded
        case .push(let push):
            operation = push.operation.name.description
            rules = push.ruleIDs.map(\.description)
            tell(of: push)
        case .deletion(let deletion):
            operation = deletion.operation.name.description
            dependsOnTags = true
        case .denied(let denial):
            rules = denial.ruleIDs.map(\.description)
            self.denial = denial.message.description
        }
    }
}

@Suite struct AuthorizingTests {
    static let policy = AccessPolicy(
        groups: [:],
        rules: [
            rule("pullers", ["user:puller", "user:deleter"], ["team-a/**"], .allow(.pull)),
            rule("alice", ["user:alice"], ["team-a/**"], .allow(.all)),
            rule("creator", ["user:creator"], ["team-a/**"], .allow(.create)),
            rule("mover", ["user:mover"], ["team-a/**"], .allow(.overwrite)),
            rule("deleter", ["user:deleter"], ["team-a/**"], .allow(.delete)),
            rule("shared", ["authenticated"], ["shared/*"], .allow(.pull)),
            rule(
                "fixed", ["anyone"], ["*/fixed"], .deny([.overwrite, .delete]),
                because: "tags never change"),
            rule("closed", ["anyone"], ["team-a/closed"], .deny(.all)),
        ]
    )

    static let prefix = "requested access to the resource is denied: "

    /// Which of four rights each request needs, by who is let through.
    @Test(
        "each request needs its own right",
        arguments: [
            (
                .get, "/v2/team-a/x/manifests/v1",
                ["alice", "puller", "creator", "mover", "deleter"]
            ),
            (
                .head, "/v2/team-a/x/manifests/v1",
                ["alice", "puller", "creator", "mover", "deleter"]
            ),
            (
                .get, "/v2/team-a/x/blobs/\(sha256)",
                ["alice", "puller", "creator", "mover", "deleter"]
            ),
            (
                .head, "/v2/team-a/x/blobs/\(sha256)",
                ["alice", "puller", "creator", "mover", "deleter"]
            ),
            (.get, "/v2/team-a/x/tags/list", ["alice", "puller", "creator", "mover", "deleter"]),
            (
                .get, "/v2/team-a/x/referrers/\(sha256)",
                ["alice", "puller", "creator", "mover", "deleter"]
            ),
            (.put, "/v2/team-a/x/manifests/v1", ["alice", "creator", "mover"]),
            (.put, "/v2/team-a/x/manifests/\(sha256)", ["alice", "creator"]),
            (.put, "/v2/team-a/x/manifests/\(sha256)?tag=v1", ["alice", "creator"]),
            (.post, "/v2/team-a/x/blobs/uploads/", ["alice", "creator"]),
            (.post, "/v2/team-a/x/blobs/uploads/?digest=\(sha256)", ["alice", "creator"]),
            (
                .post, "/v2/team-a/x/blobs/uploads/?mount=\(sha256)&from=shared/x",
                ["alice", "creator"]
            ),
            (.get, "/v2/team-a/x/blobs/uploads/i", ["alice", "creator"]),
            (.head, "/v2/team-a/x/blobs/uploads/i", ["alice", "creator"]),
            (.patch, "/v2/team-a/x/blobs/uploads/i", ["alice", "creator"]),
            (.put, "/v2/team-a/x/blobs/uploads/i?digest=\(sha256)", ["alice", "creator"]),
            (.delete, "/v2/team-a/x/blobs/uploads/i", ["alice", "creator"]),
            (.delete, "/v2/team-a/x/manifests/v1", ["alice", "deleter"]),
            (.delete, "/v2/team-a/x/manifests/\(sha256)", ["alice", "deleter"]),
            (.delete, "/v2/team-a/x/blobs/\(sha256)", ["alice", "deleter"]),
            (.get, "/v2/", ["alice", "puller", "creator", "mover", "deleter", "nobody"]),
            (.get, "/v2/_catalog", ["alice", "puller", "creator", "mover", "deleter", "nobody"]),
            (.get, "/healthz", ["alice", "puller", "creator", "mover", "deleter", "nobody", ""]),
            (
                .options, "/v2/team-a/x/tags/list",
                ["alice", "puller", "creator", "mover", "deleter", "nobody", ""]
            ),
        ] as [(HTTPWire.Method, String, [String])]
    )
    func rights(method: HTTPWire.Method, target: String, admitted: [String]) throws {
        for name in ["alice", "puller", "creator", "mover", "deleter", "nobody", ""] {
            let identity = name.isEmpty ? Identity.anonymous : user(name)
            let told = try Told(Self.policy, identity, method, target)
            #expect((told.denial == nil) == admitted.contains(name), "\(name)")
            let elsewhere = target.replacing("team-a/x", with: "team-b/x")
            guard elsewhere != target, method != .options else { continue }
            #expect(try Told(Self.policy, identity, method, elsewhere).denial != nil, "\(name)")
        }
    }

    @Test("a PUT of a tag says what it may do, and the answer for the other case")
    func putOfATag() throws {
        let put = "/v2/team-a/x/manifests/v1"
        let alice = try Told(Self.policy, user("alice"), .put, put)
        #expect(alice.mayCreate && alice.mayOverwrite && alice.otherwise == nil)
        #expect(alice.rules == ["alice"])
        let creator = try Told(Self.policy, user("creator"), .put, put)
        #expect(creator.mayCreate && !creator.mayOverwrite)
        #expect(
            creator.otherwise == Self.prefix
                + "creator may not overwrite team-a/x:v1 (no rule allows it)")
        let mover = try Told(Self.policy, user("mover"), .put, put)
        #expect(!mover.mayCreate && mover.mayOverwrite)
        #expect(
            mover.otherwise == Self.prefix + "mover may not create team-a/x:v1 (no rule allows it)")
        let fixed = try Told(Self.policy, user("alice"), .put, "/v2/team-a/fixed/manifests/v1")
        #expect(fixed.mayCreate && !fixed.mayOverwrite)
        #expect(
            fixed.otherwise == Self.prefix
                + "alice may not overwrite team-a/fixed:v1 (rule fixed: tags never change)")
        let tagged = try Told(
            Self.policy, user("creator"), .put, "/v2/team-a/x/manifests/\(sha256)?tag=v1")
        #expect(tagged.mayCreate && !tagged.mayOverwrite && tagged.otherwise != nil)
        let digest = try Told(
            Self.policy, user("creator"), .put, "/v2/team-a/x/manifests/\(sha256)")
        #expect(digest.otherwise == nil)
    }

    @Test(
        "a denial says who may not do what and why",
        arguments: [
            (
                .get, "/v2/team-b/x/manifests/v1",
                "alice may not pull team-b/x:v1 (no rule allows it)", []
            ),
            (
                .put, "/v2/team-b/x/manifests/v1",
                "alice may not push team-b/x:v1 (no rule allows it)", []
            ),
            (
                .post, "/v2/team-b/x/blobs/uploads/",
                "alice may not create team-b/x (no rule allows it)", []
            ),
            (
                .get, "/v2/team-b/x/blobs/\(sha256)",
                "alice may not pull team-b/x@\(sha256) (no rule allows it)", []
            ),
            (
                .delete, "/v2/team-a/fixed/manifests/v1",
                "alice may not delete team-a/fixed:v1 (rule fixed: tags never change)", ["fixed"]
            ),
            (
                .delete, "/v2/team-b/fixed/manifests/v1",
                "alice may not delete team-b/fixed:v1 (rule fixed: tags never change)", ["fixed"]
            ),
            (
                .put, "/v2/team-a/closed/manifests/v1",
                "alice may not push team-a/closed:v1 (rule closed)", ["closed"]
            ),
            (
                .put, "/v2/team-b/fixed/manifests/v1",
                "alice may not push team-b/fixed:v1 "
                    + "(no rule allows create; rule fixed: tags never change)",
                ["fixed"]
            ),
        ] as [(HTTPWire.Method, String, String, [String])]
    )
    func denials(method: HTTPWire.Method, target: String, message: String, rules: [String]) throws {
        let told = try Told(Self.policy, user("alice"), method, target)
        #expect(told.denial == Self.prefix + message)
        #expect(told.rules == rules)
    }

    @Test(
        "the body of a denial names the resource in the words of clients",
        arguments: [
            (.get, "/v2/a/manifests/v1", "pull"), (.put, "/v2/a/manifests/v1", "push"),
            (.post, "/v2/a/blobs/uploads/", "push"), (.delete, "/v2/a/manifests/v1", "delete"),
        ] as [(HTTPWire.Method, String, String)]
    )
    func resource(method: HTTPWire.Method, target: String, action: String) throws {
        var scratch = Decision()
        switch AccessPolicy.empty.authorize(
            .anonymous, try operation(method, target), in: Circumstances(), scratch: &scratch)
        {
        case .denied(let denial):
            #expect(denial.resource == .init(repository: "a", action: ByteString(action)))
            #expect(denial.message.description.hasPrefix(Self.prefix + "anonymous may not "))
        default: Issue.record("permitted")
        }
    }

    @Test("a mount needs create here; without pull there it becomes an ordinary upload")
    func mounts() throws {
        func mount(_ name: String, from: String) throws -> Told {
            try Told(
                Self.policy, user(name), .post,
                "/v2/team-a/x/blobs/uploads/?mount=\(sha256)&from=\(from)")
        }
        let good = try mount("creator", from: "shared/x")
        #expect(good.operation == "upload.mount" && !good.isDowngraded)
        #expect(good.rules == ["creator", "shared"])
        let own = try mount("creator", from: "team-a/y")
        #expect(own.operation == "upload.mount" && own.rules == ["creator"])
        for from in ["team-b/secret", "team-a/closed"] {
            let foreign = try mount("creator", from: from)
            #expect(foreign.operation == "upload.start" && foreign.isDowngraded)
            #expect(foreign.rules == ["creator"])
        }
        #expect(try mount("puller", from: "shared/x").denial != nil)
    }

    @Test("a downgraded mount has no query")
    func downgradedTarget() throws {
        var scratch = Decision()
        let request = try operation(
            .post, "/v2/team-a/x/blobs/uploads/?mount=\(sha256)&from=team-b/x")
        switch Self.policy.authorize(
            user("alice"), request, in: Circumstances(), scratch: &scratch)
        {
        case .permitted(let permit):
            let buffer = Buffer(capacity: 16 * 1024)
            permit.operation.appendUpstreamTarget(to: buffer)
            #expect(ByteString(copying: buffer.bytes) == "/v2/team-a/x/blobs/uploads/")
        default: Issue.record("not permitted")
        }
    }

    @Test("a login is asked for where anonymous may see nothing")
    func anonymous() throws {
        #expect(try Told(Self.policy, .anonymous, .get, "/v2/").denial == "authentication required")
        #expect(
            try Told(Self.policy, .anonymous, .get, "/v2/_catalog").denial
                == "authentication required")
        let open = AccessPolicy(groups: [:], rules: [rule("r", ["anyone"], ["a"], .allow(.pull))])
        #expect(try Told(open, .anonymous, .get, "/v2/").denial == "authentication required")
        #expect(try Told(open, .anonymous, .get, "/v2/_catalog").denial == nil)
        #expect(try Told(open, .anonymous, .get, "/v2/a/manifests/v1").denial == nil)
        #expect(try Told(open, .anonymous, .get, "/v2/b/manifests/v1").denial != nil)
    }
}

extension PendingPush {
    /// Whether the first tag may be treated so.
    fileprivate borrowing func grants(_ action: Actions) -> Bool {
        rights[0].granted.contains(action)
    }
}
