// Slow and silent peers: every wait has a deadline, and the log says which one it was.

import TestSupport
import Testing

@Suite(.ownThreads) struct DeadlineTests {
    static let session = "/v2/team-a/x/blobs/uploads/6f1e?_state=s"
    static let blob = "/v2/team-a/x/blobs/\(RefusalTests.digest)"
    static let manifest = "/v2/team-a/x/manifests/v1"

    /// A proxy with short time-outs, with fault proxies on both sides of it.
    struct Stage {
        let upstream: RecordingUpstream
        let behind: FaultProxy
        let proxy: ProxyProcess

        init(
            _ timeouts: String,
            script: @escaping RecordingUpstream.Script = { try $0.answerLikeARegistry() }
        ) throws {
            upstream = try RecordingUpstream(script: script)
            behind = try FaultProxy(to: upstream.port)
            var settings = ProxySettings(upstream: behind.url)
            settings.more = ["timeouts: { \(timeouts) }"]
            proxy = try ProxyProcess(settings)
        }

        /// A client behind faults of its own.
        func client(
            up: [Fault] = [],
            down: [Fault] = []
        ) throws -> (client: RawClient, faults: FaultProxy) {
            let faults = try FaultProxy(to: proxy.plainPort, up: up, down: down)
            return (try RawClient(port: faults.port, within: 60), faults)
        }

        /// The only line of an operation: what it says of the end.
        func outcome(_ operation: String) throws -> String? {
            try proxy.accessLines(having: "\"operation\":\"\(operation)\"").first?["outcome"]
        }

        func stop() {
            upstream.stop()
            behind.stop()
            proxy.stop()
        }
    }

    @Test("a head that comes byte by byte is late, though something comes all the time")
    func tricklingHead() throws {
        let stage = try Stage("request_head: 1s")
        defer { stage.stop() }
        let (client, faults) = try stage.client(up: [.rate(bytesPerSecond: 20)])
        defer { faults.stop() }
        try client.sendHead("GET", Self.manifest, as: .alice)
        let answer = try client.readResponse(answering: "GET")
        #expect(answer.status == 408 && answer.errorCode == "BAD_REQUEST")
        #expect(answer["Connection"] == "close")
        let line = try #require(try stage.proxy.accessLines(about: answer).first)
        #expect(line["outcome"] == "timeout:request_head")
        #expect(stage.upstream.requests.isEmpty)
    }

    @Test("an upload that stands still is cut, and never whole at the registry")
    func stalledUpload() throws {
        let stage = try Stage("stall: 1s")
        defer { stage.stop() }
        let (client, faults) = try stage.client()
        defer { faults.stop() }
        try client.sendHead("PATCH", Self.session, as: .alice, ["Content-Length: 10"])
        try stage.upstream.waitForRequests(1, within: 60)
        try faults.set(up: [.blackHole(after: 5)])
        try client.send("0123456789")
        let answer = try client.readResponse(answering: "PATCH")
        #expect(answer.status == 408)
        #expect(try stage.outcome("upload.patch") == "timeout:stall")
        try stage.upstream.waitForEnd(of: 0)
        #expect(stage.upstream.requests.first?.bodyIsComplete == false)
    }

    @Test("an upload that is slow and moves is not cut")
    func slowUpload() throws {
        let stage = try Stage("stall: 1s, request_head: 60s")
        defer { stage.stop() }
        let (client, faults) = try stage.client()
        defer { faults.stop() }
        try client.sendHead("PATCH", Self.session, as: .alice, ["Content-Length: 2000"])
        try stage.upstream.waitForRequests(1, within: 60)
        try faults.set(up: [.rate(bytesPerSecond: 1000)])
        try client.send([UInt8](repeating: 7, count: 2000))
        #expect(try client.readResponse(answering: "PATCH").status == 202)
        #expect(try stage.outcome("upload.patch") == "complete")
        #expect(stage.upstream.requests.first?.bodyCount == 2000)
    }

    @Test("a manifest has a deadline for the whole of it")
    func tricklingManifest() throws {
        let stage = try Stage("manifest_body: 1s")
        defer { stage.stop() }
        let (client, faults) = try stage.client()
        defer { faults.stop() }
        let fields = ["Content-Length: 1000", "Expect: 100-continue"]
        try client.sendHead("PUT", Self.manifest, as: .alice, fields)
        _ = try client.reader.readHead()
        try faults.set(up: [.rate(bytesPerSecond: 40)])
        try client.send([UInt8](repeating: 0x20, count: 1000))
        #expect(try client.readResponse(answering: "PUT").status == 408)
        #expect(try stage.outcome("manifest.put") == "timeout:manifest_body")
        #expect(stage.upstream.requests.isEmpty)
    }

    @Test("a reader that stops reading is cut, and the registry let go")
    func stalledReader() throws {
        let stage = try Stage("stall: 1s") { exchange in
            try exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            while true { try exchange.send(piece) }
        }
        defer { stage.stop() }
        let (client, faults) = try stage.client(down: [.blackHole(after: 10_000)])
        defer { faults.stop() }
        try client.sendHead("GET", Self.blob, as: .alice)
        try stage.upstream.waitForEnd(of: 0)
        #expect(try stage.outcome("blob.get") == "timeout:stall")
    }

    @Test("a registry that says nothing is 504, and each kind of request has its own patience")
    func silentRegistry() throws {
        let stage = try Stage("upstream_response: 1s, upstream_commit: 2s")
        defer { stage.stop() }
        try stage.behind.set(down: [.blackHole(after: 0)])
        let proxy = stage.proxy
        let pull = try proxy.connect(within: 60).request("GET", Self.manifest, as: .alice)
        #expect(pull.status == 504 && pull.errorCode == "UNAVAILABLE")
        #expect(try stage.outcome("manifest.get") == "timeout:upstream_response")
        let target = Self.session + "&digest=" + RefusalTests.digest
        let push = try proxy.connect(within: 60).request("PUT", target, as: .alice, body: [1])
        #expect(push.status == 504)
        #expect(try stage.outcome("upload.put") == "timeout:upstream_commit")
        #expect(stage.upstream.requests.count == 2, "nothing was sent twice")
        try stage.behind.set()
        let after = try proxy.connect(within: 60).request("GET", Self.manifest, as: .alice)
        #expect(after.status == 200, "it recovers by itself")
    }

    @Test("a registry that stops within an answer leaves a torso that looks like one")
    func stalledAnswer() throws {
        let stage = try Stage("stall: 1s") { exchange in
            try exchange.answer("200 OK", body: String(repeating: "x", count: 5000))
        }
        defer { stage.stop() }
        try stage.behind.set(down: [.blackHole(after: 1000)])
        let client = try stage.proxy.connect(within: 60)
        try client.sendHead("GET", Self.blob, as: .alice)
        let head = try client.reader.readHead()
        #expect(head["Content-Length"] == "5000")
        #expect(throws: MessageError.self) { try client.reader.readBody(of: head) }
        #expect(try stage.outcome("blob.get") == "timeout:stall")
    }

    @Test("a registry that breaks off is a broken answer, and the next one is whole")
    func brokenAnswer() throws {
        let stage = try Stage("stall: 30s") { exchange in
            try exchange.answer("200 OK", body: String(repeating: "x", count: 5000))
        }
        defer { stage.stop() }
        for fault in [Fault.cut(after: 1000), .reset(after: 1000)] {
            try stage.behind.set(down: [fault])
            let client = try stage.proxy.connect(within: 60)
            try client.sendHead("GET", Self.blob, as: .alice)
            let head = try client.reader.readHead()
            #expect(throws: MessageError.self) { try client.reader.readBody(of: head) }
            try stage.behind.set()
            let whole = try stage.proxy.connect(within: 60).request("GET", Self.blob, as: .alice)
            #expect(whole.body.count == 5000)
        }
        let lines = try stage.proxy.accessLines(having: "upstream_aborted", 2)
        #expect(lines.count == 2)
    }

    @Test(
        "everybody gets their own answer from a registry that says everything twice",
        arguments: [Fault.duplicateAnswers, .garbage(after: 200)])
    func answersTwice(fault: Fault) throws {
        let stage = try Stage("stall: 30s") { exchange in
            try exchange.answer("200 OK", body: exchange.target)
        }
        defer { stage.stop() }
        try stage.behind.set(down: [fault])
        let client = try stage.proxy.connect(within: 60)
        for number in 0..<10 {
            let target = "/v2/team-a/x/manifests/v\(number)"
            let answer = try client.request("GET", target, as: .alice)
            #expect(answer.status == 502 || answer.text == target, "\(answer.text)")
        }
    }
}
