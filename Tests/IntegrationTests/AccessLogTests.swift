// One line per request, on every way out, and no line that a client could have written.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct AccessLogTests {
    /// The order of product.md section 7.
    static let keyOrder = [
        "ts", "id", "client", "user", "auth", "method", "path", "operation", "repository",
        "reference", "status", "outcome", "decision", "rules", "bytes_in", "bytes_out",
        "first_byte_ms", "duration_ms", "upstream_ms", "user_agent", "tls", "user_claimed",
        "query", "truncated", "shadow",
    ]

    private func withProxy(_ body: (RecordingUpstream, ProxyProcess) throws -> Void) throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        defer { proxy.stop() }
        try body(upstream, proxy)
    }

    private func expectShape(_ line: AccessLine) {
        let places = line.keys.map { Self.keyOrder.firstIndex(of: $0) }
        #expect(!places.contains(nil), "an unknown key: \(line)")
        let known = places.compactMap { $0 }
        #expect(known == known.sorted() && Set(known).count == known.count, "\(line.keys)")
        let time = line["ts"] ?? ""
        let pattern = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z/
        #expect(time.wholeMatch(of: pattern) != nil, "\(time)")
        for key in ["id", "client", "outcome"] { #expect(line[key] != nil, "\(key): \(line)") }
        #expect(line.number("status") != nil && line.number("duration_ms") != nil)
    }

    @Test("credentials that a lost line end puts behind the user agent are not shown")
    func lostLineEnd() throws {
        try withProxy { _, proxy in
            for (agent, isShown) in [
                ("curl/8.0Authorization: Basic YWxpY2U6YWxpY2Utc2VjcmV0", false),
                ("curl/8.0 authorization:bEARER rp_0123456789", false),
                ("Visual Basic 6.0 (bearer of news)", true),
            ] {
                let answer = try proxy.request("GET", "/v2/", as: .alice, ["User-Agent: \(agent)"])
                let line = try #require(proxy.accessLines(about: answer).first)
                #expect(line["user_agent"] == (isShown ? agent : nil))
            }
        }
    }

    @Test("a request that was answered by the upstream tells all")
    func complete() throws {
        try withProxy { _, proxy in
            let target = "/v2/team-a/x/manifests/v1"
            let answer = try proxy.request("GET", target, as: .alice, ["User-Agent: test/1"])
            let lines = try proxy.accessLines(about: answer)
            #expect(lines.count == 1)
            let line = try #require(lines.first)
            expectShape(line)
            #expect(line["client"] == "127.0.0.1")
            #expect(line["user"] == "alice" && line["auth"] == "htpasswd")
            #expect(line["method"] == "GET" && line["path"] == target)
            #expect(line["operation"] == "manifest.get")
            #expect(line["repository"] == "team-a/x" && line["reference"] == "v1")
            #expect(line.number("status") == 200 && line["outcome"] == "complete")
            #expect(line["decision"] == "allowed" && line.strings("rules") == ["team-a"])
            #expect(line.number("bytes_in") ?? 0 == 0 && line.number("bytes_out") == 2)
            #expect(line.number("upstream_ms") != nil && line.number("first_byte_ms") != nil)
            #expect(line["user_agent"] == "test/1")
            #expect(line["tls"] == nil && line["user_claimed"] == nil)
        }
    }

    @Test("each refusal has its line, with what is known by then")
    func refusals() throws {
        try withProxy { _, proxy in
            let target = "/v2/team-a/x/manifests/v1"
            let wrong = try proxy.request("GET", target, as: TestUser("alice", "guess-me"))
            let wrongLine = try #require(proxy.accessLines(about: wrong).first)
            #expect(wrongLine["user"] == nil && wrongLine["user_claimed"] == "alice")
            #expect(wrongLine.number("status") == 401 && wrongLine["outcome"] == "refused")
            let denied = try proxy.request("GET", target, as: .bob)
            let deniedLine = try #require(proxy.accessLines(about: denied).first)
            #expect(deniedLine["user"] == "bob" && deniedLine["decision"] == "denied")
            #expect(deniedLine.number("status") == 403 && deniedLine["outcome"] == "refused")
            let unknown = try proxy.request("GET", "/v2/nope", as: .alice)
            let unknownLine = try #require(proxy.accessLines(about: unknown).first)
            #expect(unknownLine["operation"] == "unknown")
            let malformed = try proxy.request("GET", "/v2/%41/x", as: .alice)
            let malformedLine = try #require(proxy.accessLines(about: malformed).first)
            #expect(malformedLine.number("status") == 400)
            let anonymous = try proxy.request("GET", "/v2/public/x/tags/list")
            let anonymousLine = try #require(proxy.accessLines(about: anonymous).first)
            #expect(anonymousLine["auth"] == "anonymous" && anonymousLine["user"] == nil)
            for line in [wrongLine, deniedLine, unknownLine, malformedLine, anonymousLine] {
                expectShape(line)
            }
            let all = try proxy.accessLines().joined()
            let login = String(TestUser.alice.authorization.dropFirst(6))
            for secret in ["guess-me", "s3cret", login] {
                #expect(!all.contains(secret))
            }
            #expect(!proxy.program.errorLines.joined().contains("guess-me"))
        }
    }

    @Test("the query is told by its known keys alone")
    func query() throws {
        try withProxy { _, proxy in
            let target = "/v2/team-a/y/blobs/uploads/?mount=\(MountTests.digest)&from=team-a/x&ns=h"
            let answer = try proxy.request("POST", target, as: .alice)
            let line = try #require(proxy.accessLines(about: answer).first)
            #expect(line["path"] == "/v2/team-a/y/blobs/uploads/")
            #expect(line.text.contains(MountTests.digest) && !line.text.contains("ns"))
        }
    }

    @Test("nothing that a client sends splits, ends or forges a line")
    func forgery() throws {
        try withProxy { _, proxy in
            let agent = #"x","user":"operator","y":"\u0000 \n \" \\ }"#
            let answer = try proxy.request(
                "GET",
                #"/v2/team-a/x","status":200,"y/manifests/v1"#,
                as: TestUser(#"a"b\c"#, "pw"),
                ["User-Agent: \(agent)\u{7f}\t\u{e9}"]
            )
            #expect(answer.status >= 400)
            let again = try proxy.request("GET", "/v2/", as: .alice, ["User-Agent: \(agent)"])
            let line = try #require(proxy.accessLines(about: again).first)
            #expect(line["user"] == "alice")
            #expect(line["user_agent"] == agent)
            for text in try proxy.accessLines() {
                let parsed = try #require(AccessLine(text), "not JSON: \(text)")
                expectShape(parsed)
            }
            #expect(try proxy.accessLines().count == 2)
        }
    }

    @Test("a path longer than 2,048 bytes is cut, and says so")
    func longPath() throws {
        try withProxy { _, proxy in
            let path = "/v2/" + String(repeating: "a/", count: 2000) + "manifests/v1"
            let answer = try proxy.request("GET", path, as: .alice)
            let line = try #require(proxy.accessLines(about: answer).first)
            #expect(line["path"]?.utf8.count == 2048)
            #expect(line.keys.contains("truncated"))
        }
    }

    @Test("a connection that asks for nothing writes no line")
    func silence() throws {
        try withProxy { _, proxy in
            for _ in 0..<5 { try proxy.connect().close() }
            let answer = try proxy.request("GET", "/v2/", as: .alice)
            _ = try proxy.accessLines(about: answer)
            #expect(try proxy.accessLines().count == 1)
        }
    }

    @Test("lines are there at once after SIGUSR1, in a new file")
    func reopening() throws {
        try withProxy { _, proxy in
            let first = try proxy.request("GET", "/v2/", as: .alice)
            _ = try proxy.accessLines(about: first)
            let file = proxy.directory.file("access.log")
            try FileManager.default.moveItem(atPath: file, toPath: file + ".1")
            proxy.program.signal(SIGUSR1)
            _ = try eventually("a new access log") {
                FileManager.default.fileExists(atPath: file) ? true : nil
            }
            let second = try proxy.request("GET", "/v2/", as: .alice)
            _ = try proxy.accessLines(about: second)
            #expect(try proxy.accessLines().count == 1)
            #expect(try proxy.accessLines("access.log.1").count == 1)
        }
    }

    @Test("the combined format is that of Apache and nginx, with the user")
    func combined() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.accessLogFormat = "combined"
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        let target = "/v2/team-a/x/manifests/v1"
        _ = try proxy.request("GET", target, as: .alice, ["User-Agent: te\"st"])
        let line = try eventually("a line") { try proxy.accessLines().first }
        let pattern =
            #/127\.0\.0\.1 - alice \[[^\]]+ [+-]\d{4}\] "GET \S+ HTTP/1\.1" 200 2 "-" "te.+st"/#
        #expect(line.wholeMatch(of: pattern) != nil, "\(line)")
    }
}
