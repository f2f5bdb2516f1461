/// One connection of the registry of the model: reads what the proxy sends as strictly as can be,
/// and answers well or badly.
final class ModelRegistryConnection {
    private let wire: Wire
    private let ledger: Ledger
    private var reader = PlainReader()
    private var request: Request?
    /// How the request at hand will be answered, once that is decided.
    private var behaviour: Behaviour?
    /// Whether a byte of its answer has left.
    private var hasAnswered = false
    /// What is still to be sent of the answer; `nil` before it has begun.
    private var output: [UInt8]?
    /// What it will send though nobody has asked, once it is idle.
    private var surplus: [UInt8]?
    private var isReading = true
    private(set) var isOver = false
    var movedCount: Int { wire.movedCount }

    private struct Request {
        let method: String
        let path: String
        let marker: String
        let id: String
        var isComplete = false
        /// A question of the proxy's own.
        var isQuestion: Bool { marker == "registry-proxy" }
    }

    enum Behaviour: CaseIterable {
        case good, early, interim, silentClose, reset, stall
        case brokenHead, shortBody, brokenChunk, surplusAtOnce, surplusLater, oldVersion
        case challenge, upgrade, untilClose, resetInBody, closing

        static func random(_ dice: inout Dice) -> Behaviour {
            dice.chance(55) ? .good : dice.one(of: Array(allCases))
        }
    }

    init(_ wire: Wire, _ ledger: Ledger) {
        self.wire = wire
        self.ledger = ledger
    }

    /// Something at random. - Parameter isCalm: reads and answers whatever is there, and well.
    func act(_ dice: inout Dice, isCalm: Bool) throws {
        guard !isOver else { return }
        if isCalm { isReading = true } else if dice.chance(5) { isReading.toggle() }
        if isReading { try read(atMost: isCalm ? 1 << 20 : dice.one(of: [1, 50, 3000, 1 << 18])) }
        guard !isOver else { return }
        if request == nil { return disturb(&dice) }
        if output == nil { try decide(&dice, isCalm: isCalm) }
        try write(atMost: isCalm ? 1 << 20 : dice.one(of: [1, 30, 5000, 1 << 18]))
    }

    private func read(atMost limit: Int) throws {
        switch wire.receive(atMost: limit) {
        case .nothing: break
        case .bytes(let bytes): reader.add(bytes)
        case .end: return end(resetting: false)
        }
        if request == nil {
            guard let head = try reader.head() else { return }
            try begin(head)
        }
        guard var request, !request.isComplete else { return }
        let known = reader.body.count
        try reader.readBody()
        let isOwn = isPayload(reader.body, of: request.marker, known: known)
        try insist(isOwn, "\(request.marker) has bytes that are not its own")
        if reader.isBodyComplete {
            request.isComplete = true
            if !request.isQuestion { try ledger.noteComplete(request.marker, reader.body.count) }
        }
        self.request = request.isComplete && output?.isEmpty == true ? nil : request
    }

    private func begin(_ head: PlainHead) throws {
        guard let match = head.first.wholeMatch(of: #/([A-Z]+) (\/v2\/[^ ]*) HTTP\/1\.1/#) else {
            throw Violation("no request line: \(head.first)")
        }
        for field in head.fields { try insist(Self.allowed.contains(field.name), field.name) }
        try insist(try head.value("host") == "registry.internal:5000", "Host")
        guard let marker = try head.value("user-agent"), let id = try head.value("x-request-id")
        else { throw Violation("no marker or no id: \(head.first)") }
        for name in Set(head.fields.map(\.name)) { _ = try head.value(name) }
        let request = Request(
            method: String(match.1),
            path: String(match.2),
            marker: marker,
            id: id
        )
        let framing = try head.framing() ?? .length(0)
        if request.isQuestion {
            let isQuestion = request.method == "HEAD" && framing == .length(0)
            try insist(isQuestion, "the proxy asks \(head.first)")
            try ledger.noteQuestion(request.id, request.path)
        } else {
            try ledger.noteArrival(marker, method: request.method, path: request.path, id: id)
        }
        self.request = request
        output = nil
        behaviour = nil
        hasAnswered = false
        reader.beginBody(framing)
    }

    private static let allowed: Set = [
        "host", "accept", "accept-encoding", "user-agent", "content-type", "content-length",
        "transfer-encoding", "content-range", "range", "if-none-match", "if-match",
        "if-modified-since", "if-range", "x-forwarded-for", "x-forwarded-proto",
        "x-forwarded-host", "x-request-id",
    ]

    /// Chooses how to answer, and when it is time to.
    private func decide(_ dice: inout Dice, isCalm: Bool) throws {
        guard let request else { return }
        let chosen = behaviour ?? (isCalm ? .good : Behaviour.random(&dice))
        behaviour = isCalm && chosen == .stall ? .good : chosen
        switch behaviour {
        case .stall: return
        case .silentClose: return end(resetting: false)
        case .reset: return end(resetting: true)
        case .early, .interim: break
        default: if !request.isComplete { return }
        }
        try prepare(&dice)
    }

    private func prepare(_ dice: inout Dice) throws {
        guard let request else { return }
        let count = dice.one(of: [0, 2, 300, 300, 5000, 40_000, 250_000])
        var status = dice.one(of: [200, 200, 202, 404])
        if request.isQuestion {
            status = dice.one(of: [200, 404, 404, 404])
            ledger.noteAnswer(toQuestion: request.id, status)
        }
        let isBodiless = request.method == "HEAD"
        var text = behaviour == .interim ? Self.interimAnswers : ""
        text += statusLine(status)
        text += "Docker-Marker: \(request.marker)/\(isBodiless ? 0 : count)\r\n"
        if behaviour == .closing { text += "Connection: close\r\n" }
        let body = payload(request.marker, count)
        var framed = body
        let endsWithClose = behaviour == .untilClose || behaviour == .oldVersion
        if endsWithClose, !isBodiless {
            ledger.noteDoubt(request.marker)
        } else if behaviour == .brokenChunk || behaviour != .shortBody && dice.chance(40) {
            text += "Transfer-Encoding: chunked\r\n"
            framed = chunked(body, isBroken: behaviour == .brokenChunk)
        } else {
            text += "Content-Length: \(count)\r\n"
        }
        let head = Array((text + "\r\n").utf8)
        let whole = head + (isBodiless ? [] : framed)
        output = whole
        if behaviour == .shortBody || behaviour == .resetInBody {
            output = Array(whole.prefix(head.count + framed.count / 2))
        }
        if behaviour == .surplusAtOnce { output = whole + whole }
        if behaviour == .surplusLater { surplus = whole }
    }

    private static let interimAnswers = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n"

    private func statusLine(_ status: Int) -> String {
        switch behaviour {
        case .brokenHead: "HTTP/1.1 \(status)0 Bad\r\nContent-Length : 1\r\n"
        case .oldVersion: "HTTP/1.0 \(status) Old\r\n"
        case .challenge: "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"a\"\r\n"
        case .upgrade: "HTTP/1.1 101 Switching\r\nUpgrade: a\r\n"
        default: "HTTP/1.1 \(status) Yes\r\n"
        }
    }

    private func chunked(_ body: [UInt8], isBroken: Bool) -> [UInt8] {
        var framed: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            let piece = rest.prefix(20_000)
            framed += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [0x0D, 0x0A]
            rest = rest.dropFirst(piece.count)
        }
        return framed + Array((isBroken ? "-0\r\n\r\n" : "0\r\n\r\n").utf8)
    }

    private func write(atMost limit: Int) throws {
        guard let pending = output, let request else { return }
        guard let sent = wire.send(pending.prefix(limit)) else { return end(resetting: false) }
        output = Array(pending.dropFirst(sent))
        hasAnswered = hasAnswered || sent > 0
        guard sent == pending.count else { return }
        switch behaviour {
        case .shortBody, .untilClose, .oldVersion, .closing: end(resetting: false)
        case .resetInBody: end(resetting: true)
        default: if request.isComplete { self.request = nil }
        }
    }

    /// A second answer while nobody has asked. What the proxy has sent already counts as asked.
    private func disturb(_ dice: inout Dice) {
        guard let bytes = surplus, !wire.hasInput, reader.unread.isEmpty, dice.chance(50) else {
            return
        }
        surplus = nil
        _ = wire.send(bytes[...])
    }

    /// Closes, whatever is underway.
    func end(resetting: Bool) {
        // What was sent and not yet read goes down with a reset: then the proxy has seen no answer.
        let isReset = resetting || wire.hasInput
        if let request, !hasAnswered || isReset { ledger.noteSilentEnd(request.marker) }
        if resetting { wire.reset() } else { wire.close() }
        isOver = true
    }
}
