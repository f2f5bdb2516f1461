// The main job: real clients push and pull through TLS, a login and access rules, before a real
// registry. Each flow is a script in Tests/tools/clients, with caches and daemons of its own.

import Foundation
import TestSupport
import Testing

/// One after the other: each flow loads a machine of two cores by itself.
@Suite(.serialized, .ownThreads) struct RealClientTests {
    @Test(
        "a real client pushes and pulls every kind of image with the right digests",
        arguments: ["skopeo", "podman", "buildah", "ctr", "docker", "oras", "dxf", "curl"]
    )
    func flow(client: String) throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.listensOnIPv6 = client == "docker"
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let images = try #require(TestImages.directory)
        try Self.play(client, client, images, proxy)
        try everyLineTellsTheTruth(proxy)
    }

    /// Plays a flow of a client: a script of `Tests/tools/clients`, which knows of the stage by its
    /// environment.
    static func play(
        _ script: String,
        _ client: String,
        _ images: TemporaryDirectory,
        _ proxy: ProxyProcess
    ) throws {
        let work = try TemporaryDirectory(client)
        let finished = try Command.run(
            ["\(Project.tools)/clients/\(script)"],
            environment: [
                "CLIENT": client,
                "WORK": work.path,
                "IMAGES": images.path,
                "PORT": "\(proxy.securePort)",
                "PORT6": "\(proxy.secureIPv6Port ?? 0)",
                "CA_FILE": proxy.certificates.ca,
                "REG_USER": TestUser.alice.name,
                "REG_PASS": TestUser.alice.password,
                "NS": "team-a",
            ],
            within: 300
        )
        if finished.status == 77 {
            try skip(client, finished.errorText)
        } else {
            #expect(finished.status == 0, "\(finished)")
        }
    }

    /// Where nothing may be skipped, a machine that cannot run a client is a failure.
    static func skip(_ client: String, _ reason: String) throws {
        let forbidden =
            ProcessInfo.processInfo.environment["REGISTRY_PROXY_FORBID_SKIPS"] != nil
        if forbidden {
            Issue.record("\(client) was skipped, which is forbidden here: \(reason)")
        } else {
            try Test.cancel("\(client): \(reason)")
        }
    }

    /// Whatever a client did, each of its requests has left one whole line.
    private func everyLineTellsTheTruth(_ proxy: ProxyProcess) throws {
        proxy.stop()
        let lines = try proxy.accessLines()
        #expect(lines.count > 10)
        var ids: Set<String> = []
        for text in lines {
            let line = try #require(AccessLine(text), "not JSON: \(text)")
            let id = try #require(line["id"])
            #expect(ids.insert(id).inserted, "two lines about \(id)")
            #expect(line["outcome"] != nil && line.number("status") != nil, "\(text)")
        }
    }
}
