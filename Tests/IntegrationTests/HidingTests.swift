// With `access.hide` a repository that may not be pulled looks like one that is not there.

import TestSupport
import Testing

@Suite(.ownThreads) struct HidingTests {
    private static let missing = "sha256:" + String(repeating: "0", count: 64)

    private func withProxy(
        hide: Bool,
        _ body: (RawClient, _ secret: Manifest) throws -> Void
    ) throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.accessLines = ["hide: \(hide)", "contact: \"ask #registry\""]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let client = try proxy.connect(within: 60)
        let secret = try client.pushImage("secret", to: "team-b/secret", tag: "v1", as: .root)
        try client.pushImage("own", to: "team-a/own", tag: "v1", as: .alice)
        try body(client, secret)
    }

    @Test("reads of both give the same bytes; writes say why not")
    func same() throws {
        try withProxy(hide: true) { client, secret in
            let reads = [
                ("manifests/v1", "MANIFEST_UNKNOWN"), ("manifests/v2", "MANIFEST_UNKNOWN"),
                ("manifests/\(secret.digest)", "MANIFEST_UNKNOWN"),
                ("referrers/\(secret.digest)", "MANIFEST_UNKNOWN"),
                ("blobs/\(secret.layers[0])", "BLOB_UNKNOWN"),
                ("blobs/\(Self.missing)", "BLOB_UNKNOWN"), ("tags/list", "NAME_UNKNOWN"),
            ]
            for (path, code) in reads {
                let hidden = try client.request("GET", "/v2/team-b/secret/\(path)", as: .alice)
                let absent = try client.request("GET", "/v2/team-a/nothing/\(path)", as: .alice)
                let other = try client.request("GET", "/v2/team-b/nothing/\(path)", as: .alice)
                #expect(hidden.status == 404, "\(path)")
                #expect(hidden.errorCode == code, "\(path)")
                #expect(hidden.body == absent.body, "\(path)")
                #expect(hidden.body == other.body, "\(path)")
                #expect(!hidden.text.contains("detail"), "\(path)")
                #expect(hidden.fieldNames == absent.fieldNames, "\(path)")
            }
            let head = try client.request("HEAD", "/v2/team-b/secret/manifests/v1", as: .alice)
            #expect(head.status == 404)
            let put = try client.putManifest(secret, at: "v1", of: "team-b/secret", as: .alice)
            #expect(put.status == 403)
            #expect(put.errorMessage.hasSuffix("; ask #registry"))
            let upload = "/v2/team-b/secret/blobs/uploads/"
            #expect(try client.request("POST", upload, as: .alice).status == 403)
            let anonymous = try client.request("GET", "/v2/team-b/secret/tags/list")
            #expect(anonymous.status == 401)
            let seen = try client.request("GET", "/v2/team-b/secret/tags/list", as: .bob)
            #expect(seen.status == 200)
        }
    }

    @Test("without it a denial says who may not do what, and whom to ask")
    func shown() throws {
        try withProxy(hide: false) { client, _ in
            let denied = try client.request("GET", "/v2/team-b/secret/manifests/v1", as: .alice)
            #expect(denied.status == 403)
            #expect(
                denied.errorMessage == """
                    requested access to the resource is denied: alice may not pull \
                    team-b/secret:v1 (no rule allows it); ask #registry
                    """
            )
        }
    }
}

extension Response {
    fileprivate var fieldNames: [String] { head.fields.map(\.name).sorted() }
}
