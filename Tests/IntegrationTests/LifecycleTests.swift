// Start, drain, end, and the exit codes that scripts rely on.

import Foundation
import TestSupport
import Testing

@Suite(.ownThreads) struct LifecycleTests {
    @Test("SIGTERM finishes what runs, refuses what is new, and exits with 0")
    func drain() throws {
        let mayFinish = DispatchSemaphore(value: 0)
        let upstream = try RecordingUpstream(pausing: { mayFinish.wait() })
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        let idle = try proxy.connect()
        #expect(try idle.request("GET", "/v2/", as: .alice).status == 200)
        let client = try proxy.connect()
        try client.sendHead("GET", BodyTests.blob, as: .alice)
        let head = try client.reader.readHead()
        #expect(try client.reader.read(5) == Array("hello".utf8))
        proxy.program.signal(SIGTERM)
        try proxy.waitForEvent("draining")
        #expect(try idle.reader.readToEnd().bytes.isEmpty, "idle connections are closed")
        _ = try eventually("new connections are refused") {
            (try? proxy.connect()) == nil ? true : nil
        }
        mayFinish.signal()
        #expect(head["Content-Length"] == "10")
        #expect(try client.reader.read(5) == Array("world".utf8))
        let stopped = try proxy.waitForEvent("stopped")
        #expect(stopped.number("cut") == 0)
        #expect(try proxy.program.waitForExit() == 0)
        #expect(try proxy.accessLines().count == 2)
    }

    @Test("what is not finished within timeouts.drain is cut, and logged as that")
    func drainCuts() throws {
        let upstream = try RecordingUpstream { exchange in
            try exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            try exchange.waitForEnd()
        }
        defer { upstream.stop() }
        var settings = ProxySettings(upstream: upstream.url)
        settings.more = ["timeouts: { drain: 1s }"]
        let proxy = try ProxyProcess(settings)
        let client = try proxy.connect()
        try client.sendHead("GET", BodyTests.blob, as: .alice)
        _ = try client.reader.readHead()
        proxy.program.signal(SIGTERM)
        #expect(try proxy.program.waitForExit() == 0)
        let stopped = try proxy.waitForEvent("stopped")
        #expect(stopped.number("cut") == 1)
        let line = try #require(proxy.accessLines(having: "blob.get").first)
        #expect(line["outcome"] == "timeout:drain")
    }

    @Test("a second SIGTERM ends at once, with the log written")
    func secondSignal() throws {
        let upstream = try RecordingUpstream { try $0.waitForEnd() }
        defer { upstream.stop() }
        let proxy = try ProxyProcess(upstream: upstream.url)
        let client = try proxy.connect()
        try client.sendHead("GET", BodyTests.blob, as: .alice)
        try upstream.waitForRequests(1)
        proxy.program.signal(SIGTERM)
        try proxy.waitForEvent("draining")
        proxy.program.signal(SIGTERM)
        _ = try proxy.program.waitForExit(within: 5)
        #expect(try proxy.accessLines().count == 1)
    }

    @Test("SIGHUP takes a renewed certificate")
    func certificate() throws {
        let certificates = try Certificates.shared()
        let name = "renewed-\(UUID().uuidString.prefix(8))"
        let path = try certificates.issue(commonName: "before.test", to: "\(name).crt")
        var settings = ProxySettings(upstream: OwnAnswerTests.deadUpstream)
        settings.certificate = path
        let proxy = try ProxyProcess(settings)
        defer { proxy.stop() }
        #expect(try proxy.certificateSubject().contains("before.test"))
        try certificates.issue(commonName: "after.test", to: "\(name).crt")
        proxy.program.signal(SIGHUP)
        try proxy.waitForEvent("config.reloaded")
        #expect(try proxy.certificateSubject().contains("after.test"))
    }

    @Test("an address that is taken is exit code 4")
    func takenAddress() throws {
        let taken = try Socket.listen()
        let directory = try TemporaryDirectory()
        let address = "listen: [{ address: 127.0.0.1:\(taken.port) }]\n"
        let text = address + "upstream: { url: http://127.0.0.1:1 }\n"
        let path = try directory.write(text, to: "c.yaml")
        let finished = try Command.run([Project.program, "serve", "--config", path], within: 20)
        #expect(finished.status == 4, "\(finished)")
        #expect(finished.errorText.contains("\(taken.port)"))
    }
}
