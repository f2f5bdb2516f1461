import AccessControl
import Authentication
import Bytes
import Foundation
import RegistryAPI
import Testing

@testable import NetIO
@testable import ProxyServer

/// What a delete by digest costs at most, and how long one waits for others (`access.md`,
/// "Deletes").
@Suite struct DeleteBoundsTests {
    private static let request =
        "DELETE /v2/team/app/manifests/\(digest) HTTP/1.1\r\nHost: proxy\r\n" + login + "\r\n"

    /// Of somebody: a request without a login is not told why.
    private static let login: String = {
        let words = Who.allCases.lazy.compactMap(\.login).first ?? ""
        return "Authorization: Basic \(Data(words.utf8).base64EncodedString())\r\n"
    }()

    /// Everybody may delete what no protected tag is on, so tags have to be looked at.
    private func stage(
        _ change: (inout ServerSettings.Timeouts) -> Void = { _ in }
    ) throws -> Stage {
        let position = SourcePosition(file: "test", line: 1, column: 1)
        func rule(_ id: String, _ tags: [TagPattern]?, _ effect: AccessRule.Effect) throws
            -> AccessRule
        {
            AccessRule(
                id: id, who: [.anyone], repositories: [try RepositoryPattern("**")], tags: tags,
                effect: effect, position: position)
        }
        let policy = AccessPolicy(rules: [
            try rule("all", nil, .allow(.all)),
            try rule("kept", [try TagPattern("kept")], .deny(.delete)),
        ])
        let users = ByteString(Who.users)
        let desk = try LoginDesk(
            users: try PasswordFile(parsing: users.span, named: "users"),
            settings: LoginSettings(),
            pool: try BlockingPool(name: "deletes", threadCount: 1, queueLimit: 16),
            clock: { SystemCalls.now().nanoseconds }
        )
        var changed = Stage.patience
        change(&changed)
        let timeouts = changed
        return try Stage(logins: desk) {
            $0.policy = policy
            $0.timeouts = timeouts
        }
    }

    private static func list(
        _ tags: [String],
        filler: Int = 0,
        linked: Bool = false
    ) -> String {
        let names = tags.map { "\"\($0)\"" }.joined(separator: ",")
        let body =
            #"{"name":"team/app","tags":["# + names + "]" + String(repeating: " ", count: filler)
            + "}"
        let link = linked ? "Link: </v2/team/app/tags/list?last=x>; rel=\"next\"\r\n" : ""
        return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + link
            + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
    }

    private static func manifest(_ digest: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nDocker-Content-Digest: \(digest)\r\n\r\n"
    }

    private func expectRefusal(_ client: Peer, saying reason: String) throws {
        let head = try client.receiveHead()
        #expect(head.hasPrefix("HTTP/1.1 403"), "\(head)")
        let length = head.split(separator: "\r\n")
            .first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.filter(\.isNumber)) }
        let body = try client.receiveText(try found(length))
        #expect(body.contains("DENIED") && body.contains(reason), "\(body)")
    }

    private func expectNothingIsLeft(_ stage: Stage, _ client: Peer) async {
        client.close()
        await client.awaitEnd()
        #expect(stage.shared.locks.isEmpty)
    }

    @Test(
        "a list of tags without its end is no list: a protected tag may be missing",
        arguments: [
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            list([], linked: true), list(["t1"], linked: true),
        ])
    func listWithoutEnd(second: String) async throws {
        let stage = try stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.request)
        _ = try registry.receiveHead()
        try registry.send(Self.list(["t1"], linked: true))
        let next = try registry.receiveHead()
        #expect(next.hasPrefix("GET /v2/team/app/tags/list?last=t1 "), "\(next)")
        try registry.send(second)
        let head = try client.receiveHead()
        #expect(head.hasPrefix("HTTP/1.1 502"), "\(head)")
        await expectNothingIsLeft(stage, client)
    }

    @Test func aThousandTagsAreLookedThrough() async throws {
        let stage = try stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.request)
        _ = try registry.receiveHead()
        try registry.send(Self.list((1...1000).map { "t\($0)" }))
        for number in 1...1000 {
            let head = try registry.receiveHead()
            #expect(head.hasPrefix("HEAD /v2/team/app/manifests/t\(number) "), "\(head)")
            try registry.send(Self.manifest(number == 7 ? digest : "sha256:other"))
        }
        #expect(try registry.receiveHead().hasPrefix("DELETE "))
        try registry.send("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.receiveHead().hasPrefix("HTTP/1.1 202"))
        await expectNothingIsLeft(stage, client)
    }

    @Test func moreThanAThousandTagsAreRefusedWithoutALook() async throws {
        let stage = try stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.request)
        _ = try registry.receiveHead()
        try registry.send(Self.list((1...1001).map { "t\($0)" }))
        try expectRefusal(client, saying: "more than 1000 tags")
        await expectNothingIsLeft(stage, client)
        #expect(await stage.idleCount == 1, "the registry's connection is clean")
    }

    @Test func aListLongerThanAnyOfAThousandTagsIsRefusedAsThat() async throws {
        let stage = try stage()
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.request)
        _ = try registry.receiveHead()
        // What the proxy leaves unread may fail to be sent.
        try? registry.send(Self.list(["t"], filler: 5 << 20))
        try expectRefusal(client, saying: "more than 1000 tags")
        await expectNothingIsLeft(stage, client)
        #expect(await stage.idleCount == 0)
    }

    @Test("the search ends in time, wherever the registry is slow", arguments: [false, true])
    func slow(hasList: Bool) async throws {
        let stage = try stage {
            $0.tagSearch = Timeout(.tagSearch, nanoseconds: 100_000_000)
        }
        let registry = try await stage.registry()
        let client = try stage.client()
        try client.send(Self.request)
        _ = try registry.receiveHead()
        if hasList {
            try registry.send(Self.list(["a"]))
            _ = try? registry.receiveHead()
        }
        try expectRefusal(client, saying: "looking through the repository's tags took more than")
        await expectNothingIsLeft(stage, client)
        #expect(await stage.idleCount == 0, "an answer may still come on that connection")
        #expect(try registry.receiveAll() == "", "nothing was deleted")
    }

    @Test(
        "whoever changes what another is changing waits, and not for ever",
        arguments: [
            Self.request,
            "PUT /v2/team/app/manifests/kept HTTP/1.1\r\nHost: proxy\r\nContent-Length: 2\r\n"
                + "Content-Type: application/json\r\n\r\n{}",
        ])
    func locked(request: String) async throws {
        let stage = try stage { $0.lock = Timeout(.lock, nanoseconds: 100_000_000) }
        let name = try found(RepositoryName(validating: Array("team/app".utf8).span))
        let locks = stage.shared.locks
        let other = locks.request(.repository(name), .exclusive) {}
        let client = try stage.client()
        try client.send(request)
        let head = try client.receiveHead()
        #expect(head.hasPrefix("HTTP/1.1 503"), "\(head)")
        #expect(head.contains("Retry-After: 5\r\n"), "\(head)")
        locks.release(other)
        await expectNothingIsLeft(stage, client)
    }
}
