// One process takes over from another, and nobody notices (`SIGUSR2`).

import Foundation
import NetIO
import TestSupport
import Testing

@Suite(.ownThreads) struct HandOverTests {
    /// The proxy that a test has started, and those that took over since.
    private struct Succession {
        let proxy: ProxyProcess

        init(_ settings: ProxySettings) throws { proxy = try ProxyProcess(settings) }

        /// Has the newest process hand over.
        /// - Parameter count: how often that was done before.
        @discardableResult
        func handOver(after count: Int = 0) throws -> Int32 {
            kill(try newest(of: count + 1), SIGUSR2)
            try proxy.waitForEvent("handover.done", after: count)
            return try newest(of: count + 2)
        }

        /// The newest of so many processes.
        func newest(of count: Int) throws -> Int32 {
            let ready = try proxy.waitForEvent("ready", after: count - 1)
            return Int32(try #require(ready.number("pid")))
        }

        /// Ends all of them.
        func end() {
            for line in proxy.program.errorLines {
                guard let pid = OwnEvent(line)?.number("pid") else { continue }
                kill(Int32(pid), SIGKILL)
            }
        }
    }

    @Test("clients that pull and push all the time see no failure, and the trail is whole")
    func load() throws {
        let registry = try DockerRegistry()
        defer { registry.stop() }
        var settings = ProxySettings(upstream: registry.url)
        settings.audit = "{ path: audit.log, signing_key_file: audit.key, checkpoint: 7 }"
        let succession = try Succession(settings)
        defer { succession.end() }
        let proxy = succession.proxy
        let isOver = Locked(false)
        let failures = Locked<[String]>([])
        let pushes = Locked(0)
        let crowd = Thread {
            inParallel(8) {
                do {
                    try work(proxy.plainPort, until: { isOver.withLock { $0 } }) {
                        pushes.withLock { $0 += 1 }
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            isOver.withLock { $0 = false }
        }
        crowd.start()
        var pid: Int32 = 0
        for count in 0..<2 {
            let before = pushes.withLock { $0 }
            _ = try eventually("they push", within: 60) {
                pushes.withLock { $0 } > before + 10 ? true : nil
            }
            pid = try succession.handOver(after: count)
            try proxy.waitForEvent("handover.ended", after: count)
        }
        isOver.withLock { $0 = true }
        _ = try eventually("the crowd is done", within: 60) { isOver.withLock { $0 } ? nil : true }
        #expect(failures.withLock { $0 } == [])
        #expect(try proxy.program.waitForExit() == 0, "the first process")
        kill(pid, SIGTERM)
        try proxy.waitForEvent("stopped", after: 2)
        try verifyTrail(of: proxy)
        let events = try proxy.directory.read("audit.log").split(separator: "\n")
        #expect(events.count { $0.contains("\"event\":\"server.started\"") } == 3)
        #expect(events.count { $0.contains("\"event\":\"server.stopped\"") } == 3)
        let records = events.count { $0.contains("\"event\":\"manifest.create\"") }
        #expect(records == pushes.withLock { $0 })
    }

    private func verifyTrail(of proxy: ProxyProcess) throws {
        let trail = proxy.directory.file("audit.log")
        let verified = try Command.run([Project.program, "audit", "verify", trail])
        #expect(verified.status == 0, "\(verified)")
    }

    @Test("where nobody does anything meanwhile the trail is whole as well")
    func silence() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.audit = "{ path: audit.log }"
        let succession = try Succession(settings)
        defer { succession.end() }
        let proxy = succession.proxy
        // Keeps the first process until the second has written all that it has to say.
        let idle = try proxy.connect()
        #expect(try idle.request("GET", "/v2/", as: .alice).status == 200)
        let pid = try succession.handOver()
        try proxy.waitForEvent("handover.ended")
        #expect(try proxy.request("GET", "/v2/team-b/x/tags/list", as: .alice).status == 403)
        kill(pid, SIGTERM)
        try proxy.waitForEvent("stopped", after: 1)
        let last = try proxy.directory.read("audit.log").split(separator: "\n").suffix(2)
        #expect(last.first?.contains("\"event\":\"access.denied\"") == true)
        #expect(last.last?.contains("\"event\":\"server.stopped\"") == true)
        try verifyTrail(of: proxy)
    }

    /// Pushes and pulls, on a connection that is made anew when an answer says that it closes.
    private func work(
        _ port: Int,
        until isOver: () -> Bool,
        pushed: () -> Void
    ) throws {
        let name = "team-a/\(UUID().uuidString.lowercased())"
        var client = try RawClient(port: port, within: 60)
        var count = 0
        func ask(_ method: String, _ target: String, _ fields: [String], _ body: [UInt8]?) throws
            -> Response
        {
            let answer = try client.request(method, target, as: .alice, fields, body: body)
            if answer["Connection"] == "close" {
                client.close()
                client = try RawClient(port: port, within: 60)
            }
            return answer
        }
        while !isOver() {
            count += 1
            let layer = Array("\(name)-\(count)".utf8)
            let digest = try digest(of: layer)
            let begun = try ask("POST", "/v2/\(name)/blobs/uploads/", [], nil)
            let place = try #require(begun["Location"])
            let put = try ask(
                "PUT", "\(place)&digest=\(digest)", ["Content-Type: application/octet-stream"],
                layer)
            try #require(put.status == 201, "\(put.text)")
            let manifest = try Manifest(config: layer, layers: [])
            let tagged = try ask(
                "PUT", "/v2/\(name)/manifests/v\(count)",
                ["Content-Type: \(Manifest.mediaType)"], manifest.bytes)
            try #require(tagged.status == 201, "\(tagged.text)")
            pushed()
            let pulled = try ask(
                "GET", "/v2/\(name)/manifests/v\(count)", ["Accept: \(Manifest.mediaType)"], nil)
            try #require(pulled.body == manifest.bytes)
        }
    }

    @Test("a new process that refuses its configuration takes nothing over")
    func brokenConfiguration() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.audit = "{ path: audit.log }"
        let succession = try Succession(settings)
        defer { succession.end() }
        let proxy = succession.proxy
        let working = try proxy.directory.read("registry-proxy.yaml")
        try proxy.directory.write("listen: nothing\n", to: "registry-proxy.yaml")
        proxy.program.signal(SIGUSR2)
        let failed = try proxy.waitForEvent("handover.failed")
        #expect(failed.string("message")?.contains("exit status 3") == true)
        #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200)
        // And the next one may.
        try proxy.directory.write(working, to: "registry-proxy.yaml")
        try succession.handOver()
        #expect(try proxy.program.waitForExit() == 0)
        #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200)
    }

    @Test("a running download is finished by the process that began it")
    func download() throws {
        let mayFinish = DispatchSemaphore(value: 0)
        let upstream = try RecordingUpstream(pausing: { mayFinish.wait() })
        defer { upstream.stop() }
        let succession = try Succession(ProxySettings(upstream: upstream.url))
        defer { succession.end() }
        let proxy = succession.proxy
        let client = try proxy.connect()
        try client.sendHead("GET", BodyTests.blob, as: .alice)
        _ = try client.reader.readHead()
        #expect(try client.reader.read(5) == Array("hello".utf8))
        let idle = try proxy.connect()
        #expect(try idle.request("GET", "/v2/", as: .alice)["Connection"] == nil)
        let pid = try succession.handOver()
        let last = try idle.request("GET", "/v2/", as: .alice)
        #expect(last.status == 200 && last["Connection"] == "close")
        // A second one has to wait until the first process is gone.
        kill(pid, SIGUSR2)
        let refused = try proxy.waitForEvent("handover.refused")
        #expect(refused.string("message")?.contains("has not ended yet") == true)
        mayFinish.signal()
        #expect(try client.reader.read(5) == Array("world".utf8))
        #expect(try proxy.program.waitForExit() == 0)
    }

    @Test("what takes over is the binary that is on disk by then")
    func newBinary() throws {
        let upstream = try RecordingUpstream()
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.launcher = ["sh", "-c", #"cp "$0" program && exec ./program "$@""#]
        let succession = try Succession(settings)
        defer { succession.end() }
        let proxy = succession.proxy
        let place = proxy.directory.file("program")
        try Command.check(["cp", place, "\(place).new"])
        try proxy.directory.move("program.new", to: "program")
        let pid = try succession.handOver()
        let running = try FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/\(pid)/exe")
        #expect(running == place)
        #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200)
        #expect(try proxy.program.waitForExit() == 0)
    }

    @Test("two processes do not push the same tag at once")
    func locks() throws {
        let mayFinish = DispatchSemaphore(value: 0)
        let upstream = try RecordingUpstream { exchange in
            guard exchange.method == "PUT" else {
                return try exchange.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            }
            mayFinish.wait()
            try exchange.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        }
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.rules = OverwriteTests.rules
        let succession = try Succession(settings)
        defer { succession.end() }
        let proxy = succession.proxy
        let manifest = try Manifest(config: [1], layers: []).bytes
        func push(_ client: RawClient, _ tag: String) throws {
            try client.sendHead(
                "PUT", "/v2/prod/api/manifests/\(tag)", as: .carol,
                ["Content-Type: \(Manifest.mediaType)", "Content-Length: \(manifest.count)"])
            try client.send(manifest)
        }
        let first = try proxy.connect()
        try push(first, "v1")
        // It is asked what the tag is, and then told.
        try upstream.waitForRequests(2)
        try succession.handOver()
        let second = try proxy.connect()
        try push(second, "v1")
        let other = try proxy.connect()
        try push(other, "v2")
        try upstream.waitForRequests(4)
        // Meanwhile the second one has asked many times whether it may.
        let third = try proxy.connect()
        for _ in 0..<100 {
            _ = try third.request("GET", "/v2/prod/api/tags/list", as: .carol)
        }
        let pushes = upstream.requests.filter { $0.method == "PUT" }.map(\.target)
        #expect(pushes.sorted() == ["v1", "v2"].map { "/v2/prod/api/manifests/\($0)" })
        for _ in 0..<3 { mayFinish.signal() }
        for client in [first, second, other] {
            #expect(try client.readResponse(answering: "PUT").status == 201)
        }
    }
}
