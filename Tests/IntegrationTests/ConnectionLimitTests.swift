// Limits on connections, and peers that are too slow.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct ConnectionLimitTests {
    private static let target = "/v2/team-a/x/tags/list"

    private func withProxy(
        _ more: [String],
        _ listenKeys: [String] = [],
        _ body: (RecordingUpstream, ProxyProcess) throws -> Void
    ) throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.more = more
        settings.listenKeys = listenKeys
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        try body(upstream, proxy)
    }

    @Test("as many files may be open as the system grants, and too few of them are said")
    func descriptorLimit() throws {
        try withProxy(["limits: { connections: 1000000 }"]) { _, proxy in
            let limits = try String(contentsOfFile: "/proc/\(proxy.pid)/limits", encoding: .utf8)
            let line = try #require(
                limits.split(separator: "\n").first { $0.hasPrefix("Max open") })
            let words = line.split(separator: " ").dropFirst(3)
            #expect(words.first == words.dropFirst().first, "soft limit, hard limit: \(line)")
            guard let granted = words.first.flatMap({ Int($0) }), granted < 2_000_100 else {
                return
            }
            let warning = try proxy.waitForEvent("limits.descriptors")
            #expect(warning.number("granted") == granted)
            #expect(warning.number("wanted") == 2_000_100)
        }
    }

    @Test(
        "beyond a limit a connection is closed before anything is read, and counted",
        arguments: ["connections", "connections_per_client"])
    func beyondLimit(key: String) throws {
        try withProxy(["limits: { \(key): 2 }"]) { _, proxy in
            let clients = try (0..<2).map { _ in try proxy.connect() }
            for client in clients {
                #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
            }
            let third = try proxy.connect()
            #expect(try third.reader.readToEnd().bytes.isEmpty)
            let reason = key == "connections" ? "all" : "per_client"
            let name = "registry_proxy_connections_refused_total"
            #expect(try proxy.metric(name, where: "reason=\"\(reason)\"") == 1)
            clients[0].close()
            _ = try eventually("a place for another connection") { () -> Bool? in
                guard let client = try? proxy.connect() else { return nil }
                defer { client.close() }
                return (try? client.request("GET", "/v2/", as: .alice))?.status == 200 ? true : nil
            }
        }
    }

    @Test("the connections of trusted proxies are of many clients, and not counted as one's")
    func trustedProxies() throws {
        let keys = ["trusted_proxies: [127.0.0.0/8]"]
        try withProxy(["limits: { connections_per_client: 1 }"], keys) { _, proxy in
            let clients = try (0..<4).map { _ in try proxy.connect() }
            for client in clients {
                #expect(try client.request("GET", "/v2/", as: .alice).status == 200)
            }
        }
    }

    @Test("an upload slower than the minimum rate is cut, one without a minimum goes on")
    func slowUpload() throws {
        let session = "/v2/team-a/x/blobs/uploads/6f1e?_state=s"
        let stall = "timeouts: { stall: 500ms }"
        try withProxy(["limits: { minimum_rate: 100KiB }", stall]) { _, proxy in
            let client = try proxy.connect()
            try client.sendHead("PATCH", session, as: .alice, ["Content-Length: 1000000"])
            let answer = try eventually("the end of patience") { () -> Response? in
                try? client.send([1])
                guard client.socket.hasInput else { return nil }
                return try client.readResponse(answering: "PATCH")
            }
            #expect(answer.status == 408)
            let line = try #require(proxy.accessLines(having: "PATCH").first)
            #expect(line["outcome"] == "timeout:stall")
        }
        try withProxy([stall]) { _, proxy in
            let client = try proxy.connect()
            try client.sendHead("PATCH", session, as: .alice, ["Content-Length: 30"])
            for _ in 0..<30 {
                try client.send([1])
                _ = try? eventually("a while", within: 0.05) { () -> Bool? in nil }
            }
            #expect(try client.readResponse(answering: "PATCH").status == 202)
        }
    }

    /// Beyond the descriptors that the process may have, connections wait in the backlog.
    @Test("out of descriptors, the proxy waits and recovers")
    func descriptors() throws {
        try withProxy([]) { _, proxy in
            try Command.check(["prlimit", "--pid", "\(proxy.pid)", "--nofile=40:40"])
            let clients = try (0..<60).map { _ in try proxy.connect() }
            #expect(try clients[0].request("GET", "/v2/", as: .alice).status == 200)
            for client in clients { client.close() }
            _ = try eventually("a request served as before") {
                try proxy.request("GET", Self.target, as: .alice).status == 200 ? true : nil
            }
        }
    }

    @Test("a body in chunks of one byte goes upstream in larger pieces")
    func tinyChunks() throws {
        try withProxy([]) { upstream, proxy in
            let client = try proxy.connect()
            let session = "/v2/team-a/x/blobs/uploads/6f1e?_state=s"
            try client.sendHead("PATCH", session, as: .alice, ["Transfer-Encoding: chunked"])
            let chunks = String(repeating: "1\r\nx\r\n", count: 100_000) + "0\r\n\r\n"
            try client.send(chunks)
            #expect(try client.readResponse(answering: "PATCH").status == 202)
            #expect(upstream.requests.first?.bodyCount == 100_000)
            // 600,000 bytes came in.
            #expect(upstream.bytes.count < 150_000)
        }
    }
}
