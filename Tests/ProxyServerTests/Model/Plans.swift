import Foundation

/// Who may do what in the model. Beside the rules, written as plainly as possible.
enum Who: String, CaseIterable {
    case nobody, ann, bob, root, impostor

    /// `nil`: sends no credentials.
    var login: String? {
        switch self {
        case .nobody: nil
        case .ann: "ann:apple"
        case .bob: "bob:banana"
        case .root: "root:cherry"
        case .impostor: "ann:banana"
        }
    }

    func mayPull(_ repository: String) -> Bool {
        switch self {
        case .root: true
        case .ann, .bob: repository.hasPrefix("public/") || repository.hasPrefix("team/")
        case .nobody: repository.hasPrefix("public/")
        case .impostor: false
        }
    }

    func mayCreate(_ repository: String) -> Bool {
        self == .root || repository.hasPrefix("team/") && (self == .ann || self == .bob)
    }

    func mayOverwrite(_ repository: String) -> Bool {
        self == .root || self == .ann && repository.hasPrefix("team/")
    }

    var mayDelete: Bool { self == .root }

    static let rules: [(who: Who?, repositories: String, actions: String)] = [
        (nil, "public/**", "pull"), (.ann, "team/**", "push"), (.bob, "team/**", "create"),
        (.root, "**", "all"),
    ]
    /// SHA-256 of the passwords above.
    static let users = """
        ann:$5$modelann$UqZbeAR4eJ8ZtseVXfayd26d3u6TDN.DASIlbJC7ef8
        bob:$5$modelbob$Hn2N4dxgVl/4JOtdyUnQM5ZBjN4Mtdx8xcB6fZVxJOD
        root:$5$modelroot$zFNAGcmqSVaV/QgsAaZdbZgvrBbJXBXYHob68HIzt80

        """
}

/// One request that a client of the model sends, and what may come of it.
struct Plan {
    let marker: String
    let who: Who
    let method: String
    let path: String
    let bytes: [UInt8]
    /// How many of `bytes` are the head.
    let headCount: Int
    let body: [UInt8]
    let expectsContinue: Bool
    let fate: Fate

    enum Fate: Equatable {
        /// Allowed and in order.
        case forwarded
        /// Allowed if the registry says that the tag is new.
        case forwardedIfNew
        /// Allowed, but its body breaks off its framing: nobody may take it for complete.
        case broken
        /// The proxy's own: `/v2/` and the like.
        case answered
        /// Not allowed: 401 or 403.
        case denied
        /// No valid request: 4xx, and nothing behind it counts.
        case refused
    }

    var mayReachRegistry: Bool { [.forwarded, .forwardedIfNew, .broken].contains(fate) }
}

extension Plan {
    /// A request of somebody for something.
    static func random(_ marker: String, _ dice: inout Dice) -> Plan {
        let who = dice.chance(8) ? Who.impostor : dice.one(of: [.nobody, .ann, .bob, .root, .ann])
        let repository = dice.one(of: ["public/base", "team/app", "team/app", "secret/x"])
        var draft = Draft(marker: marker, who: who, repository: repository)
        draft.choose(&dice)
        if dice.chance(18) { draft.damage(&dice) }
        return draft.plan
    }
}

/// A request while it is thought of.
private struct Draft {
    let marker: String
    let who: Who
    let repository: String
    var method = "GET"
    var path = "/v2/"
    var lines: [String] = []
    var body: [UInt8] = []
    var framed: [UInt8] = []
    var fate = Plan.Fate.forwarded
    var expectsContinue = false
    var version = "HTTP/1.1"
    var firstLine: String?

    init(marker: String, who: Who, repository: String) {
        self.marker = marker
        self.who = who
        self.repository = repository
    }

    private static let digest = "sha256:" + String(repeating: "ab", count: 32)

    mutating func choose(_ dice: inout Dice) {
        let base = "/v2/\(repository)"
        switch dice.below(14) {
        case 0, 1: read("GET", "\(base)/blobs/\(Self.digest)")
        case 2: read("HEAD", "\(base)/blobs/\(Self.digest)")
        case 3: read("GET", "\(base)/manifests/v1")
        case 4: read("HEAD", "\(base)/manifests/\(Self.digest)")
        case 5: read("GET", "\(base)/referrers/\(Self.digest)")
        case 6, 7: pushManifest("\(base)/manifests/v\(dice.below(2))", &dice)
        case 8:
            write("POST", "\(base)/blobs/uploads/", &dice, lengths: [0])
        case 9:
            let from = dice.one(of: ["public/base", "secret/x"])
            write(
                "POST",
                "\(base)/blobs/uploads/?mount=\(Self.digest)&from=\(from)",
                &dice,
                lengths: [0]
            )
        case 10, 11: write("PATCH", "\(base)/blobs/uploads/id1?_state=s", &dice)
        case 12: write("PUT", "\(base)/blobs/uploads/id1?digest=\(Self.digest)", &dice)
        default: own(&dice)
        }
        if who == .impostor, fate != .answered { fate = .denied }
    }

    private mutating func read(_ method: String, _ path: String) {
        self.method = method
        self.path = path
        if !who.mayPull(repository) { fate = .denied }
    }

    private mutating func own(_ dice: inout Dice) {
        if dice.chance(50) {
            method = "DELETE"
            path = "/v2/\(repository)/blobs/\(Self.digest)"
            fate = who.mayDelete ? .forwarded : .denied
        } else {
            method = dice.one(of: ["GET", "HEAD", "OPTIONS"])
            fate = method == "OPTIONS" || who != .nobody && who != .impostor ? .answered : .denied
        }
    }

    private mutating func write(
        _ method: String,
        _ path: String,
        _ dice: inout Dice,
        lengths: [Int] = [0, 1, 40, 40, 5000, 70_000, 250_000]
    ) {
        self.method = method
        self.path = path
        if !who.mayCreate(repository) { fate = .denied }
        addBody(dice.one(of: lengths), &dice)
    }

    private mutating func pushManifest(_ path: String, _ dice: inout Dice) {
        write("PUT", path, &dice, lengths: [2, 60, 9000])
        lines.append("Content-Type: application/vnd.oci.image.manifest.v1+json")
        if fate == .forwarded, !who.mayOverwrite(repository) { fate = .forwardedIfNew }
    }

    private mutating func addBody(_ count: Int, _ dice: inout Dice) {
        body = payload(marker, count)
        if dice.chance(50) {
            lines.append("Content-Length: \(count)")
            framed = body
        } else {
            lines.append("Transfer-Encoding: chunked")
            var rest = body[...]
            while !rest.isEmpty {
                let size = min(rest.count, 1 + dice.below(dice.one(of: [10, 3000, 100_000])))
                let zeros = dice.one(of: ["", "0", "000"])
                let end = dice.one(of: ["", ";a=b", ";a=\"c;d\""])
                framed += Array("\(zeros)\(String(size, radix: 16))\(end)\r\n".utf8)
                framed += rest.prefix(size) + [0x0D, 0x0A]
                rest = rest.dropFirst(size)
            }
            framed += Array((dice.chance(20) ? "0\r\nX-T: 1\r\n\r\n" : "0\r\n\r\n").utf8)
        }
        if count > 0, dice.chance(25) {
            lines.append("Expect: 100-continue")
            expectsContinue = true
        }
    }

    private static let smuggled = """
        GET /v2/secret/x/manifests/v1 HTTP/1.1\r
        Host: proxy\r
        User-Agent: EVIL\r
        \r\n
        """

    /// Breaks a rule of the wire; what follows must never be taken for a request.
    mutating func damage(_ dice: inout Dice) {
        if body.count > 20, fate == .forwarded, lines.contains("Transfer-Encoding: chunked"),
            dice.chance(60)
        {
            // One right chunk, and wrong from there on.
            let half = body.prefix(body.count / 2)
            framed = Array("\(String(half.count, radix: 16))\r\n".utf8) + half
            framed += Array("\r\nzz\r\n\(Self.smuggled)".utf8)
            fate = .broken
            return
        }
        let bodiless = dice.below(Self.damages.count)
        Self.damages[bodiless](&self)
        fate = .refused
        expectsContinue = false
        body = []
        framed = Array(Self.smuggled.utf8)
    }

    private static let damages: [@Sendable (inout Draft) -> Void] = [
        { $0.lines += ["Content-Length: 5", "Transfer-Encoding: chunked"] },
        { $0.lines += ["Content-Length: 3", "Content-Length: 3"] },
        { $0.lines += ["Transfer-Encoding: gzip, chunked"] },
        { $0.lines += ["Transfer-Encoding : chunked"] },
        { $0.lines += ["Content-Length: +5"] },
        { $0.lines += ["Host: other"] },
        { $0.lines += ["X-A: 1\r\n folded"] },
        { $0.lines += ["X-A: 1\nX-B: 2"] },
        { $0.lines += ["X-A: \0"] },
        { $0.lines += ["Connection: host"] },
        { $0.lines += ["X_A: 1", "X A: 2"] },
        { $0.path = $0.path.replacingOccurrences(of: "/v2/", with: "/v2//") },
        { $0.path = $0.path.replacingOccurrences(of: "/v2/", with: "/v2/%2e%2e/") },
        { $0.path += "#a" },
        { $0.version = "HTTP/1.10" },
        { $0.version = "HTTP/2.0" },
        { $0.firstLine = "GET  /v2/ HTTP/1.1" },
        { $0.firstLine = "GET /v2/" },
        { $0.lines = ["Authorization: Basic YTpi", "Authorization: Basic YTpi"] },
    ]

    var plan: Plan {
        var head = "\(firstLine ?? "\(method) \(path) \(version)")\r\nHost: proxy\r\n"
        head += "User-Agent: \(marker)\r\n"
        let sendsLogin = !lines.contains { $0.hasPrefix("Authorization") }
        if let login = who.login, sendsLogin {
            head += "Authorization: Basic \(Data(login.utf8).base64EncodedString())\r\n"
        }
        for line in lines { head += "\(line)\r\n" }
        head += "\r\n"
        return Plan(
            marker: marker,
            who: who,
            method: method,
            path: path,
            bytes: Array(head.utf8) + framed,
            headCount: head.utf8.count,
            body: body,
            expectsContinue: expectsContinue,
            fate: fate
        )
    }
}
