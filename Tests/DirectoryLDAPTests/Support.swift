import AccessControl
import Authentication
import Bytes
import Foundation
import NetIO
import NetTLS
import Secrets
import TestSupport

@testable import DirectoryLDAP

/// Runs what waits on a thread of its own, so that no other test waits for it.
func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result(catching: body)) }.start()
    }
}

/// What a directory has reported.
final class Reports: Sendable {
    private let list = Locked<[DirectoryEvent]>([])
    var all: [DirectoryEvent] { list.withLock { $0 } }
    func add(_ event: DirectoryEvent) { list.withLock { $0.append(event) } }

    var refusals: [String] {
        all.compactMap { if case .refused(_, let reason) = $0 { reason } else { nil } }
    }
    var undecided: [String] {
        all.compactMap { if case .undecided(_, let reason) = $0 { reason } else { nil } }
    }
}

/// A directory and what it reports.
struct Asked: Sendable {
    let directory: Directory
    let reports = Reports()

    init(_ settings: DirectorySettings) throws {
        directory = try Directory(settings) { [reports] in reports.add($0) }
    }

    func login(_ user: String, _ password: String) -> LoginVerdict {
        directory.verify(ByteString(user), secret(password))
    }

    func user(_ user: String, _ password: String) -> DirectoryUser? {
        let outcome = directory.check(ByteString(user), secret(password), progress: nil)
        return if case .user(let found) = outcome { found } else { nil }
    }

    func groups(_ user: String, _ password: String) -> [String] {
        (self.user(user, password)?.groups ?? []).map(\.name.description).sorted()
    }
}

func secret(_ text: String) -> SecretBytes { SecretBytes(copying: ByteString(text).span) }

extension LoginVerdict {
    /// The user, if it is one.
    var userName: String? {
        if case .identity(let identity) = self { identity.user?.description } else { nil }
    }
}

extension DirectorySettings.Server {
    static func local(
        _ port: Int,
        _ security: DirectorySettings.Security = .none,
        host: String = "127.0.0.1"
    ) -> Self {
        Self(
            host: host,
            isAddress: host.first?.isNumber == true,
            port: UInt16(port),
            security: security,
            url: "\(security == .tls ? "ldaps" : "ldap")://\(host):\(port)"
        )
    }
}

extension DirectorySettings.Users {
    static let byUID = DirectorySettings.Users(
        login: .found(by: .init(base: DirectoryData.people, filter: "(uid={user})")),
        attribute: "uid"
    )
}

extension DirectorySettings {
    /// The test directory through StartTLS.
    static func slapd(
        _ slapd: Slapd,
        _ security: Security = .startTLS,
        users: Users = .byUID
    ) throws -> DirectorySettings {
        let port = security == .tls ? slapd.securePort : slapd.port
        var settings = DirectorySettings(servers: [.local(port, security)], users: users)
        settings.trust = try TLSClientContext(trusting: .file(slapd.certificates.ca))
        settings.service = ServiceAccount(
            dn: ByteString(DirectoryData.serviceDN),
            password: secret(DirectoryData.servicePassword)
        )
        settings.connectTimeout = 30_000_000_000
        settings.operationTimeout = 60_000_000_000
        return settings
    }

    /// A fake in the clear, with a time to answer that is short enough for a test to wait for, and
    /// long enough for a machine that is busy with other things.
    static func fake(_ port: Int, _ security: Security = .none) throws -> DirectorySettings {
        var settings = DirectorySettings(servers: [.local(port, security)], users: .byUID)
        settings.trust = try TLSClientContext(trusting: .file(Certificates.shared().ca))
        settings.connectTimeout = 60_000_000_000
        settings.operationTimeout = 3_000_000_000
        return settings
    }
}

/// A few threads on which logins run, as in the program.
final class BlockingLogins: Sendable {
    private let pool: BlockingPool

    init(threadCount: Int) throws {
        pool = try BlockingPool(name: "test", threadCount: threadCount, queueLimit: 1000)
    }

    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            _ = pool.submit { continuation.resume(returning: body()) }
        }
    }
}
