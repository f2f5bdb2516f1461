import AccessControl
import AuditTrail
import Authentication
import Bytes
import HTTPWire
import Logbook
import NetIO
import RegistryAPI
import Secrets
import Tokens

/// What a request for a manifest goes through, and what a change leaves in the trail. The names
/// are those of `bench/thresholds`.
func parts() async throws -> [Part] {
    [
        try requestHead(), answerHead(), try routing(), try decision(), try await login(),
        try token(), try accessLine(), auditRecord(),
    ]
}

/// As docker sends it.
private let requestBytes = Array(
    """
    HEAD /v2/team-7/app/manifests/v1 HTTP/1.1\r
    Host: registry.example.com\r
    User-Agent: docker/28.2.2 go/go1.24.3 git-commit/45873be os/linux arch/amd64\r
    Accept: application/vnd.oci.image.index.v1+json\r
    Accept: application/vnd.oci.image.manifest.v1+json\r
    Accept: application/vnd.docker.distribution.manifest.v2+json\r
    Accept: application/vnd.docker.distribution.manifest.list.v2+json\r
    Authorization: \(authorization)\r
    Accept-Encoding: gzip\r
    Connection: keep-alive\r
    \r

    """.utf8)

/// As a registry answers it.
private let answerBytes = Array(
    """
    HTTP/1.1 200 OK\r
    Content-Length: 1234\r
    Content-Type: application/vnd.oci.image.manifest.v1+json\r
    Docker-Content-Digest: sha256:\(String(repeating: "5", count: 64))\r
    Docker-Distribution-Api-Version: registry/2.0\r
    Etag: "sha256:\(String(repeating: "5", count: 64))"\r
    X-Content-Type-Options: nosniff\r
    Date: Sun, 29 Nov 2026 12:00:00 GMT\r
    \r

    """.utf8)

/// user-7:correct horse
private let authorization = "Basic dXNlci03OmNvcnJlY3QgaG9yc2U="
/// Of that password, with bcrypt at cost 4: how long it takes does not matter here.
private let passwordHash = "$2y$04$/2i63v4panZzjnVIyY0bnuuBzfxTKktz/1fZ3qyJEjvDvFltnj0Wa"

private struct Unexpected: Error {
    let what: String
}

private func readHead() throws -> (RequestHead, RequestTarget) {
    var head = RequestHead()
    guard try head.parse(requestBytes.span) else { throw Unexpected(what: "half a head") }
    return (head, try RequestTarget(parsing: requestBytes.span, of: head))
}

private func requestHead() throws -> Part {
    var (head, _) = try readHead()
    return Part(name: "request-head") { count in
        for _ in 0..<count {
            head.reset()
            let isWhole = try? head.parse(requestBytes.span)
            precondition(isWhole == true)
        }
    }
}

private func answerHead() -> Part {
    var head = ResponseHead()
    return Part(name: "answer-head") { count in
        for _ in 0..<count {
            head.reset()
            let isWhole = try? head.parse(
                answerBytes.span, limits: HeadLimits(section: 65536), answering: .head)
            precondition(isWhole == true)
        }
    }
}

private func routing() throws -> Part {
    let (head, _) = try readHead()
    return Part(name: "routing") { count in
        for _ in 0..<count {
            let target = try? RequestTarget(parsing: requestBytes.span, of: head)
            let operation = target.flatMap {
                try? RegistryOperation.route(
                    method: head.method, head: requestBytes.span, path: $0.path, query: $0.query)
            }
            precondition(operation?.repository != nil)
        }
    }
}

private let user = Identity(
    user: "user-7",
    groups: ["staff", "team-7", "berlin"].map { GroupMembership(name: $0) },
    provider: .htpasswd
)

/// One among two hundred rules.
private func decision() throws -> Part {
    let (head, target) = try readHead()
    let operation = try RegistryOperation.route(
        method: head.method, head: requestBytes.span, path: target.path, query: target.query)
    let rules = try (0..<200).map { number in
        AccessRule(
            id: "r\(number)",
            who: [try Subject(parsing: ByteString("group:team-\(number)"))],
            repositories: [try RepositoryPattern(ByteString("team-\(number)/**"))],
            effect: .allow(.push),
            position: SourcePosition(file: "bench.yaml", line: number, column: 1)
        )
    }
    let policy = AccessPolicy(rules: rules)
    let circumstances = Circumstances(now: Moment(secondsSince1970: 1_796_000_000))
    var scratch = Decision()
    return Part(name: "decision") { count in
        for _ in 0..<count {
            let verdict = policy.authorize(user, operation, in: circumstances, scratch: &scratch)
            guard case .permitted = consume verdict else { preconditionFailure("not permitted") }
        }
    }
}

/// A login that the loop has seen before.
private func login() async throws -> Part {
    let file = ByteString("user-7:\(passwordHash)\n")
    let users = try PasswordFile(parsing: file.span, named: "users")
    let pool = try BlockingPool(name: "bench", threadCount: 1, queueLimit: 8)
    let desk = try LoginDesk(users: users, pool: pool) { 0 }
    let memory = LoginMemory(desk)
    let field = ByteString(authorization)
    if case .check(let pending) = memory.lookup(field.span, now: 0) {
        let bell = AsyncStream.makeStream(of: Void.self)
        let check = desk.begin(pending, source: "127.0.0.1") { bell.continuation.yield() }
        var rings = bell.stream.makeAsyncIterator()
        while check.result == nil { await rings.next() }
        desk.leave(check)
    }
    return Part(name: "login") { count in
        for _ in 0..<count {
            guard case .known = memory.lookup(field.span, now: 1) else {
                preconditionFailure("the login is not known")
            }
        }
    }
}

/// A token that the loop has seen before.
private func token() throws -> Part {
    let authority = TokenAuthority(keys: try .random(), service: "registry-proxy", lifetime: 300)
    let memory = TokenMemory(authority)
    var access = TokenAccess()
    access.allow(.pull, on: "team-7/app")
    let token = BearerToken(
        user: user.user ?? "", provider: .htpasswd, groups: user.groups, access: access,
        issued: 1_796_000_000, expiry: 1_796_000_300, id: "1")
    guard let text = memory.signer.sign(token) else { throw Unexpected(what: "no token") }
    return Part(name: "token") { count in
        for _ in 0..<count {
            guard case .good = memory.lookup(text.span, now: 1_796_000_001) else {
                preconditionFailure("the token is not good")
            }
        }
    }
}

private func accessLine() throws -> Part {
    let (head, target) = try readHead()
    var ids = RequestIDGenerator()
    let time = WallTime(seconds: 1_796_000_000, nanoseconds: 123_456_789)
    var record = AccessRecord(time: time, id: ids.next(at: time))
    record.client = "192.0.2.7"
    record.user = user.user
    record.login = .htpasswd
    record.method = head.methodPlace
    record.path = target.path
    record.userAgent = head.fields.first(.userAgent)
    record.operation = .manifestHead
    record.repository = "team-7/app"
    record.reference = "v1"
    record.decision = .allowed
    record.rules = ["r7"]
    record.status = 200
    record.outcome = .complete
    record.bytesIn = 0
    record.bytesOut = 0
    record.firstByte = 1_234_567
    record.duration = 1_345_678
    record.upstream = 987_654
    record.tls = .tls13
    var encoder = AccessLineEncoder(.json)
    let page = Buffer(capacity: AccessLineEncoder.maximumLineLength)
    return Part(name: "access-line") { count in
        for _ in 0..<count {
            page.clear()
            encoder.append(record, head: requestBytes.span, to: page)
        }
    }
}

/// Encoded, put into the chain and hashed; the signature is one for many.
private func auditRecord() -> Part {
    var ids = RequestIDGenerator()
    let time = WallTime(seconds: 1_796_000_000, nanoseconds: 123_456_789)
    var record = AuditRecord(.manifestCreate, at: time)
    record.who.user = user.user
    record.who.auth = "htpasswd"
    record.who.groups = user.groups.map { $0.name }
    record.who.address = "192.0.2.7"
    record.who.userAgent = "docker/28.2.2 go/go1.24.3 git-commit/45873be os/linux arch/amd64"
    record.what.action = "create"
    record.what.repository = "team-7/app"
    record.what.tag = "v1"
    record.what.digest = ByteString("sha256:" + String(repeating: "5", count: 64))
    record.what.size = 1234
    record.why.allow = ["r7"]
    record.http = AuditRecord.HTTP(id: ids.next(at: time))
    record.http?.method = "PUT"
    record.http?.status = 201
    let encoder = RecordEncoder(node: "registry-1")
    var chain = Chain()
    let lines = Buffer(capacity: RecordEncoder.lineByteCount)
    return Part(name: "audit-record") { count in
        for _ in 0..<count {
            lines.clear()
            chain.seal(encoder.encode(record).span, into: lines)
        }
    }
}
