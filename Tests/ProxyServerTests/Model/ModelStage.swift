import AccessControl
import Authentication
import Bytes
import Foundation
import Testing

@testable import NetIO
@testable import ProxyServer

/// What all histories of one stage share beside it. Used on its loop alone.
final class ModelEnds {
    let clients: BoundSocket
    private let upstream: BoundSocket
    private let bell: Bell
    /// Channels that are the model's own.
    let baseline = 1

    init(upstream: BoundSocket, on loop: EventLoop) throws {
        self.upstream = upstream
        clients = try BoundSocket(binding: try found(SocketAddress(literal: "127.0.0.1", port: 0)))
        bell = try Bell(on: loop)
    }

    func acceptUpstream() -> Wire? {
        guard case .connection(let accepted) = SystemCalls.accept(on: upstream.fd) else {
            return nil
        }
        return Wire(accepted.fd)
    }

    /// Lets the proxy act on all that is there now, `count` times.
    func turn(_ count: Int) async throws {
        for _ in 0..<count {
            try bell.ring()
            try await bell.wait()
        }
    }

    func close() { bell.close() }
}

extension Stage {
    /// A stage with the people and rules of the model, whose registry is a socket that is bound.
    static func forModel() throws -> (Stage, BoundSocket) {
        let bound = try BoundSocket(
            binding: try found(SocketAddress(literal: "127.0.0.1", port: 0)))
        let users = ByteString(Who.users)
        var settings = LoginSettings()
        settings.lifetime = .seconds(100_000)
        settings.wrongLifetime = .seconds(100_000)
        let desk = try LoginDesk(
            users: try PasswordFile(parsing: users.span, named: "users"),
            settings: settings,
            pool: try BlockingPool(name: "model", threadCount: 1, queueLimit: 256),
            clock: { SystemCalls.now().nanoseconds }
        )
        let policy = AccessPolicy(groups: [], rules: try Who.rules.map(rule))
        let stage = try Stage(logins: desk) {
            $0.upstream.place = .host("127.0.0.1", port: bound.address.port)
            $0.policy = policy
        }
        return (stage, bound)
    }

    private static func rule(
        _ who: Who?,
        _ repositories: String,
        _ actions: String
    ) throws -> AccessRule {
        AccessRule(
            id: "\(who?.rawValue ?? "all")-\(repositories)",
            who: [who.map { .user(ByteString($0.rawValue)) } ?? .anyone],
            repositories: [try RepositoryPattern(ByteString(repositories))],
            effect: .allow(try found(Actions(named: ByteString(actions)))),
            position: SourcePosition(file: "model", line: 1, column: 1)
        )
    }

    /// The passwords are checked on a thread; what is remembered needs none.
    func logEverybodyIn(_ ends: ModelEnds) async throws {
        for who in Who.allCases where who.login != nil {
            let (fd, wire) = try Wire.pair()
            serveInBackground(fd)
            let login = Data((who.login ?? "").utf8).base64EncodedString()
            let request =
                "GET /v2/ HTTP/1.1\r\nHost: proxy\r\nAuthorization: Basic \(login)\r\n\r\n"
            _ = wire.send(Array(request.utf8)[...])
            while wire.receive(atMost: 4096) == .nothing { try await turn() }
            wire.close()
            while servedCount > 0 { try await turn() }
        }
    }

    /// No buffer, channel, waiter, lock or memory is still in use.
    func insistNothingIsLeft(but channels: Int) throws {
        let shared = services.shared
        try insist(services.upstreams.activeCount == 0, "upstream connections in use")
        try insist(services.upstreams.idleCount == 0, "upstream connections idle")
        try insist(loop.buffers.lentCount == 0, "\(loop.buffers.lentCount) buffers are lent")
        try insist(loop.channelCount == channels, "\(loop.channelCount) channels are open")
        try insist(shared.locks.isEmpty, "something is locked")
        try insist(shared.manifestMemory.isWhole, "memory for manifests is taken")
    }
}
