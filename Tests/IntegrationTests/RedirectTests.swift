// Redirects of the registry to its storage: passed on, followed or refused.

import TestSupport
import Testing

@Suite(.ownThreads) struct RedirectTests {
    private static let blob = "/v2/team-a/x/blobs/\(RefusalTests.digest)"
    private static let signed = "/bucket/data?X-Signature=a%2Fb&X-Expires=1"

    /// A registry that redirects every request to `location`, and what was sent to it.
    private func withRegistry(
        redirectingTo location: String,
        status: String = "307 Temporary Redirect",
        _ keys: [String],
        _ body: (RecordingUpstream, ProxyProcess) throws -> Void
    ) throws {
        let registry = try RecordingUpstream { exchange in
            try exchange.readBody()
            let fields = ["Location: \(location)", "Content-Type: text/html"]
            try exchange.answer(status, fields, body: "<a href=elsewhere>")
        }
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.upstreamKeys = keys
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(registry, proxy)
    }

    /// Storage that has one object of ten bytes, and serves a range of it.
    private static let object: RecordingUpstream.Script = { exchange in
        let common = [
            "Content-Type: application/octet-stream", "ETag: \"s3\"", "Server: AmazonS3",
            "x-amz-request-id: 1", "Set-Cookie: a=b", "Accept-Ranges: bytes",
        ]
        if exchange.head["Range"] == "bytes=2-4" {
            let range = ["Content-Range: bytes 2-4/10"]
            try exchange.answer("206 Partial Content", common + range, body: "234")
        } else if exchange.head["If-None-Match"] == "\"s3\"" {
            try exchange.answer("304 Not Modified", common)
        } else {
            try exchange.answer("200 OK", common, body: "0123456789")
        }
    }

    @Test(
        "a followed redirect gives the client the blob, and storage nothing but the question",
        arguments: ["302 Found", "303 See Other", "307 Temporary Redirect"])
    func follow(status: String) throws {
        let storage = try RecordingUpstream(script: Self.object)
        defer { storage.stop() }
        let location = storage.url + Self.signed
        try withRegistry(redirectingTo: location, status: status, ["redirects: follow"]) {
            registry, proxy in
            let client = try proxy.connect()
            let secrets = ["Cookie: c=d", "X-Forwarded-For: 9.9.9.9"]
            let whole = try client.request("GET", Self.blob, as: .alice, secrets)
            #expect(whole.status == 200)
            #expect(whole.text == "0123456789")
            #expect(whole["Location"] == nil)
            #expect(whole["Docker-Content-Digest"] == RefusalTests.digest)
            #expect(whole["Content-Type"] == "application/octet-stream")
            for name in ["Server", "Set-Cookie", "x-amz-request-id"] { #expect(whole[name] == nil) }
            let part = try client.request("GET", Self.blob, as: .alice, ["Range: bytes=2-4"])
            #expect(part.status == 206)
            #expect(part.text == "234")
            #expect(part["Content-Range"] == "bytes 2-4/10")
            let same = try client.request("GET", Self.blob, as: .alice, ["If-None-Match: \"s3\""])
            #expect(same.status == 304)
            let head = try client.request("HEAD", Self.blob, as: .alice)
            #expect(head.status == 200)
            #expect(head["Content-Length"] == "10")
            #expect(storage.requests.map(\.method) == ["GET", "GET", "GET", "HEAD"])
            for request in storage.requests {
                #expect(request.target == Self.signed)
                #expect(request.head["Host"] == "127.0.0.1:\(storage.port)")
                let names = ["Authorization", "Cookie", "X-Forwarded-For", "X-Forwarded-Host"]
                for name in names + ["X-Request-Id", "X-Forwarded-Proto"] {
                    #expect(request.head[name] == nil, "\(name)")
                }
            }
            // The registry's connection is used again, storage's never.
            #expect(registry.connectionCount <= 2)
            #expect(storage.connectionCount == 4)
            let lines = try proxy.accessLines(having: "/blobs/", 4)
            #expect(lines.map { $0.number("bytes_out") } == [10, 3, 0, 0])
            #expect(lines.allSatisfy { $0["outcome"] == "complete" })
        }
    }

    @Test("three hops are followed, a fourth is not", arguments: [2, 3])
    func hops(count: Int) throws {
        let storage = try RecordingUpstream { exchange in
            let hop = Int(exchange.target.dropFirst()) ?? 0
            if hop == count {
                try exchange.answer("200 OK", body: "here")
            } else {
                try exchange.answer("302 Found", ["Location: /\(hop + 1)"])
            }
        }
        defer { storage.stop() }
        try withRegistry(redirectingTo: storage.url + "/0", ["redirects: follow"]) { _, proxy in
            let answer = try proxy.request("GET", Self.blob, as: .alice)
            #expect(answer.status == (count == 2 ? 200 : 502))
            #expect(storage.requests.count == 3)
        }
    }

    @Test(
        "storage cannot lead back to the registry: no rule was asked about what it names",
        arguments: ["127.0.0.1", "localhost", "LOCALHOST", "127.1", "0", "[::ffff:127.0.0.1]"])
    func backToRegistry(host: String) throws {
        let storage = try RecordingUpstream { exchange in
            let port = exchange.target.dropFirst()
            let secret = "http://\(host):\(port)/v2/team-b/secret/blobs/\(RefusalTests.digest)"
            try exchange.answer("302 Found", ["Location: \(secret)"])
        }
        defer { storage.stop() }
        let registry = try RecordingUpstream { exchange in
            let target = "\(storage.url)/\(exchange.head["Host"]?.split(separator: ":").last ?? "")"
            try exchange.answer("307 Temporary Redirect", ["Location: \(target)"])
        }
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.upstreamKeys = ["redirects: follow"]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let answer = try proxy.request("GET", Self.blob, as: .alice)
        #expect(answer.status == 502)
        #expect(storage.requests.count == 1 && registry.requests.count == 1)
    }

    @Test("the registry under another name is not followed either")
    func registryByAnotherName() throws {
        let registry = try RecordingUpstream { exchange in
            let port = exchange.head["Host"]?.split(separator: ":").last ?? ""
            let secret = "http://localhost:\(port)/v2/team-b/secret/blobs/\(RefusalTests.digest)"
            try exchange.answer("307 Temporary Redirect", ["Location: \(secret)"])
        }
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.upstreamKeys = ["redirects: follow"]
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        #expect(try proxy.request("GET", Self.blob, as: .alice).status == 502)
        #expect(registry.requests.count == 1)
    }

    @Test(
        "storage that does not give the blob is 502",
        arguments: [
            "403 Forbidden", "404 Not Found", "401 Unauthorized", "500 Oops", "204 No Content",
        ])
    func storageRefuses(status: String) throws {
        let storage = try RecordingUpstream { exchange in try exchange.answer(status, body: "no") }
        defer { storage.stop() }
        try withRegistry(redirectingTo: storage.url + "/x", ["redirects: follow"]) { _, proxy in
            let answer = try proxy.request("GET", Self.blob, as: .alice)
            #expect(answer.status == 502)
            try proxy.waitForEvent("upstream.failed")
        }
    }

    @Test("storage over https must have a certificate of a known authority")
    func untrustedStorage() throws {
        let pki = try Certificates.shared()
        let storage = try DockerRegistry(.tls(certificate: pki.certificate, key: pki.key))
        defer { storage.stop() }
        try withRegistry(redirectingTo: storage.url + "/v2/", ["redirects: follow"]) { _, proxy in
            let answer = try proxy.request("GET", Self.blob, as: .alice)
            #expect(answer.status == 502)
            let reason = try proxy.waitForEvent("upstream.failed").string("reason")
            #expect(reason?.contains("certificate") == true, "\(reason ?? "")")
        }
    }

    @Test(
        "a redirect to a host that is not allowed is 502, whatever is done with others",
        arguments: ["pass", "follow"])
    func foreignHost(kind: String) throws {
        let storage = try RecordingUpstream(script: Self.object)
        defer { storage.stop() }
        let keys = [
            "redirects: \(kind)", "redirect_hosts: [storage.example, \"*.example.org:443\"]",
        ]
        try withRegistry(redirectingTo: storage.url + "/x", keys) { _, proxy in
            let answer = try proxy.request("GET", Self.blob, as: .alice)
            #expect(answer.status == 502)
            #expect(answer["Location"] == nil)
            #expect(storage.requests.isEmpty)
        }
        let allowed = ["redirects: \(kind)", "redirect_hosts: [\"127.0.0.1:\(storage.port)\"]"]
        try withRegistry(redirectingTo: storage.url + "/x", allowed) { _, proxy in
            let answer = try proxy.request("GET", Self.blob, as: .alice)
            #expect(answer.status == (kind == "pass" ? 307 : 200))
        }
    }

    @Test("with `refuse` every redirect is 502")
    func refuse() throws {
        for location in ["https://storage.example/x", "/v2/team-a/x/blobs/elsewhere"] {
            try withRegistry(redirectingTo: location, ["redirects: refuse"]) { _, proxy in
                let answer = try proxy.request("GET", Self.blob, as: .alice)
                #expect(answer.status == 502)
            }
        }
    }

    @Test("redirects of anything but a blob, and other kinds of redirect, are 502")
    func otherRedirects() throws {
        let manifest = "/v2/team-a/x/manifests/v1"
        for keys in [[], ["redirects: follow"]] {
            try withRegistry(redirectingTo: "https://storage.example/x", keys) { _, proxy in
                let client = try proxy.connect()
                for (method, target) in [
                    ("GET", manifest), ("HEAD", manifest), ("GET", "/v2/team-a/x/tags/list"),
                    ("POST", "/v2/team-a/x/blobs/uploads/"), ("DELETE", Self.blob),
                ] {
                    let answer = try client.request(method, target, as: .alice)
                    #expect(answer.status == 502, "\(method) \(target)")
                    #expect(answer["Location"] == nil)
                }
            }
        }
        for status in ["301 Moved Permanently", "308 Permanent Redirect", "300 Multiple Choices"] {
            try withRegistry(redirectingTo: "https://storage.example/x", status: status, []) {
                _, proxy in
                let answer = try proxy.request("GET", Self.blob, as: .alice)
                #expect(answer.status == 502)
            }
        }
    }

    @Test(
        "a redirect to the registry itself leads back to the proxy", arguments: ["pass", "follow"])
    func ownRedirect(kind: String) throws {
        let elsewhere = "/v2/team-a/y/blobs/\(RefusalTests.digest)"
        try withRegistry(redirectingTo: elsewhere, ["redirects: \(kind)"]) { registry, proxy in
            let answer = try proxy.request("GET", Self.blob, as: .alice)
            #expect(answer.status == 307)
            #expect(answer["Location"] == elsewhere)
            #expect(registry.requests.count == 1)
        }
    }

    @Test(
        "what is no URL of http or https is 502",
        arguments: ["ftp://a/b", "https://u:p@storage.example/", "https://", "javascript:1", "x"])
    func badLocation(location: String) throws {
        try withRegistry(redirectingTo: location, []) { _, proxy in
            let answer = try proxy.request("GET", Self.blob, as: .alice)
            #expect(answer.status == 502)
        }
    }
}
