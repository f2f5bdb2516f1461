// Pushes that outlive their token, before a real registry.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct UploadTicketTests {
    @Test("a push begun with a good token is finished with it after its end, and nothing else is")
    func tickets() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        var settings = ProxySettings.withTokens(upstream: registry.url)
        settings.rules.append(#"{ id: b, who: ["user:bob"], repos: ["team-a/**"], allow: [push] }"#)
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let scope = "repository:team-a/x:pull,push repository:team-a/y:pull,push"
        let token = try proxy.signedToken("alice", scope, expiresIn: 4)
        let mine = ["Authorization: Bearer \(token)"]
        func open(_ name: String) throws -> String {
            let answer = try proxy.request("POST", "/v2/\(name)/blobs/uploads/", mine)
            #expect(answer.status == 202)
            return answer["Location"] ?? ""
        }
        let session = try open("team-a/x")
        let other = try open("team-a/x")
        let elsewhere = try open("team-a/y")
        #expect(session.contains("&_pt="))
        try proxy.waitForEnd(of: token)
        let bytes = Array("a layer".utf8)
        let octets = mine + ["Content-Type: application/octet-stream"]
        func patch(_ target: String, _ fields: [String]) throws -> Int {
            let answer = try proxy.request("PATCH", target, as: nil, fields, body: bytes)
            return answer.status
        }
        // Another user, another session, another repository, no ticket, no token.
        let bob = try proxy.signedToken("bob", scope, expiresIn: -1)
        #expect(try patch(session, ["Authorization: Bearer \(bob)"]) == 401)
        func parts(_ location: String) -> (front: String, ticket: String) {
            let pieces = location.components(separatedBy: "&_pt=")
            return (pieces[0], pieces.count > 1 ? pieces[1] : "")
        }
        #expect(try patch("\(parts(session).front)&_pt=\(parts(other).ticket)", octets) == 401)
        #expect(try patch("\(parts(session).front)&_pt=\(parts(elsewhere).ticket)", octets) == 401)
        #expect(try patch(parts(session).front, octets) == 401)
        #expect(try patch(session, ["Content-Type: application/octet-stream"]) == 401)
        // A rule stops it, and lets it go on.
        var closed = settings
        closed.rules = settings.rules.filter { !$0.contains("user:alice") }
        try proxy.reload(closed)
        #expect(try patch(session, octets) == 403)
        try proxy.reload(settings)
        // The session itself.
        let sent = try proxy.request("PATCH", session, as: nil, octets, body: bytes)
        #expect(sent.status == 202)
        let next = sent["Location"] ?? ""
        #expect(parts(next).ticket == parts(session).ticket, "copied, not renewed")
        let digest = try digest(of: bytes)
        let put = try proxy.request("PUT", "\(next)&digest=\(digest)", mine)
        #expect(put.status == 201)
        // Neither a manifest nor a new session.
        let manifest = try proxy.request(
            "PUT", "/v2/team-a/x/manifests/v1", as: nil,
            mine + ["Content-Type: application/vnd.oci.image.manifest.v1+json"],
            body: Array("{}".utf8))
        #expect(manifest.status == 401)
        let start = try proxy.request("POST", "/v2/team-a/x/blobs/uploads/", mine)
        #expect(start.status == 401)
        let blob = try proxy.request("GET", "/v2/team-a/x/blobs/\(digest)", as: .alice)
        #expect(blob.body == bytes)
    }

    @Test("the registry never sees a ticket, and a password needs none")
    func stripped() throws {
        let upstream = try RecordingUpstream { exchange in
            try exchange.dropBody()
            try exchange.answer(
                "202 Accepted", ["Location: /v2/team-a/x/blobs/uploads/u1?_state=a%2Fb"])
        }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(ProxySettings.withTokens(upstream: upstream.url))
        defer { proxy.stop() }
        let token = try proxy.token("scope=repository:team-a/x:pull,push", as: .alice)
        let uploads = "/v2/team-a/x/blobs/uploads/"
        let withToken = try proxy.request("POST", uploads, [token.field])
        let location = withToken["Location"] ?? ""
        #expect(location.hasPrefix("/v2/team-a/x/blobs/uploads/u1?_state=a%2Fb&_pt="))
        let withPassword = try proxy.request("POST", uploads, as: .alice)
        #expect(withPassword["Location"] == "/v2/team-a/x/blobs/uploads/u1?_state=a%2Fb")
        let reordered = location.replacing("?_state=a%2Fb&", with: "?")
        for target in [location, reordered + "&_state=a%2Fb"] {
            _ = try proxy.request("PATCH", target, as: nil, [token.field], body: [1])
        }
        let seen = upstream.requests.map(\.target).filter { $0.contains("u1") }
        #expect(seen == Array(repeating: "/v2/team-a/x/blobs/uploads/u1?_state=a%2Fb", count: 2))
        #expect(!upstream.saw("_pt"))
    }
}
