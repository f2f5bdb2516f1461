/// What the histories of one stage have seen, for the questions that need both sides.
final class Ledger {
    private(set) var plans: [String: Plan] = [:]
    private var clients: [String: ModelClient] = [:]
    /// What reached the registry, by request id.
    private(set) var arrivals: [String: Arrival] = [:]
    private var arrivalCounts: [String: Int] = [:]
    /// Requests whose connection ended before a byte of an answer.
    private var silentEnds: Set<String> = []
    /// Answers whose end nobody can be sure of.
    private(set) var doubtful: Set<String> = []
    /// The registry's answers to the proxy's questions, by request id.
    private var questions: [String: [Int]] = [:]
    private(set) var finalAnswers: [ModelClient.Answer] = []
    private(set) var leavers: Set<String> = []

    struct Arrival {
        let marker: String
        let who: Who
    }

    func add(_ client: ModelClient, _ plans: [Plan]) {
        for plan in plans {
            self.plans[plan.marker] = plan
            clients[plan.marker] = client
        }
    }

    /// Rules R11 and R13: what arrives was allowed, and is sent again only if that is safe.
    func noteArrival(_ marker: String, method: String, path: String, id: String) throws {
        guard let plan = plans[marker] else {
            throw Violation("\(method) \(path) reached the registry and was no request: \(marker)")
        }
        try insist(plan.mayReachRegistry, "\(marker) is \(plan.fate) and reached the registry")
        try insist(plan.method == method, "\(marker) arrived as \(method)")
        try insist(Self.isSame(plan.path, path), "\(marker) arrived as \(path), not \(plan.path)")
        if plan.fate == .forwardedIfNew {
            let isNew = questions[id] != nil && questions[id]?.allSatisfy { $0 == 404 } == true
            try insist(isNew, "\(marker) was forwarded, and the tag is there")
        }
        arrivals[id] = Arrival(marker: marker, who: plan.who)
        arrivalCounts[marker, default: 0] += 1
        if arrivalCounts[marker] != 1 {
            try insist(method == "GET" || method == "HEAD", "\(marker), a \(method), came again")
            try insist(arrivalCounts[marker] == 2, "\(marker) came a third time")
            try insist(silentEnds.contains(marker), "\(marker) came again and had an answer")
        }
    }

    /// A mount of what may not be pulled has become an ordinary upload.
    private static func isSame(_ asked: String, _ arrived: String) -> Bool {
        if asked == arrived { return true }
        return asked.contains("from=secret/x") && asked.prefix { $0 != "?" } == arrived
    }

    func noteComplete(_ marker: String, _ byteCount: Int) throws {
        guard let plan = plans[marker], let client = clients[marker] else { return }
        try insist(plan.fate != .broken, "\(marker) is broken and was sent as complete")
        try insist(client.hasSentAll(of: marker), "\(marker) was completed before it was sent")
        try insist(byteCount == plan.body.count, "\(marker) has \(byteCount) bytes")
    }

    func noteQuestion(_ id: String, _ path: String) throws {
        let isManifest = path.wholeMatch(of: #/\/v2\/.*\/manifests\/v\d/#) != nil
        try insist(isManifest, "the proxy asks for \(path)")
        questions[id, default: []] += []
    }

    func noteAnswer(toQuestion id: String, _ status: Int) {
        questions[id, default: []].append(status)
    }

    func noteSilentEnd(_ marker: String) { silentEnds.insert(marker) }
    func noteDoubt(_ marker: String) { doubtful.insert(marker) }

    /// At the end of a history.
    func conclude(_ client: ModelClient) throws {
        for answer in client.answers {
            finalAnswers.append(answer.withoutBody)
            if client.hasLeft { leavers.insert(answer.plan.marker) }
            try answer.checkBody(isDoubtful: doubtful.contains(answer.plan.marker))
        }
    }
}

extension ModelClient.Answer {
    fileprivate var withoutBody: Self {
        var copy = self
        copy.body = []
        return copy
    }

    /// Rule R10: an answer that was cut must not look complete, and none has another's bytes.
    func checkBody(isDoubtful: Bool) throws {
        guard let mark, plan.method != "HEAD" else { return }
        let isOwn = isPayload(body, of: plan.marker)
        try insist(isOwn, "\(plan.marker) got bytes that are not its own")
        let isWhole = body.count == mark.byteCount
        if isComplete, !isDoubtful, status != 204 {
            try insist(isWhole, "\(plan.marker): \(body.count) of \(mark.byteCount) as if complete")
        }
    }
}

/// What the log must say of all of it.
extension Ledger {
    func check(_ log: [[String: String]]) throws {
        var lines: [String: [String: String]] = [:]
        var markers: Set<String> = []
        for line in log {
            guard let id = line["id"] else { throw Violation("a line without an id: \(line)") }
            try insist(lines.updateValue(line, forKey: id) == nil, "two lines of \(id)")
            guard let marker = line["user_agent"] else { continue }
            try insist(plans[marker] != nil, "a line of nobody: \(line)")
            try insist(markers.insert(marker).inserted, "two lines of \(marker)")
        }
        for (id, arrival) in arrivals {
            guard let line = lines[id] else { throw Violation("\(arrival.marker) has no line") }
            try insist(line["user_agent"] == arrival.marker, "\(line) is of \(arrival.marker)")
            try insist(line["decision"] == "allowed", "\(arrival.marker) was not allowed: \(line)")
            let user = arrival.who == .nobody ? nil : arrival.who.rawValue
            try insist(line["user"] == user, "\(arrival.marker) is not of \(line["user"] ?? "")")
        }
        for answer in finalAnswers {
            guard let line = lines[answer.id] else {
                throw Violation("\(answer.status) to \(answer.plan.marker) has no line")
            }
            try insist(line["status"] == String(answer.status), "\(answer.plan.marker): \(line)")
            let isCut = !answer.isComplete && !leavers.contains(answer.plan.marker)
            if isCut { try insist(line["outcome"] != "complete", "was cut: \(line)") }
        }
    }
}
