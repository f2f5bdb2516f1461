// The client's side of one corpus case.

import TestSupport
import Testing

/// Plays one case and checks what the client gets.
struct CorpusPlayer {
    let client: RawClient
    /// Requests of the player's own, to see whether the connection goes on.
    private(set) var probes = 0
    /// Whether the connection can carry another request.
    private(set) var isOpen = false
    private let each: CorpusCase
    private let part: RegistryPart
    private let upstream: RecordingUpstream

    init(
        _ each: CorpusCase,
        on proxy: ProxyProcess,
        part: RegistryPart,
        upstream: RecordingUpstream
    ) throws {
        self.each = each
        self.part = part
        self.upstream = upstream
        client = try proxy.connect(within: 60)
    }

    mutating func play() throws {
        let before = upstream.requests.count
        var answers = each.answers[...]
        let steps = each.client.isEmpty ? Self.usual : each.client
        for step in steps {
            switch step {
            case .send(let bytes):
                // The proxy may have closed: what it has answered is still to be read.
                try? client.send(bytes)
            case .act("end"): client.socket.finishSending()
            case .act("reset"):
                try client.socket.waitUntilRead()
                client.socket.reset()
            case .act("pause"):
                if let next = answers.first, next.statuses != [] {
                    try check(next)
                    answers.removeFirst()
                } else {
                    try upstream.waitForRequests(before + 1, within: 60)
                }
            case .act(let word): throw CorpusMistake(description: "no such act: \(word)")
            }
        }
        if case .act("reset")? = steps.last { return }
        for answer in answers { try check(answer) }
    }

    private static let usual: [CorpusStep] = {
        let login = "Authorization: \(TestUser.alice.authorization)"
        let head = "GET /v2/team-a/x/manifests/v1 HTTP/1.1\r\nHost: h\r\n\(login)\r\n\r\n"
        return [.send(Array(head.utf8))]
    }()

    private mutating func check(_ expected: ExpectedAnswer) throws {
        guard !expected.statuses.isEmpty else {
            let rest = try client.reader.readToEnd().bytes
            #expect(rest.isEmpty, "\(each): an answer: \(String(decoding: rest, as: UTF8.self))")
            return
        }
        let head = try client.reader.readHead()
        let status = Int(head.startLine.split(separator: " ").dropFirst().first ?? "") ?? 0
        #expect(expected.statuses.contains(status), "\(each): \(head.startLine)")
        if (100..<200).contains(status) { return }
        for field in expected.fields {
            #expect(head.values(field.name) == [field.value], "\(each): \(field.name)")
        }
        for name in expected.absentFields {
            #expect(head.values(name).isEmpty, "\(each): \(name)")
        }
        for name in ["X-Request-Id", "Date"] {
            #expect(head.values(name).count == 1, "\(each): \(name)")
        }
        try checkBody(of: head, status, expected)
        part.goOn()
        try checkConnection(head, expected)
    }

    private func checkBody(
        of head: MessageHead,
        _ status: Int,
        _ expected: ExpectedAnswer
    ) throws {
        if expected.has("broken") {
            #expect(throws: MessageError.self, "\(each): an answer that looks whole") {
                _ = try client.reader.readBody(of: head, untilClose: true)
            }
            return
        }
        let hasBody = !expected.has("head") && status != 204 && status != 304
        let body = hasBody ? try client.reader.readBody(of: head, untilClose: true) : []
        let text = String(decoding: body, as: UTF8.self)
        if let wanted = expected.body { #expect(body == wanted, "\(each): \(text)") }
        if let code = expected.errorCode {
            #expect(text.contains("\"code\":\"\(code)\""), "\(each): \(text)")
            #expect(head["Content-Type"] == "application/json", "\(each)")
        }
    }

    private mutating func checkConnection(
        _ head: MessageHead,
        _ expected: ExpectedAnswer
    ) throws {
        let says = head["Connection"]?.lowercased()
        if expected.has("close") {
            #expect(says == "close", "\(each): Connection")
            let rest = try client.reader.readToEnd().bytes
            #expect(rest.isEmpty, "\(each): more: \(String(decoding: rest, as: UTF8.self))")
        } else if expected.has("keep") {
            #expect(says != "close", "\(each): Connection")
            probes += 1
            isOpen = true
            #expect(try client.request("GET", "/v2/", as: .alice).status == 200, "\(each): kept")
        }
    }
}
