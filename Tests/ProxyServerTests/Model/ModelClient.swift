/// A client of the model: sends its plans, one behind the other or each after the answer before it,
/// and holds every answer to the plan that it must belong to.
final class ModelClient {
    private let wire: Wire
    private let plans: [Plan]
    private let pipelines: Bool
    /// All that it has to say, and where each plan ends in it.
    private let script: [UInt8]
    private let ends: [Int]
    private(set) var sentCount = 0
    private var reader = PlainReader()
    private var current: Answer?
    private(set) var answers: [Answer] = []
    /// Told to go on with the body of the plan at hand.
    private var isToldToContinue = false
    private var refusesToSend = false
    /// It ended the connection itself: then nothing of what is missing is anybody's fault.
    private(set) var hasLeft = false

    /// A final answer.
    struct Answer {
        let plan: Plan
        let status: Int
        let id: String
        /// The registry's: for whom it was meant.
        let mark: AnswerMark?
        let framing: PlainFraming
        var body: [UInt8] = []
        var isComplete = false
    }

    init(_ wire: Wire, _ plans: [Plan], pipelines: Bool) {
        self.wire = wire
        self.plans = plans
        self.pipelines = pipelines
        script = plans.flatMap(\.bytes)
        var end = 0
        ends = plans.map { plan in
            end += plan.bytes.count
            return end
        }
    }

    var isOver: Bool { hasLeft || wire.hasEnded }
    var movedCount: Int { wire.movedCount }

    /// Whether a request has gone out whole, and neither an answer nor an end came.
    var isForgotten: Bool {
        !isOver && answers.count < plans.count && sentCount >= ends[answers.count]
    }

    /// Whether every byte of the plan has been sent.
    func hasSentAll(of marker: String) -> Bool {
        guard let index = plans.firstIndex(where: { $0.marker == marker }) else { return false }
        return sentCount >= ends[index]
    }

    /// How far it would send now.
    private func limit(isCalm: Bool) -> Int {
        if pipelines { return script.count }
        guard answers.count < plans.count else { return 0 }
        let plan = plans[answers.count]
        if plan.expectsContinue, !isToldToContinue, !isCalm {
            return ends[answers.count] - plan.bytes.count + plan.headCount
        }
        return ends[answers.count]
    }

    /// - Parameter isCalm: it sends all it can, and waits for no leave to do so.
    func send(atMost count: Int, isCalm: Bool) {
        let end = min(sentCount + count, limit(isCalm: isCalm))
        guard !isOver, !refusesToSend, end > sentCount else { return }
        guard let sent = wire.send(script[sentCount..<end]) else {
            refusesToSend = true
            return
        }
        sentCount += sent
    }

    func receive(atMost count: Int) throws {
        guard !hasLeft else { return }
        switch wire.receive(atMost: count) {
        case .nothing: break
        case .bytes(let bytes):
            reader.add(bytes)
            while try step() {}
        case .end:
            reader.end()
            while try step() {}
            if var current {
                current.body = reader.body
                answers.append(current)
            }
            current = nil
        }
    }

    /// - Returns: whether something was read.
    private func step() throws -> Bool {
        if current == nil {
            guard let head = try reader.head() else { return false }
            try begin(head)
        }
        guard current != nil else { return true }
        try reader.readBody()
        guard reader.isBodyComplete, var answer = current else { return false }
        answer.body = reader.body
        answer.isComplete = true
        answers.append(answer)
        current = nil
        isToldToContinue = false
        return true
    }

    private func begin(_ head: PlainHead) throws {
        try insist(answers.count < plans.count, "an answer to nothing: \(head.first)")
        let plan = plans[answers.count]
        let start = ends[answers.count] - plan.bytes.count
        try insist(sentCount > start, "an answer before the request \(plan.marker): \(head.first)")
        guard let match = head.first.wholeMatch(of: #/HTTP/1\.1 (\d\d\d) .*/#),
            let status = Int(match.1)
        else { throw Violation("no status line: \(head.first)") }
        if status == 100 {
            try insist(plan.expectsContinue, "\(plan.marker) was told to continue unasked")
            isToldToContinue = true
            return
        }
        try insist(status >= 200, "the interim answer \(status) to \(plan.marker)")
        guard let id = try head.value("x-request-id"), id.utf8.count == 26 else {
            throw Violation("\(status) to \(plan.marker) has no id")
        }
        let version = try head.value("docker-distribution-api-version")
        try insist(version == "registry/2.0", "\(status) to \(plan.marker): no version")
        let isBodiless = plan.method == "HEAD" || status == 204 || status == 304
        let framing = isBodiless ? .length(0) : try head.framing() ?? .untilClose
        let mark = try head.value("docker-marker").map(AnswerMark.init)
        let answer = Answer(plan: plan, status: status, id: id, mark: mark, framing: framing)
        try answer.check()
        current = answer
        reader.beginBody(framing)
    }

    func endOutput() {
        refusesToSend = true
        wire.endOutput()
    }

    func leave(resetting: Bool) {
        hasLeft = true
        if resetting { wire.reset() } else { wire.close() }
    }
}

/// What the registry of the model writes into each of its answers: `MARKER/COUNT`.
struct AnswerMark: Equatable {
    let marker: String
    let byteCount: Int

    init(_ text: String) throws {
        let parts = text.split(separator: "/")
        guard parts.count == 2, let count = Int(parts[1]) else { throw Violation("mark \(text)") }
        marker = String(parts[0])
        byteCount = count
    }
}

extension ModelClient.Answer {
    /// What can be said when the head is there.
    func check() throws {
        if let mark {
            try insist(
                mark.marker == plan.marker, "\(plan.marker) got the answer to \(mark.marker)")
            try insist(plan.mayReachRegistry, "\(plan.marker) was \(plan.fate) and forwarded")
            return
        }
        switch plan.fate {
        case .refused, .broken:
            try insist(status >= 400, "\(plan.marker), which is no request, got \(status)")
        case .denied:
            // Wrong passwords may be slowed down, too.
            let isNo = [401, 403, 429].contains(status)
            try insist(isNo || status >= 500, "\(plan.marker) is not allowed and got \(status)")
        case .answered:
            try insist([200, 204].contains(status), "\(plan.marker) got \(status)")
        case .forwarded:
            // A registry that knows no referrers says so in other words.
            let isNo = status == 404 && plan.path.contains("/referrers/")
            try insist(isNo || status >= 500, "\(plan.marker), which is allowed, got \(status)")
        case .forwardedIfNew:
            try insist(status >= 500 || status == 403, "\(plan.marker) got \(status)")
        }
    }
}
