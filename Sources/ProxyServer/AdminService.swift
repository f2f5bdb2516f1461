import Authentication
import Bytes
import HTTPWire
import Logbook
import NetIO
import Synchronization

/// What the admin listener tells: `/metrics`, `/healthz` and `/readyz`.
final class AdminService: Sendable {
    private let shared: SharedState
    private let workers: [Worker]
    private let server: Server

    init(shared: SharedState, workers: [Worker], server: Server) {
        self.shared = shared
        self.workers = workers
        self.server = server
    }

    var idleTimeout: Timeout { shared.generation.settings.timeouts.idle }
    var headTimeout: Timeout { shared.generation.settings.timeouts.requestHead }

    struct Answer {
        let status: Int
        let type: StaticString
        let body: [UInt8]
    }

    func answer(path: String) async -> Answer {
        switch path {
        case "/metrics":
            return Answer(status: 200, type: MetricsPage.contentType, body: metrics)
        case "/healthz":
            // Each loop has to turn for its worker to answer.
            for worker in workers { await worker.turn() }
            return text(200, "ok\n")
        case "/readyz": return await readiness()
        default: return text(404, "not found: /metrics, /healthz and /readyz are here\n")
        }
    }

    private func readiness() async -> Answer {
        if shared.isDraining.load(ordering: .relaxed) { return text(503, "draining\n") }
        guard await workers[0].registryIsReachable() else {
            return text(503, "the registry cannot be reached\n")
        }
        return text(200, "ready\n")
    }

    private func text(_ status: Int, _ body: String) -> Answer {
        Answer(status: status, type: "text/plain; charset=utf-8", body: Array(body.utf8))
    }

    private var metrics: [UInt8] {
        var supplied = SuppliedFigures()
        if let counts = shared.generation.logins?.counts {
            supplied.passwordHashes = counts.passwordHashes
            supplied.loginCacheHits = counts.cacheHits
            supplied.loginQueue = counts.waiting
            supplied.throttled = counts.throttled
            supplied.logins = counts.results.map { key, count in
                let provider = key.provider.logName.text.description
                return .init(provider: provider, result: key.result.rawValue, count: count)
            }
            .sorted { ($0.provider, $0.result) < ($1.provider, $1.result) }
        }
        supplied.directoryServers = (shared.generation.logins?.health ?? []).map {
            SuppliedFigures.DirectoryServer(server: $0.server, isUp: $0.isUp)
        }
        supplied.connectionsRefused = [
            ("all", shared.connectionsRefused.load(ordering: .relaxed)),
            ("per_client", shared.connectionsRefusedPerClient.load(ordering: .relaxed)),
        ]
        supplied.auditPending = shared.audit?.pendingCount
        supplied.auditFsyncs = shared.audit?.fsyncCount
        supplied.configGeneration = server.generation.number
        supplied.configLastReloadSucceeded = server.lastReloadSucceeded
        supplied.certificateExpiries = server.certificateExpiries.map {
            SuppliedFigures.CertificateExpiry(listener: $0.url, seconds: Int($0.seconds))
        }
        return MetricsPage.render(workers.map(\.metrics), supplied)
    }
}

/// One connection of the admin listener.
final class AdminConnection {
    private let stream: ByteStream
    private let reader: MessageReader
    private let waiter: Waiter
    private let service: AdminService
    private var head = RequestHead()

    init(_ channel: Channel, service: AdminService) {
        self.service = service
        stream = ByteStream(channel)
        reader = MessageReader(stream)
        waiter = Waiter(on: channel.loop)
        channel.waiter = waiter
    }

    func run() async {
        while await serveOne() {}
        reader.close()
        stream.close()
        waiter.retire()
    }

    /// - Returns: whether the connection goes on.
    private func serveOne() async -> Bool {
        let loop = stream.loop
        do {
            let idle = service.idleTimeout.deadline(from: loop.now)
            guard try await reader.awaitMessage(by: idle) else { return false }
            head.reset()
            let deadline = service.headTimeout.deadline(from: loop.now)
            let bytes = try await reader.readHead(by: deadline) { bytes throws(WireError) in
                try head.parse(bytes) ? head.byteCount : nil
            }
            guard let bytes else { return false }
            defer { loop.buffers.give(bytes) }
            let isKept = head.keepsAlive && !head.framing.expectsBytes
            try await send(await answer(bytes), keep: isKept)
            return isKept
        } catch {
            return false
        }
    }

    private func answer(_ bytes: Buffer) async -> AdminService.Answer {
        guard head.method == .get || head.method == .head,
            let target = try? RequestTarget(parsing: bytes.bytes, of: head)
        else {
            return AdminService.Answer(status: 405, type: "text/plain", body: [])
        }
        let path = ByteString(copying: bytes.bytes.extracting(target.path)).description
        return await service.answer(path: path)
    }

    private func send(_ answer: AdminService.Answer, keep: Bool) async throws(StreamError) {
        let out = Buffer(capacity: answer.body.count + 512)
        out.append(status: answer.status, reason: Span())
        out.append("Content-Type: ")
        out.append(answer.type)
        out.append("\r\n")
        out.append(framing: .length(answer.body.count))
        if !keep { out.append("Connection: close\r\n") }
        out.append("\r\n")
        if head.method != .head { out.append(answer.body) }
        try await stream.write(out, stall: service.headTimeout)
    }
}
