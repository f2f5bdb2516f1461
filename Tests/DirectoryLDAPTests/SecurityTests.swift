import Authentication
import Bytes
import Foundation
import NetTLS
import TestSupport
import Testing

@testable import DirectoryLDAP

/// Who the server is, and that nothing is said before that is known.
@Suite struct SecurityTests {
    private static let later = LoginVerdict.undecidable(retryAfter: 5)

    /// A TLS server with a certificate of the given kind, which records what it is told.
    private static func server(_ arguments: [String]) throws -> (BackgroundProgram, Int) {
        // Somebody else may take the free port first: then openssl ends, and another one is tried.
        try eventually("openssl listens", within: 60) {
            let port = try freePort()
            let program = try BackgroundProgram(
                ["openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-quiet"] + arguments)
            let listens: Bool = try eventually("openssl listens or ends", within: 60) {
                if !program.isRunning { return false }
                return (try? Socket.connect(port: port)) == nil ? nil : program.isRunning
            }
            return listens ? (program, port) : nil
        }
    }

    private static func problem(_ port: Int, host: String = "127.0.0.1") throws -> String {
        var settings = try DirectorySettings.fake(port, .tls)
        settings.servers = [.local(port, .tls, host: host)]
        settings.connectTimeout = 30_000_000_000
        let asked = try Asked(settings)
        #expect(asked.login("alice", "right") == later)
        return asked.reports.undecided.first ?? ""
    }

    /// LD39 to LD44: each certificate is wrong in its own way.
    @Test(
        "a certificate that does not prove who the server is ends the login",
        arguments: [
            ("DNS:other.test", "mismatch"), ("IP:127.0.0.2", "mismatch"),
            ("DNS:127.0.0.1", "mismatch"), ("expired", "expired"), ("unknown", "unable to get"),
            ("self", "self"),
        ])
    func certificates(kind: String, reason: String) async throws {
        try await onThread {
            let certificates = try Certificates.shared()
            let strange = try Certificates()
            let files =
                try kind == "unknown"
                ? (strange.certificate, strange.key) : certificates.server(kind)
            let (program, port) = try Self.server(["-cert", files.0, "-key", files.1])
            defer { program.stop() }
            #expect(try Self.problem(port).contains(reason))
        }
    }

    /// LD48.
    @Test("a server that knows old versions only is not spoken to")
    func oldVersion() async throws {
        try await onThread {
            let certificates = try Certificates.shared()
            let (program, port) = try Self.server([
                "-cert", certificates.certificate, "-key", certificates.key, "-tls1_1", "-cipher",
                "DEFAULT@SECLEVEL=0",
            ])
            defer { program.stop() }
            #expect(try Self.problem(port).hasPrefix("tls: "))
        }
    }

    /// LD46.
    @Test("a server that refuses TLS is not asked in the clear", arguments: [2, 52, 53] as [UInt8])
    func refusedStartTLS(code: UInt8) async throws {
        try await onThread {
            let fake = try FakeDirectory { visit in
                FakeDirectory.serve(visit) { request in
                    guard request.tag == 0x77 else { return false }
                    visit.send(LDAPAnswer.result(request.number, 0x78, code: code))
                    return true
                }
            }
            let asked = try Asked(.fake(fake.port, .startTLS))
            #expect(asked.login("alice", "right") == Self.later)
            #expect(fake.seen.map(\.tag).allSatisfy { $0 == 0x77 || $0 == 0x42 })
        }
    }

    /// LD47.
    @Test("an answer in the clear before TLS has begun ends the connection")
    func injection() async throws {
        try await onThread {
            let fake = try FakeDirectory { visit in
                guard let request = visit.next() else { return }
                let next = LDAPAnswer.result(request.number + 1, 0x61)
                visit.send(LDAPAnswer.result(request.number, 0x78) + next)
                while visit.next() != nil {}
            }
            let asked = try Asked(.fake(fake.port, .startTLS))
            #expect(asked.login("alice", "right") == Self.later)
            #expect(fake.count(0x60) == 0)
            let reason = asked.reports.undecided.first ?? ""
            #expect(reason.contains("in the clear") || reason.contains("tls: "))
        }
    }
}

extension Certificates {
    /// A certificate and key for a server that is not to be trusted, or for other names.
    fileprivate func server(_ kind: String) throws -> (certificate: String, key: String) {
        switch kind {
        case "expired":
            return (try issue(commonName: "x", to: "ldap-expired.crt", days: -1), key)
        case "self": return (try issueSelfSigned(to: "ldap-self.crt"), key)
        default:
            let name = "ldap-\(kind.utf8.reduce(0) { $0 + Int($1) }).crt"
            return (try issue(commonName: "127.0.0.1", to: name, names: kind), key)
        }
    }
}
