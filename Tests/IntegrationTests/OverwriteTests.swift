// New tags and existing tags are told apart, on the real registry.

import TestSupport
import Testing

@Suite(.ownThreads) struct OverwriteTests {
    static let rules = [
        #"{ id: ci, who: ["user:carol"], repos: ["prod/**"], allow: [create] }"#,
        #"{ id: read, who: ["user:alice"], repos: ["prod/**"], allow: [pull] }"#,
        #"{ id: operators, who: ["user:operator"], repos: ["**"], allow: [all] }"#,
        #"""
        { id: frozen, who: [anyone], repos: ["prod/frozen"], deny: [overwrite], \#
        because: "release tags never change" }
        """#,
    ]

    private func withProxy(_ body: (ProxyProcess, RawClient) throws -> Void) throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.rules = Self.rules
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(proxy, try proxy.connect())
    }

    @Test("one who may create makes a new tag, and does not move an existing one")
    func createIsNotOverwrite() throws {
        try withProxy { _, client in
            let first = try client.pushImage("one", to: "prod/api", tag: "v1", as: .carol)
            // The same bytes again are no change.
            let again = try client.putManifest(first, at: "v1", of: "prod/api", as: .carol)
            #expect(again.status == 201, "\(again.text)")
            let second = try client.pushImage("two", to: "prod/api", tag: "v2", as: .carol)
            let moved = try client.putManifest(second, at: "v1", of: "prod/api", as: .carol)
            #expect(moved.status == 403, "\(moved.text)")
            #expect(moved.errorCode == "DENIED")
            #expect(moved.errorMessage.contains("overwrite"))
            // By digest there is nothing to move.
            let digest = second.digest
            let byDigest = try client.putManifest(second, at: digest, of: "prod/api", as: .carol)
            #expect(byDigest.status == 201)
            let accept = ["Accept: \(Manifest.mediaType)"]
            let target = "/v2/prod/api/manifests/v1"
            let kept = try client.request("GET", target, as: .carol, accept)
            #expect(kept.body == first.bytes)
        }
    }

    @Test("a deny of overwrite beats every allow, and says why")
    func denyOverwrite() throws {
        try withProxy { _, client in
            let first = try client.pushImage("one", to: "prod/frozen", tag: "v1", as: .root)
            let second = try client.pushImage("two", to: "prod/frozen", tag: "v2", as: .root)
            let moved = try client.putManifest(second, at: "v1", of: "prod/frozen", as: .root)
            #expect(moved.status == 403)
            #expect(moved.errorMessage.contains("frozen"))
            #expect(moved.errorMessage.contains("release tags never change"))
            let again = try client.putManifest(first, at: "v1", of: "prod/frozen", as: .root)
            #expect(again.status == 201)
            let elsewhere = try client.pushImage("one", to: "prod/open", tag: "v1", as: .root)
            #expect(elsewhere.digest == first.digest)
            let other = try client.pushImage("two", to: "prod/open", tag: "v1", as: .root)
            #expect(other.digest == second.digest, "overwritten where it may be")
        }
    }

    @Test("one who may only read is refused each step of a push")
    func readerDoesNotWrite() throws {
        try withProxy { _, client in
            let image = try client.pushImage("one", to: "prod/api", tag: "v1", as: .carol)
            let put = try client.putManifest(image, at: "v1", of: "prod/api", as: .alice)
            #expect(put.status == 403)
            let path = "/v2/prod/api/blobs/uploads/"
            #expect(try client.request("POST", path, as: .alice).status == 403)
            let digest = "/v2/prod/api/manifests/\(image.digest)"
            #expect(try client.request("DELETE", digest, as: .alice).status == 403)
            #expect(try client.request("DELETE", digest, as: .carol).status == 403)
            let accept = ["Accept: \(Manifest.mediaType)"]
            #expect(try client.request("HEAD", digest, as: .alice, accept).status == 200)
        }
    }

    @Test("a manifest that is too large is 413, one sent as a form 415")
    func manifestLimits() throws {
        try withProxy { _, client in
            let target = "/v2/prod/api/manifests/v1"
            let large = [UInt8](repeating: 32, count: (4 << 20) + 1)
            let type = "Content-Type: \(Manifest.mediaType)"
            let refused = try client.request("PUT", target, as: .carol, [type], body: large)
            #expect(refused.status == 413)
            #expect(refused.errorCode == "MANIFEST_INVALID")
        }
        try withProxy { _, client in
            let target = "/v2/prod/api/manifests/v1"
            let form = [MountTests.formType]
            let refused = try client.request("PUT", target, as: .carol, form, body: [97])
            #expect(refused.status == 415)
        }
    }
}
