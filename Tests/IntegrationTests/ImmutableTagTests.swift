// Tags under "create only": made once, by one of many, on the real registry.

import Foundation
import NetIO
import Synchronization
import TestSupport
import Testing

@Suite(.ownThreads) struct ImmutableTagTests {
    static let rules = [
        #"{ id: ci, who: ["user:carol"], repos: ["prod/**"], tags: ["v*"], allow: [create] }"#,
        #"""
        { id: releases-are-immutable, who: [anyone], except: ["user:operator"], \#
        repos: ["prod/**"], tags: ["v*"], deny: [overwrite, delete], \#
        because: "release tags never change" }
        """#,
        #"{ id: cleaning, who: ["user:alice"], repos: ["prod/**"], allow: [delete] }"#,
        #"{ id: operators, who: ["user:operator"], repos: ["**"], allow: [all] }"#,
    ]

    private func withProxy(_ body: (ProxyProcess, RawClient) throws -> Void) throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.rules = Self.rules
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(proxy, try proxy.connect(within: 60))
    }

    @Test("of 50 pushes of different images to one new tag at once exactly one wins")
    func oneOfFifty() throws {
        try withProxy { proxy, client in
            let config = Array(#"{"architecture":"amd64","os":"linux"}"#.utf8)
            try client.pushBlob(config, to: "prod/api", as: .carol)
            let images = try (0..<50).map { number in
                let layer = Array("layer \(number)".utf8)
                try client.pushBlob(layer, to: "prod/api", as: .carol)
                return try Manifest(config: config, layers: [layer])
            }
            let answers = Locked<[Int: Response]>([:])
            let next = Atomic<Int>(0)
            inParallel(50) {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard let client = try? proxy.connect(within: 60) else { return }
                let answer = try? client.putManifest(
                    images[number], at: "v1", of: "prod/api", as: .carol)
                answers.withLock { $0[number] = answer }
            }
            let all = answers.withLock { $0 }
            let winners = all.filter { $0.value.status == 201 }.keys
            #expect(winners.count == 1)
            let reason = """
                requested access to the resource is denied: carol may not overwrite prod/api:v1 \
                (rule releases-are-immutable: release tags never change)
                """
            let refused = all.values.filter { $0.status == 403 }
            #expect(refused.count == 49)
            #expect(refused.allSatisfy { $0.errorCode == "DENIED" && $0.errorMessage == reason })
            let winner = images[try #require(winners.first)]
            let again = try client.putManifest(winner, at: "v1", of: "prod/api", as: .carol)
            #expect(again.status == 201, "the same again is no change")
            let accept = ["Accept: \(Manifest.mediaType)"]
            let kept = try client.request("GET", "/v2/prod/api/manifests/v1", as: .carol, accept)
            #expect(kept.body == winner.bytes)
        }
    }

    @Test("several tags of one push by digest: all may be set, or none is")
    func severalTags() throws {
        try withProxy { _, client in
            try client.pushImage("one", to: "prod/api", tag: "v1", as: .carol)
            let second = try client.pushImage("two", to: "prod/api", tag: "v2", as: .root)
            let type = ["Content-Type: \(Manifest.mediaType)"]
            let target = "/v2/prod/api/manifests/\(second.digest)"
            for (tags, status) in [("v3&tag=v1", 403), ("latest", 403)] {
                let query = "?tag=\(tags)"
                let answer = try client.request(
                    "PUT", target + query, as: .carol, type, body: second.bytes)
                #expect(answer.status == status, "\(tags): \(answer.text)")
            }
            let accept = ["Accept: \(Manifest.mediaType)"]
            let made = try client.request("HEAD", "/v2/prod/api/manifests/v3", as: .root, accept)
            #expect(made.status == 404, "a push that is refused sets nothing")
        }
    }

    @Test("a delete by digest needs the right to every tag that goes with it")
    func deletes() throws {
        try withProxy { _, client in
            let release = try client.pushImage("one", to: "prod/api", tag: "v1", as: .carol)
            let other = try client.pushImage("two", to: "prod/api", tag: "nightly", as: .root)
            let both = try client.pushImage("three", to: "prod/api", tag: "latest", as: .root)
            let more = try client.putManifest(both, at: "v3", of: "prod/api", as: .carol)
            #expect(more.status == 201)
            func delete(_ what: String, as user: TestUser) throws -> Response {
                try client.request("DELETE", "/v2/prod/api/\(what)", as: user)
            }
            for protected in [release, both] {
                let answer = try delete("manifests/\(protected.digest)", as: .alice)
                #expect(answer.status == 403)
                #expect(answer.errorMessage.contains("releases-are-immutable"))
                #expect(answer.errorMessage.contains("release tags never change"))
            }
            // The registry would take it from under a release that needs it.
            #expect(try delete("blobs/\(release.layers[0])", as: .alice).status == 403)
            #expect(try delete("manifests/v1", as: .alice).status == 403)
            #expect(try delete("manifests/\(other.digest)", as: .carol).status == 403)
            let removed = try delete("manifests/\(other.digest)", as: .alice)
            #expect(removed.status == 202, "\(removed.text)")
            #expect(try delete("manifests/\(release.digest)", as: .root).status == 202)
        }
    }

    @Test("pushes and deletes in one repository at once lose no tag that was acknowledged")
    func pushesAndDeletes() throws {
        try withProxy { proxy, client in
            try client.pushImage("base", to: "team/x", tag: "base", as: .root)
            let failures = Locked<[String]>([])
            let next = Atomic<Int>(0)
            inParallel(6) {
                let number = next.add(1, ordering: .relaxed).oldValue
                do {
                    let client = try proxy.connect(within: 60)
                    for round in 0..<5 {
                        let text = "\(number)-\(round)"
                        let image = try client.pushImage(
                            text, to: "team/x", tag: "t\(text)", as: .root)
                        guard number % 2 == 0 else { continue }
                        let target = "/v2/team/x/manifests/\(image.digest)"
                        let gone = try client.request("DELETE", target, as: .root)
                        if gone.status != 202 {
                            failures.withLock { $0.append("\(text): \(gone.status) \(gone.text)") }
                        }
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            #expect(failures.withLock { $0 } == [])
            let accept = ["Accept: \(Manifest.mediaType)"]
            for number in 0..<6 {
                for round in 0..<5 {
                    let target = "/v2/team/x/manifests/t\(number)-\(round)"
                    let status = try client.request("HEAD", target, as: .root, accept).status
                    #expect(status == (number % 2 == 0 ? 404 : 200), "\(target)")
                }
            }
        }
    }
}
