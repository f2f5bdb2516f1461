// A proxy and a recorder for the cases of one corpus file, and what holds for every case.

import Foundation
import NetIO
import TestSupport
import Testing

/// Plays cases one after another.
final class CorpusStage: Sendable {
    static let secret = "sEcReT-w0rd"
    static let digest = "sha256:" + String(repeating: "a", count: 64)
    static let words = [
        "alice": "Authorization: \(TestUser.alice.authorization)",
        "manifest": "/v2/team-a/x/manifests/v1",
        "blob": "/v2/team-a/x/blobs/\(digest)",
        "upload": "/v2/team-a/x/blobs/uploads/6f1e?_state=s",
        "digest": digest,
        "secret": secret,
    ]

    private let upstream: RecordingUpstream
    private let proxy: ProxyProcess
    private let part: RegistryPart
    private let seen = Locked(0)
    private let lines = Locked(0)

    init() throws {
        let part = RegistryPart()
        self.part = part
        upstream = try RecordingUpstream { try part.answer($0) }
        var settings = ProxySettings(upstream: upstream.url)
        settings.more = ["timeouts: { linger: 5s }"]
        proxy = try ProxyProcess(settings)
    }

    func stop() {
        upstream.stop()
        proxy.stop()
    }

    func play(_ each: CorpusCase) {
        do {
            part.begin(each.registry)
            var player = try CorpusPlayer(each, on: proxy, part: part, upstream: upstream)
            try player.play()
            try checkRequests(of: each, player)
            if !each.registry.isEmpty { try playNext(after: each, player) }
            countLines(of: each, player)
        } catch {
            Issue.record("\(each): \(error)")
            // The next case begins with what there is.
            seen.withLock { $0 = upstream.requests.count }
        }
    }

    /// Another request must get its own answer, whatever the registry has sent before.
    private func playNext(after each: CorpusCase, _ player: CorpusPlayer) throws {
        let before = upstream.requests.last?.connection
        // Each loop has connections of its own to the registry. A client that comes while the one
        // before it is still leaving may get another loop; the next one does not. Only a reuse that
        // was missed is tried again: one that must not be counts at once.
        var clients = player.isOpen ? [player.client] : []
        var isSame: Bool
        repeat {
            if !player.isOpen { clients.append(try proxy.connect(within: 60)) }
            let client = try #require(clients.last)
            let answer = try client.request("GET", "/v2/team-a/next/manifests/v1", as: .alice)
            #expect(answer.status == 200 && answer.text == "{}", "\(each): the next answer")
            let requests = upstream.requests
            seen.withLock { $0 = requests.count }
            lines.withLock { $0 += 1 }
            isSame = requests.last?.connection == before
        } while each.reuses && !isSame && !player.isOpen && clients.count < 3
        #expect(isSame == each.reuses, "\(each): the registry's connection")
    }

    private func checkRequests(of each: CorpusCase, _ player: CorpusPlayer) throws {
        let first = seen.withLock { $0 }
        let all = try upstream.waitForRequests(first + each.requests.count, within: 60)
        seen.withLock { $0 = all.count }
        let came = all[first...]
        for request in came {
            for problem in UpstreamJudge.problems(of: request, on: upstream.port) {
                Issue.record("\(each): the registry got \(problem)")
            }
        }
        guard each.registry.isEmpty || !each.requests.isEmpty else { return }
        #expect(came.count <= each.requests.count, "\(each): \(came.map(\.head.startLine))")
        for (index, expected) in each.requests.enumerated() {
            if !expected.isWhole { try upstream.waitForEnd(of: came[first + index].connection) }
            // What came of the body meanwhile counts as well.
            check(upstream.requests[first + index], expected, "\(each)")
        }
    }

    private func check(
        _ request: UpstreamRequest,
        _ expected: ExpectedRequest,
        _ name: String
    ) {
        #expect(request.head.startLine == "\(expected.line) HTTP/1.1", "\(name)")
        #expect(request.bodyIsComplete == expected.isWhole, "\(name): whole or not")
        for field in expected.fields {
            let values = request.head.values(field.name)
            #expect(values == [field.value], "\(name): \(field.name) at the registry")
        }
        for field in expected.absentFields {
            #expect(request.head.values(field).isEmpty, "\(name): \(field) at the registry")
        }
        if let body = expected.body { #expect(request.body == body, "\(name): the body") }
    }

    private func countLines(of each: CorpusCase, _ player: CorpusPlayer) {
        let finals = each.answers.filter { !(100..<200).contains($0.statuses.first ?? 0) }
        let count = (each.lineCount ?? max(1, finals.count)) + player.probes
        lines.withLock { $0 += count }
    }

    /// One valid line for each request, no secret in any, and the proxy lives.
    func checkEverything(after cases: [CorpusCase]) throws {
        #expect(try proxy.request("GET", "/v2/", as: .alice).status == 200)
        let expected = lines.withLock { $0 } + 1
        proxy.stop()
        let found = try proxy.accessLines()
        #expect(found.count == expected, "lines of the access log")
        checkOutcomes(found, cases)
        for line in found {
            #expect(AccessLine(line)?["ts"] != nil, "\(line)")
            for byte in line.utf8 where byte < 0x20 || byte == 0x7F {
                Issue.record("a control byte in \(line)")
            }
        }
        let output = found + proxy.program.errorLines
        for secret in [Self.secret, TestUser.alice.password, TestUser.alice.authorization] {
            #expect(!output.contains { $0.contains(secret) }, "\(secret) in the output")
        }
        #expect(upstream.violations.isEmpty, "\(upstream.violations)")
        let reached = seen.withLock { $0 }
        #expect(upstream.requests.count == reached, "a request came late")
    }
}

extension CorpusStage {
    /// Lines of different loops come in any order, so they are counted.
    private func checkOutcomes(_ lines: [String], _ cases: [CorpusCase]) {
        let usual: Set = ["complete", "refused"]
        var left = cases.compactMap(\.outcome)
        for line in lines.compactMap(AccessLine.init) {
            let outcome = line["outcome"] ?? "none"
            if usual.contains(outcome) { continue }
            guard let index = left.firstIndex(of: outcome) else {
                Issue.record("no case ends in \(outcome): \(line)")
                continue
            }
            left.remove(at: index)
        }
        #expect(left.isEmpty, "outcomes that are not in the log")
    }
}

/// What the registry does in the case that is being played.
final class RegistryPart: Sendable {
    private let steps = Locked<[CorpusStep]>([])
    private let clientIsServed = DispatchSemaphore(value: 0)
    private let hasGoneOn = DispatchSemaphore(value: 0)

    /// What is sent without a pause leaves in one piece: a surplus byte that came later than its
    /// answer would be another case.
    func begin(_ steps: [CorpusStep]) {
        var joined: [CorpusStep] = []
        for step in steps {
            if case .send(let bytes) = step, case .send(let before)? = joined.last {
                joined[joined.count - 1] = .send(before + bytes)
            } else {
                joined.append(step)
            }
        }
        self.steps.withLock { [joined] in $0 = joined }
    }

    /// The client has its answer: the registry does what comes behind its pause.
    func goOn() {
        let pauses = steps.withLock { steps in
            steps.contains { if case .act("pause") = $0 { true } else { false } }
        }
        guard pauses else { return }
        clientIsServed.signal()
        hasGoneOn.wait()
    }

    func answer(_ exchange: UpstreamExchange) throws {
        let steps = steps.withLock { $0 }
        if steps.isEmpty || exchange.target.contains("/next/") {
            return try exchange.answerLikeARegistry()
        }
        var isPaused = false
        defer { if isPaused { hasGoneOn.signal() } }
        let isEarly = steps.contains { if case .act("early") = $0 { true } else { false } }
        if !isEarly { try exchange.readBody() }
        for step in steps {
            switch step {
            case .send(let bytes): try exchange.send(bytes)
            case .act("end"): exchange.finishSending()
            case .act("reset"): return exchange.reset()
            case .act("pause"):
                clientIsServed.wait()
                isPaused = true
            case .act: break
            }
        }
        if isEarly { try exchange.waitForEnd() }
    }
}
