// With one rule `anyone may pull public/**`, real clients pull that without a login and push
// elsewhere with one, in one session.

import Foundation
import TestSupport
import Testing

/// One after the other, as all flows of real clients.
@Suite(.serialized, .ownThreads) struct PublicImageTests {
    @Test(
        "a client pulls what is public without a login, and pushes with one, in one session",
        arguments: ["skopeo", "podman", "docker", "ctr", "curl"]
    )
    func mixed(client: String) throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        let images = try #require(TestImages.directory)
        var settings = ProxySettings.withTokens(upstream: registry.url)
        settings.listensOnIPv6 = client == "docker"
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try Command.check([
            "skopeo", "copy", "--dest-tls-verify=false", "oci:\(images.path)/small:v1",
            "docker://\(registry.url.dropFirst(7))/public/x:v1",
        ])
        try RealClientTests.play("public", client, images, proxy)
        proxy.stop()
        let lines = try proxy.accessLines().compactMap(AccessLine.init)
        let pulls = lines.filter { $0["path"] == "/v2/public/x/manifests/v1" }
        #expect(pulls.contains { $0.number("status") == 200 && $0["auth"] == "anonymous" })
        let pushes = lines.filter {
            $0["operation"] == "manifest.put" && $0.number("status") == 201
        }
        #expect(pushes.count == 1 && pushes.allSatisfy { $0["auth"] == "token" })
    }
}
